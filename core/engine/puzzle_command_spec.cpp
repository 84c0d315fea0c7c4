#include "core/engine/puzzle_command.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kArguments = R"json({"type": "object", "required": ["run"], "properties": {
  "run": {"type": "string", "minLength": 1, "description": "id of a finished run of puzzle, its first letters, \"last\", or a puzzle.json"},
  "parameters": {"type": "number", "minimum": 0, "default": 0, "description": "at most this share of the parent's; 0: no limit"},
  "bytes": {"type": "number", "minimum": 0, "default": 0, "description": "weights and cache, at most this share of the parent's"},
  "prompt-time": {"type": "number", "minimum": 0, "default": 0, "description": "at most this share of the parent's"},
  "speed": {"type": "number", "minimum": 0, "default": 0, "description": "tokens per second, at least this many times the parent's"},
  "memory-mib": {"type": "number", "minimum": 0, "default": 0, "description": "weights and cache, at most so many MiB"},
  "prompt-seconds": {"type": "number", "minimum": 0, "default": 0, "description": "to the first token, at most"},
  "generate-seconds": {"type": "number", "minimum": 0, "default": 0, "description": "for all generated tokens, at most"},
  "tokens-per-second": {"type": "number", "minimum": 0, "default": 0, "description": "of all sequences together, at least"},
  "batches": {"type": "array", "items": {"type": "integer", "minimum": 1}, "default": [], "description": "sequences at once (may be given again): searched for each, the best is kept; none: as the run measured"},
  "prompt": {"type": "integer", "minimum": 0, "default": 0, "description": "tokens of each sequence before the first generated one; 0: as the run measured"},
  "generated": {"type": "integer", "minimum": 0, "default": 0, "description": "tokens generated; 0: as the run measured"},
  "alternatives": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0, "description": "further architectures that differ from all before"},
  "difference": {"type": "number", "minimum": 0.01, "maximum": 1, "default": 0.2, "description": "share of the layers in which an alternative differs"},
  "seconds": {"type": "number", "exclusiveMinimum": 0, "default": 60, "description": "of the solver for each architecture, at most"}}})json";
// clang-format on

}  // namespace

void declarePuzzleCommand(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "puzzle";
    spec.summary = "Search a puzzle run's blocks for the best architecture under other budgets";
    spec.arguments = Json::parse(kArguments);
    spec.positional = {"run"};
    spec.home = CommandHome::Engine;
    spec.help =
        "From the stored scores and costs, in a moment: no model is loaded, nothing is taught. Memory is "
        "that "
        "of weights and cache for any number of sequences and tokens; limits of time need the times that a "
        "run measured, for the batches of its budgets. To distil what it finds: `vitrine run` with the "
        "budget "
        "and settings.library.\n\n"
        "  vitrine puzzle last --bytes 0.6 --speed 1.2 --alternatives 2\n"
        "  vitrine puzzle last --memory-mib 4 --tokens-per-second 900 --batches 1 --batches 8 --batches 32";
    registry.declare(std::move(spec));
}

}  // namespace vitrine
