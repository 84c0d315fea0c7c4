#include "core/clouds/cloud_readers.h"

#include "core/base/log.h"
#include "core/base/paths.h"
#include "core/io/natural_order.h"
#include "core/plugins/plugin_manager.h"

#include <algorithm>
#include <stdexcept>

namespace vitrine {
namespace fs = std::filesystem;

namespace {

class ReaderHost : public PluginHost {
  public:
    void addModelFamily(const ModelFamily&) override { refuse(); }
    void addUpsampler(const FeatureUpsampler&) override { refuse(); }
    void addPointCloudReader(const PointCloudReader& reader) override {
        if (!reader.recognizes || !reader.read)
            throw std::invalid_argument("a reader has no recognizes or no read");
        readers.push_back(reader);
    }

    std::vector<PointCloudReader> readers;

  private:
    static void refuse() { throw std::invalid_argument("a plugin of kind \"reader\" must add readers only"); }
};

std::string lowerExtension(const fs::path& file) {
    std::string extension = file.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char letter) { return char(std::tolower(letter)); });
    return extension;
}

std::string knownExtensions() {
    std::string all;
    for (const PointCloudReader& reader : pointCloudReaders())
        for (const std::string& extension : reader.extensions)
            all += fmt::format("{}{} ({})", all.empty() ? "" : ", ", extension, reader.name);
    return all;
}

void appendClouds(const fs::path& folder, std::vector<fs::path>& clouds, bool below) {
    std::error_code failed;
    for (auto entry = fs::directory_iterator(folder, failed); !failed && entry != fs::directory_iterator();
         entry.increment(failed)) {
        std::error_code ignored;
        if (entry->path().filename().string().starts_with('.'))
            continue;
        if (entry->is_directory(ignored)) {
            if (below)
                appendClouds(entry->path(), clouds, false);
        } else if (pointCloudReaderOf(entry->path())) {
            clouds.push_back(entry->path());
        }
    }
}

}  // namespace

const std::vector<PointCloudReader>& pointCloudReaders() {
    // The manager stays: the readers live in its libraries.
    static const std::vector<PointCloudReader> readers = [] {
        PluginManager plugins(userStateFolder() / "plugins.json");
        plugins.discover(PluginManager::searchFolders());
        ReaderHost host;
        plugins.load(host, false);
        return host.readers;
    }();
    return readers;
}

const PointCloudReader* pointCloudReaderOf(const fs::path& file) {
    const std::string extension = lowerExtension(file);
    for (const PointCloudReader& reader : pointCloudReaders()) {
        if (std::find(reader.extensions.begin(), reader.extensions.end(), extension) ==
            reader.extensions.end())
            continue;
        try {
            if (reader.recognizes(file))
                return &reader;
        } catch (...) {
            log::warn("{}", errorFromCurrentException(reader.name).text());
        }
    }
    return nullptr;
}

Result<PointCloud> readPointCloud(const fs::path& file, JobContext& job) {
    std::error_code failed;
    if (!fs::exists(file, failed))
        return fail(ErrorCode::NotFound, "there is no such file", file.string());
    const PointCloudReader* reader = pointCloudReaderOf(file);
    if (!reader)
        return fail(ErrorCode::Unsupported, "no plugin reads this as a point cloud", file.string(),
                    pointCloudReaders().empty()
                        ? "No plugin of kind \"reader\" is loaded; see `vitrine plugins list`"
                        : "Known are " + knownExtensions());
    try {
        VITRINE_TRY(PointCloud cloud, reader->read(file, job));
        if (cloud.pointCount() == 0)
            return fail(ErrorCode::InvalidFile, "holds no point that is a finite number", file.string());
        return cloud;
    } catch (...) {
        return fail(errorFromCurrentException(reader->name).in(file.string()));
    }
}

std::optional<fs::path> cloudOfPicture(const fs::path& picture) {
    for (const PointCloudReader& reader : pointCloudReaders()) {
        if (!reader.cloudOfPicture)
            continue;
        try {
            if (auto cloud = reader.cloudOfPicture(picture))
                return cloud;
        } catch (...) {
            log::warn("{}", errorFromCurrentException(reader.name).text());
        }
    }
    return std::nullopt;
}

std::vector<fs::path> listPointClouds(const fs::path& folder) {
    std::vector<fs::path> clouds;
    appendClouds(folder, clouds, true);
    std::sort(clouds.begin(), clouds.end(),
              [](const fs::path& a, const fs::path& b) { return naturalLess(a.string(), b.string()); });
    return clouds;
}

}  // namespace vitrine
