#include "core/engine/merging_command.h"

namespace vitrine {

// clang-format off
constexpr const char* kMergingArguments = R"json({"type": "object", "required": ["model", "images"], "properties": {
  "model": {"type": "string", "description": "model folder or weight file"},
  "images": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "pictures and folders of pictures"},
  "kept": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "default": [0.25, 0.1111, 0.0625], "description": "share of the tokens that is left (may be given again)"},
  "adaptor": {"type": "string", "default": "", "description": "adaptor head; empty: backbone"},
  "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "description": "model pixels of the short side; 0: what the model prefers"},
  "limit": {"type": "integer", "minimum": 0, "default": 32, "description": "pictures at most, evenly spread; 0: all"},
  "output": {"type": "string", "default": "", "description": "folder for table and pictures; empty: they stay in the project"},
  "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"}}})json";
// clang-format on

void declareMergingCommand(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "merge";
    spec.summary = "Merge the tokens of a picture into fewer, and say what is lost beside average pooling";
    spec.arguments = Json::parse(kMergingArguments);
    spec.positional = {"model", "images"};
    spec.home = CommandHome::Engine;
    // A string of its own: GCC 12 warns falsely where a literal is assigned to one (its bug 105329).
    spec.help = std::string(
        "Bipartite soft matching of the final features, once and without training (RADIOv2.5): one token of "
        "each cell of a grid stays, and the most similar others are averaged into it. Cosine: of each "
        "token and what stands for it. Error: squared, over the variance of the features; 1 is no better "
        "than their mean. Tokens kept by chance are read by the most similar one.\n\n"
        "  vitrine merge radio/ photos/\n"
        "  vitrine merge radio/ photos/ --kept 0.25 --resolution 512 --output merged/");
    registry.declare(std::move(spec));
}

}  // namespace vitrine
