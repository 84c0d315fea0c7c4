#include "core/engine/statistics_command.h"

namespace vitrine {

// clang-format off
constexpr const char* kStatisticsArguments = R"json({"type": "object", "required": ["inputs"], "properties": {
  "inputs": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "models, pictures and folders of pictures, in any order"},
  "recursive": {"type": "boolean", "default": false, "description": "pictures of folders below the given ones too"},
  "limit": {"type": "integer", "minimum": 0, "default": 0, "description": "pictures to take at most, evenly spread over the list; 0: all"},
  "layers": {"type": "array", "items": {"type": "integer", "minimum": -1}, "default": [-1], "description": "hidden states (may be given again); -1: the final features"},
  "adaptors": {"type": "array", "items": {"type": "string"}, "default": [], "description": "adaptor heads (may be given again); * for all"},
  "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "description": "model pixels of the short side; 0: what each model prefers"},
  "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 8, "description": "pictures that go through the model together"},
  "precision": {"type": "string", "enum": ["float32", "float64"], "default": "float32", "description": "products of the covariance; float64 where the spectrum's tail matters"},
  "output": {"type": "string", "default": "", "description": "folder for the CSV files, moments and normalisers; empty: they stay in the project"},
  "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "description": "element type to encode in"}}})json";
// clang-format on

void declareStatisticsCommand(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "statistics";
    spec.summary = "Collect statistics of teachers' features: scale, spectrum, ranks, dispersion; fit PHI-S";
    spec.arguments = Json::parse(kStatisticsArguments);
    spec.positional = {"inputs"};
    spec.home = CommandHome::Engine;
    // A string of its own: GCC 12 warns falsely where a literal is assigned to one (its bug 105329).
    spec.help = std::string(
        "The table: global std (one mean and deviation over all values), smallest and largest channel std, "
        "phi = "
        "sqrt(mean channel variance), largest kurtosis of a channel, RankMe, effective and numerical rank, "
        "mean norm of a "
        "feature vector, dispersion of the summaries' cone in squared radians. Everything is kept as a run "
        "of the "
        "project, which can be resumed.\n\n"
        "  vitrine statistics models/clip models/dinov2 photos/ --limit 500 --output statistics/");
    registry.declare(std::move(spec));
}

}  // namespace vitrine
