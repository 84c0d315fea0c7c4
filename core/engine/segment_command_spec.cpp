#include "core/engine/segment_command.h"

namespace vitrine {

// clang-format off
constexpr const char* kSegmentArguments = R"json({"type": "object", "required": ["image", "model"], "properties": {
  "image": {"type": "string", "minLength": 1, "description": "picture"},
  "model": {"type": "string", "minLength": 1, "description": "model folder: SAM, SAM 2 or SAM 3"},
  "point": {"type": "array", "items": {"type": "string"}, "default": [], "description": "x,y in pixels of the picture, inside the object; may be given several times"},
  "outside": {"type": "array", "items": {"type": "string"}, "default": [], "description": "x,y of a point outside the object"},
  "box": {"type": "array", "items": {"type": "string"}, "default": [], "description": "x0,y0,x1,y1: an object each, or examples of what the text names"},
  "text": {"type": "string", "default": "", "description": "what to find (SAM 3)"},
  "threshold": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5, "description": "lowest score of an object that a text found"},
  "output": {"type": "string", "default": "", "description": "picture with the outlined objects: .png, .jpg or .tif"},
  "masks": {"type": "string", "default": "", "description": "folder for one black-and-white PNG for each object"},
  "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "description": "element type to compute in"}}})json";
// clang-format on

void declareSegmentCommand(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "segment";
    spec.summary = "Outline what points, boxes or a text mean in a picture";
    spec.arguments = Json::parse(kSegmentArguments);
    spec.positional = {"image", "model"};
    spec.home = CommandHome::Engine;
    // A string of its own: GCC 12 warns falsely where a literal is assigned to one (its bug 105329).
    spec.help = std::string(
        "Exit code 1 if a text found nothing. Examples:\n"
        "  vitrine segment truck.jpg sam/ --point 700,560 --output truck.png\n"
        "  vitrine segment street.jpg sam3/ --text \"traffic light\" --masks masks/");
    registry.declare(std::move(spec));
}

}  // namespace vitrine
