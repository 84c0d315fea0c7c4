#include "core/plugins/plugin_api.h"
#include "core/plugins/point_cloud_reader.h"

#include <fstream>
#include <sstream>

namespace {

vitrine::Result<vitrine::PointCloud> readXyz(const std::filesystem::path& path, vitrine::JobContext&) {
    using vitrine::ErrorCode;
    std::ifstream stream(path);
    if (!stream)
        return vitrine::fail(ErrorCode::NotFound, "cannot be opened", path.string());
    vitrine::PointCloud cloud;
    cloud.frame = "world";
    int number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        std::istringstream words(line);
        float x, y, z;
        if (!(words >> x >> y >> z))
            return vitrine::fail(ErrorCode::InvalidFile, "expected three numbers: x y z",
                                 fmt::format("{}:{}", path.string(), number));
        cloud.positions.insert(cloud.positions.end(), {x, y, z});
    }
    return cloud;
}

}  // namespace

extern "C" int vitrinePluginApiVersion() {
    return vitrine::kPluginApiVersion;
}

extern "C" void vitrineRegisterPlugin(vitrine::PluginHost& host) {
    const auto recognizes = [](const std::filesystem::path&) { return true; };
    host.addPointCloudReader({"XYZ text", {".xyz"}, recognizes, readXyz});
}
