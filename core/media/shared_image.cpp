#include "core/media/shared_image.h"

#include "core/media/image_reader.h"

#include <future>
#include <map>
#include <mutex>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

using Shared = Result<std::shared_ptr<const Image>>;

struct Known {
    std::mutex mutex;
    std::map<std::string, std::weak_ptr<const Image>> held;
    std::map<std::string, std::shared_future<Shared>> reading;
};

Known& known() {
    static Known instance;
    return instance;
}

std::string stampOf(const fs::path& path) {
    std::error_code problem;
    const auto written = fs::last_write_time(path, problem).time_since_epoch().count();
    return fmt::format("{}|{}|{}", path.string(), problem ? 0 : fs::file_size(path, problem), written);
}

Shared read(const fs::path& path) {
    try {
        VITRINE_TRY(Image image, readImage(path));
        return std::make_shared<const Image>(std::move(image));
    } catch (...) {
        // Memory may run out outside of the decoder; those who wait must be told.
        return fail(errorFromCurrentException("read a picture").in(path.string()));
    }
}

}  // namespace

Result<std::shared_ptr<const Image>> sharedImage(const fs::path& path) {
    const std::string stamp = stampOf(path);
    std::promise<Shared> mine;
    std::shared_future<Shared> theirs;
    {
        const std::lock_guard lock(known().mutex);
        std::erase_if(known().held, [](const auto& entry) { return entry.second.expired(); });
        if (const auto found = known().held.find(stamp); found != known().held.end())
            if (auto image = found->second.lock())
                return image;
        if (const auto found = known().reading.find(stamp); found != known().reading.end())
            theirs = found->second;
        else
            known().reading.emplace(stamp, mine.get_future().share());
    }
    if (theirs.valid())
        return theirs.get();
    Shared image = read(path);
    const std::lock_guard lock(known().mutex);
    if (image)
        known().held[stamp] = *image;
    mine.set_value(image);
    known().reading.erase(stamp);
    return image;
}

}  // namespace vitrine
