#include "core/engine/cloud_command.h"

#include "core/clouds/cloud_camera.h"
#include "core/clouds/cloud_colors.h"
#include "core/clouds/cloud_picture.h"
#include "core/clouds/cloud_readers.h"
#include "core/clouds/ply_writer.h"
#include "core/commands/text_table.h"
#include "core/media/image_folder.h"
#include "core/media/image_reader.h"
#include "core/media/image_writer.h"

#include <cmath>
#include <map>

namespace vitrine {
namespace {
namespace fs = std::filesystem;

// A picture stands for the cloud that was taken with it.
fs::path cloudFileOf(const fs::path& path) {
    if (!pointCloudReaderOf(path) && hasImageExtension(path))
        if (const auto cloud = cloudOfPicture(path))
            return *cloud;
    return path;
}

int64_t seenPoints(const PointCloud& cloud) {
    int64_t seen = 0;
    for (size_t index = 0; index < cloud.pixels.size(); index += 2)
        seen += !std::isnan(cloud.pixels[index]);
    return seen;
}

std::vector<std::string> fieldsOf(const PointCloud& cloud) {
    std::vector<std::string> fields{"position"};
    if (!cloud.colors.empty())
        fields.push_back("color");
    if (!cloud.intensities.empty())
        fields.push_back("intensity");
    if (!cloud.pixels.empty())
        fields.push_back("pixel");
    return fields;
}

Json describe(const PointCloud& cloud, const fs::path& file) {
    const CloudBounds bounds = boundsOf(cloud);
    Json boxes = Json::array();
    for (const Box3& box : cloud.boxes)
        boxes.push_back({{"label", box.label}, {"center", box.center}, {"size", box.size}});
    Json data{{"path", file.string()},
              {"reader", pointCloudReaderOf(file) ? pointCloudReaderOf(file)->name : ""},
              {"frame", cloud.frame},
              {"points", cloud.pointCount()},
              {"bounds", {{"low", bounds.low}, {"high", bounds.high}}},
              {"fields", fieldsOf(cloud)},
              {"boxes", std::move(boxes)}};
    if (cloud.picture)
        data["picture"] = cloud.picture->string();
    if (!cloud.pixels.empty())
        data["pointsInPicture"] = seenPoints(cloud);
    if (cloud.camera)
        data["camera"] = {{"position", cloud.camera->position},
                          {"focalLength", {cloud.camera->focalX, cloud.camera->focalY}},
                          {"center", {cloud.camera->centerX, cloud.camera->centerY}},
                          {"size", {cloud.camera->width, cloud.camera->height}}};
    return data;
}

std::string vectorText(const Vector3d& v) {
    return fmt::format("{:.2f}, {:.2f}, {:.2f}", v[0], v[1], v[2]);
}

std::string textOf(const PointCloud& cloud, const fs::path& file) {
    const CloudBounds bounds = boundsOf(cloud);
    const auto row = [](const char* name, const std::string& value) {
        return fmt::format("{:<10}{}\n", name, value);
    };
    std::string fields;
    for (const std::string& field : fieldsOf(cloud))
        fields += (fields.empty() ? "" : ", ") + field;
    const Vector3d size{bounds.high[0] - bounds.low[0], bounds.high[1] - bounds.low[1],
                        bounds.high[2] - bounds.low[2]};
    std::string text = file.string() + "\n";
    if (const PointCloudReader* reader = pointCloudReaderOf(file))
        text += row("kind", reader->name);
    text += row("points", groupedNumber(int64_t(cloud.pointCount())));
    text += row("frame", cloud.frame.empty() ? "not stated" : cloud.frame);
    text += row("from", vectorText(bounds.low) + " m");
    text += row("to", vectorText(bounds.high) + " m");
    text += row("size", fmt::format("{:.2f} x {:.2f} x {:.2f} m", size[0], size[1], size[2]));
    text += row("fields", fields);
    if (cloud.picture)
        text += row("picture", cloud.picture->string());
    if (!cloud.pixels.empty())
        text += row("seen", fmt::format("{} points are in the picture", groupedNumber(seenPoints(cloud))));
    if (cloud.camera)
        text += row("camera", fmt::format("at {} m, focal length {:.1f} px",
                                          vectorText(cloud.camera->position), cloud.camera->focalX));
    for (const Box3& box : cloud.boxes)
        text += row("box", fmt::format("{} at {} m, {:.2f} x {:.2f} x {:.2f} m", box.label,
                                       vectorText(box.center), box.size[0], box.size[1], box.size[2]));
    return text;
}

Result<CloudColors> paint(const PointCloud& cloud, const Json& arguments, UpAxis up) {
    CloudColorOptions options;
    const std::string picture = arguments["picture"], color = arguments["color"];
    const std::optional<CloudColoring> wanted = cloudColoringFromName(color);
    options.coloring = wanted             ? *wanted
                       : !picture.empty() ? CloudColoring::Picture
                                          : coloringsOf(cloud).front();
    options.colorMap = colorMapFromName(arguments["colorMap"].get<std::string>());
    options.clipPercent = arguments["clip"];
    options.up = up;
    Image image;
    if (options.coloring == CloudColoring::Picture) {
        if (picture.empty() && !cloud.picture)
            return fail(ErrorCode::InvalidArgument, "there is no picture beside this cloud", "picture",
                        "Name it: --picture FILE");
        VITRINE_TRY(image, readImage(picture.empty() ? *cloud.picture : fs::path(picture)));
    }
    return colorsOf(cloud, &image, options);
}

Result<void> writeOutput(const fs::path& file, const PointCloud& cloud, const CloudColors& colors,
                         const Json& arguments, UpAxis up, JobContext& job) {
    if (file.extension() == ".ply") {
        // Heights as colours would be taken for the object's own.
        return writePly(file, cloud, colors.scalar ? std::span<const uint8_t>(cloud.colors) : colors.rgb,
                        job);
    }
    const bool fromCamera = arguments["view"] == "camera";
    if (fromCamera && !cloud.camera)
        return fail(ErrorCode::InvalidArgument, "this cloud has no camera to look from", "view");
    CloudPictureOptions options;
    options.size = {arguments["width"].get<int64_t>(), arguments["height"].get<int64_t>()};
    options.pointSize = arguments["pointSize"];
    const CloudView view =
        fromCamera ? viewOfCamera(*cloud.camera, medianDistance(cloud)) : overviewOf(cloud, up);
    return writeImage(file, drawCloud(cloud, colors.rgb, view, options));
}

Result<CommandOutput> describeCloud(const Json& arguments, CommandContext& context) {
    const fs::path file = cloudFileOf(arguments["path"].get<std::string>());
    VITRINE_TRY(const PointCloud cloud, readPointCloud(file, context.job));
    CommandOutput output;
    output.data = describe(cloud, file);
    output.text = textOf(cloud, file);
    if (arguments["output"].empty())
        return output;
    const std::string upName = arguments["up"];
    const UpAxis up = upName == "auto" ? likelyUpAxis(cloud) : upAxisFromName(upName);
    VITRINE_TRY(const CloudColors colors, paint(cloud, arguments, up));
    output.data["coloring"] = colors.title;
    if (colors.scalar)
        output.data["range"] = {colors.range.low, colors.range.high};
    for (const std::string path : arguments["output"]) {
        VITRINE_TRY_VOID(writeOutput(path, cloud, colors, arguments, up, context.job));
        output.data["written"].push_back(path);
        output.text += fmt::format("{:<10}{}\n", "written", path);
    }
    return output;
}

}  // namespace

void bindCloudCommand(CommandRegistry& registry) {
    registry.bind("cloud", describeCloud);
}

}  // namespace vitrine
