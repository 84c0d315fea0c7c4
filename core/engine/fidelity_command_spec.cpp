#include "core/engine/fidelity_command.h"

namespace vitrine {

// clang-format off
constexpr const char* kFidelityArguments = R"json({"type": "object", "required": ["model", "images"], "properties": {
  "model": {"type": "string", "description": "model folder or weight file; it must take pictures of any size"},
  "images": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "pictures and folders of pictures"},
  "upsamplers": {"type": "array", "items": {"type": "string"}, "default": ["nearest", "bilinear", "bicubic", "jbu"], "description": "a name of `vitrine upsamplers`, the folder of a trained one, or featup-implicit with settings behind a colon (may be given again)"},
  "factor": {"type": "integer", "minimum": 2, "maximum": 8, "default": 2, "description": "how much finer"},
  "side": {"type": "integer", "minimum": 0, "maximum": 4096, "default": 0, "description": "pixels of the small picture; 0: what the model prefers"},
  "limit": {"type": "integer", "minimum": 0, "default": 32, "description": "pictures at most, evenly spread; 0: all"},
  "output": {"type": "string", "default": "", "description": "folder for table and pictures; empty: they stay in the project"},
  "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"}}})json";
// clang-format on

void declareFidelityCommand(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "fidelity";
    spec.summary = "Compare upsampled features with those that the encoder itself gives at that resolution";
    spec.arguments = Json::parse(kFidelityArguments);
    spec.positional = {"model", "images"};
    spec.home = CommandHome::Engine;
    // A string of its own: GCC 12 warns falsely where a literal is assigned to one (its bug 105329).
    spec.help = std::string(
        "Each picture is squeezed to a square, encoded small and large. Fidelity: variance of the features "
        "of the "
        "large picture over the squared error of the upsampled ones; 1 is no better than their mean. Seam "
        "ratio: "
        "jumps at the borders of tiles over those elsewhere; 1 shows no seam. Encoders whose features change "
        "with "
        "the resolution score low whatever the upsampler.\n\n"
        "  vitrine fidelity radio/ photos/\n"
        "  vitrine fidelity radio/ photos/ --upsamplers bilinear --upsamplers my-featsharp/ --factor 2");
    registry.declare(std::move(spec));
}

}  // namespace vitrine
