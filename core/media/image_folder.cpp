#include "core/media/image_folder.h"

#include "core/base/file.h"
#include "core/io/natural_order.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <set>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

class Lister {
  public:
    Lister(const ImageFolderOptions& options, JobContext* job) : options_(options), job_(job) {}

    // `top`: failure to open it is the caller's error; further down it is counted.
    Result<void> visit(const fs::path& folder, bool top) {
        struct stat info {};
        if (::stat(folder.c_str(), &info) != 0 || !seen_.insert({info.st_dev, info.st_ino}).second)
            return {};
        std::error_code error;
        fs::directory_iterator entries(folder, error);
        if (error && top)
            return fail(errorFromErrno(error.value(), "list", folder));
        std::vector<fs::path> images, folders;
        for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
            if (job_)
                VITRINE_TRY_VOID(job_->checkStop());
            const fs::path& path = entries->path();
            if (!options_.hidden && path.filename().native().starts_with('.'))
                continue;
            std::error_code ignored;
            if (entries->is_directory(ignored))
                folders.push_back(path);
            else if (hasImageExtension(path) && entries->is_regular_file(ignored))
                images.push_back(path);
        }
        list.unreadableFolders += error ? 1 : 0;
        const auto byName = [](const fs::path& a, const fs::path& b) {
            return naturalLess(a.filename().native(), b.filename().native());
        };
        std::sort(images.begin(), images.end(), byName);
        std::sort(folders.begin(), folders.end(), byName);
        list.images.insert(list.images.end(), images.begin(), images.end());
        if (options_.recursive)
            for (const fs::path& below : folders)
                VITRINE_TRY_VOID(visit(below, false));
        return {};
    }

    ImageFolderList list;

  private:
    const ImageFolderOptions& options_;
    JobContext* job_;
    std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

const std::vector<std::string>& imageExtensions() {
    static const std::vector<std::string> extensions{".png", ".jpg",  ".jpeg", ".jpe", ".webp",
                                                     ".tif", ".tiff", ".bmp",  ".pbm", ".pgm",
                                                     ".ppm", ".exr",  ".hdr"};
    return extensions;
}

bool hasImageExtension(const fs::path& path) {
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](uint8_t c) { return char(std::tolower(c)); });
    const auto& known = imageExtensions();
    return std::find(known.begin(), known.end(), extension) != known.end();
}

Result<ImageFolderList> listImages(const fs::path& folder, const ImageFolderOptions& options,
                                   JobContext* job) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0)
        return fail(errorFromErrno(errno, "list", folder));
    if (!S_ISDIR(info.st_mode))
        return fail(ErrorCode::InvalidArgument, "it is a file, a folder was expected", folder.string());
    Lister lister(options, job);
    VITRINE_TRY_VOID(lister.visit(folder, true));
    return std::move(lister.list);
}

}  // namespace vitrine
