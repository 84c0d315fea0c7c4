#include "core/engine/cloud_command.h"

namespace vitrine {

// clang-format off
constexpr const char* kCloudArguments = R"json({"type": "object", "required": ["path"], "properties": {
  "path": {"type": "string", "minLength": 1, "description": "point cloud: PLY, PCD, KITTI scan (.bin), RGB-D frame (.depth.png), or a picture taken together with one"},
  "output": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [], "description": "files to write: .ply, or a picture (.png, .jpg, .tif)"},
  "picture": {"type": "string", "default": "", "description": "colour the points from this picture instead of the one beside the cloud"},
  "color": {"type": "string", "default": "auto", "enum": ["auto", "own", "picture", "height", "distance", "intensity"], "description": "what the points are coloured by"},
  "colorMap": {"type": "string", "default": "turbo", "enum": ["viridis", "magma", "turbo", "cividis", "grey", "coolwarm"], "description": "colours of height, distance and intensity"},
  "clip": {"type": "number", "default": 1, "minimum": 0, "maximum": 49, "description": "percent of the values left out at each end of the colour scale"},
  "up": {"type": "string", "default": "auto", "enum": ["auto", "x", "-x", "y", "-y", "z", "-z"], "description": "which axis points up"},
  "view": {"type": "string", "default": "overview", "enum": ["overview", "camera"], "description": "where a picture of the cloud is taken from"},
  "width": {"type": "integer", "default": 1600, "minimum": 16, "maximum": 16384, "description": "of a picture of the cloud, pixels"},
  "height": {"type": "integer", "default": 900, "minimum": 16, "maximum": 16384, "description": "of a picture of the cloud, pixels"},
  "pointSize": {"type": "integer", "default": 2, "minimum": 1, "maximum": 64, "description": "side of a point in a picture of the cloud, pixels"}}})json";
// clang-format on

void declareCloudCommand(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "cloud";
    spec.summary = "Describe a point cloud, convert it to PLY, or draw it";
    spec.arguments = Json::parse(kCloudArguments);
    spec.positional = {"path"};
    spec.home = CommandHome::Engine;
    // A string of its own: GCC 12 warns falsely where a literal is assigned to one (its bug 105329).
    spec.help = std::string(
        "Prints number of points, bounds in metres, fields, boxes and camera. Examples:\n"
        "  vitrine cloud velodyne/000001.bin --output scan.ply --output scan.png\n"
        "  vitrine cloud frame-000000.color.jpg --view camera --output seen.png\n"
        "  vitrine cloud scan.pcd --color height --up y --output scan.png");
    registry.declare(std::move(spec));
}

}  // namespace vitrine
