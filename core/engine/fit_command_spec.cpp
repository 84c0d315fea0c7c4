#include "core/engine/fit_command.h"
#include "core/upsampling/implicit_options.h"

namespace vitrine {

// clang-format off
constexpr const char* kFitArguments = R"json({"type": "object", "required": ["image", "model"], "properties": {
  "image": {"type": "string", "minLength": 1, "description": "picture"},
  "model": {"type": "string", "minLength": 1, "description": "model folder or weight file"},
  "cost": {"type": "boolean", "default": false, "description": "only say what the fit would take on this machine"},
  "output": {"type": "string", "default": "", "description": "file for a copy of the fit: .safetensors; `--upsampler FILE` opens it"},
  "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "description": "model pixels of the short side; 0: what the model prefers"},
  "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "description": "element type to compute in"}}})json";
// clang-format on

void declareFitCommand(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "upsampler.fit";
    spec.summary = "Fit FeatUp's implicit upsampler to one picture and keep the fit";
    spec.arguments = Json::parse(kFitArguments);
    const Json settings = implicitSettingsSchema();
    for (const auto& [name, property] : settings["properties"].items())
        spec.arguments["properties"][name] = property;
    spec.positional = {"image", "model"};
    spec.home = CommandHome::Engine;
    // A string of its own: GCC 12 warns falsely where a literal is assigned to one (its bug 105329).
    spec.help = std::string(
        "The defaults are the published ones: 3,000 views and 1,200 steps on a map of one cell a pixel, made "
        "for a\n"
        "GPU. On a processor take fewer views and larger cells. The fit is kept for this picture, model and "
        "settings:\n"
        "a map, the window and `vitrine fidelity` find it under the upsampler's name, settings behind a "
        "colon.\n"
        "All kept fits take 1 GB at most, or VITRINE_FIT_CACHE_LIMIT (GB); those unused for longest go "
        "first.\n\n"
        "  vitrine upsampler fit dog.jpg radio/ --cost\n"
        "  vitrine upsampler fit dog.jpg radio/ --jitters 300 --steps 400 --cell 4\n"
        "  vitrine map dog.jpg radio/ --upsampler featup-implicit:jitters=300,steps=400,cell=4");
    registry.declare(std::move(spec));
}

}  // namespace vitrine
