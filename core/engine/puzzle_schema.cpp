#include "core/engine/puzzle_schema.h"

#include "core/engine/prune_structures_schema.h"
#include "core/engine/settings_group.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kChain = R"json({
  "chain_removed": {"type": "integer", "minimum": 0, "default": 0, "title": "Blocks removed first", "description": "Whole blocks, least influential first, before the library is built of what is left; 0: none. The whole parent stays the teacher and what budgets are shares of."},
  "chain_metric": {"type": "string", "enum": ["cosine", "relative_l1", "relative_l2", "loss", "logit", "shapley_loss", "shapley_logit", "iterative_loss", "iterative_logit"], "default": "cosine", "title": "Blocks by", "description": "As of prune-structures: cosine and relative norms of the update; loss or distance of the logits with the block gone; Shapley values; one after another, measured anew each time."},
  "chain_steps": {"type": "integer", "minimum": 0, "default": 0, "title": "Steps of what is left", "description": "Of its distillation from the parent before the library is built; 0: none."}})json";

constexpr const char* kLibrary = R"json({
  "library": {"type": "string", "default": "", "title": "Library", "description": "library.safetensors of an earlier run on this model; empty: built anew."},
  "key_value_heads": {"type": "array", "items": {"type": "integer", "minimum": 1}, "default": [1], "title": "Key/value heads", "description": "Of attention variants; divisors of the model's."},
  "key_value_start": {"type": "string", "enum": ["average", "first", "prune"], "default": "average", "title": "Fewer key/value heads begin as", "description": "The mean of those they stand for, the first of them, or the best heads by what they add to the stream (prune): all queries stay, those of removed heads say nothing until they learn."},
  "neuron_shares": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "default": [0.75, 0.5, 0.25], "title": "Shares of neurons", "description": "Of feed-forward variants."},
  "neuron_start": {"type": "string", "enum": ["independent", "iterative"], "default": "independent", "title": "Neurons that stay", "description": "Those of the largest activation times down norm each for itself, or the last that go one after another with what is gone looked at."},
  "attention_linear": {"type": "boolean", "default": true, "title": "Linear attention part", "description": "One matrix in the place of attention."},
  "attention_none": {"type": "boolean", "default": true, "title": "No attention"},
  "feed_forward_linear": {"type": "boolean", "default": true, "title": "Linear feed-forward part"},
  "feed_forward_none": {"type": "boolean", "default": true, "title": "No feed-forward part"},
  "linear_start": {"type": "string", "enum": ["fit", "product"], "default": "fit", "title": "Linear parts begin as", "description": "Least squares on what the parent's part does, or the product of its matrices."},
  "blockwise_steps": {"type": "integer", "minimum": 0, "default": 100, "title": "Blockwise steps", "description": "Of each variant, taught alone to do what the parent's part does."},
  "blockwise_rate": {"type": "number", "exclusiveMinimum": 0, "default": 0.001, "title": "Blockwise learning rate"},
  "score": {"type": "string", "enum": ["divergence", "loss", "state_cosine", "state_error", "task"], "default": "divergence", "title": "Score", "description": "Of the model with one block replaced: KL from the parent, loss of the text, cosine or error of the last streams, or wrong answers to the questions."},
  "questions": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [], "title": "Questions", "description": "JSONL files as `vitrine choices` reads them; for the score of a task."},
  "score_windows": {"type": "integer", "minimum": 1, "default": 16, "title": "Windows of the scores", "description": "On which the model with one block replaced is measured."}})json";

constexpr const char* kSearch = R"json({
  "profile_batch": {"type": "integer", "minimum": 1, "default": 8, "title": "Sequences at once", "description": "What cache and times are reckoned for."},
  "profile_prompt": {"type": "integer", "minimum": 0, "default": 0, "title": "Prompt", "unit": "tokens", "description": "0: half of the context."},
  "profile_generated": {"type": "integer", "minimum": 0, "default": 0, "title": "Generated", "unit": "tokens", "description": "0: half of the context."},
  "measure_times": {"type": "boolean", "default": true, "title": "Measure times", "description": "Of each variant, on this machine."},
  "budgets": {"type": "array", "minItems": 1, "title": "Budgets", "default": [{"bytes": 0.8}, {"bytes": 0.7}, {"bytes": 0.6}, {"bytes": 0.5}], "description": "An architecture is searched for each. Shares are of what the parent takes with the sequences and tokens above; with a share and a plain limit the tighter counts.", "items": {"type": "object", "properties": {
    "parameters": {"type": "number", "minimum": 0, "title": "Parameters", "description": "Share of the parent's."},
    "bytes": {"type": "number", "minimum": 0, "title": "Memory", "description": "Weights and cache; share of the parent's."},
    "prompt_time": {"type": "number", "minimum": 0, "title": "Time of the prompt", "description": "Share of the parent's."},
    "speed": {"type": "number", "minimum": 0, "title": "Tokens per second", "description": "At least; times the parent's."},
    "memory_mib": {"type": "number", "minimum": 0, "title": "Memory, plain", "unit": "MiB", "description": "Weights and cache, at most."},
    "prompt_seconds": {"type": "number", "minimum": 0, "title": "Time of the prompt, plain", "unit": "s", "description": "To the first token, at most."},
    "generate_seconds": {"type": "number", "minimum": 0, "title": "Time of the tokens", "unit": "s", "description": "For all generated tokens, at most."},
    "tokens_per_second": {"type": "number", "minimum": 0, "title": "Tokens per second, plain", "description": "Of all sequences together, at least: more of them leave more time for a token and less memory."},
    "batches": {"type": "array", "items": {"type": "integer", "minimum": 1}, "title": "Sequences at once", "description": "Candidates: it is searched for each and the best is kept. Empty: as above."},
    "prompt": {"type": "integer", "minimum": 0, "title": "Prompt", "unit": "tokens", "description": "0: as above."},
    "generated": {"type": "integer", "minimum": 0, "title": "Generated", "unit": "tokens", "description": "0: as above."}}}},
  "alternatives": {"type": "integer", "minimum": 0, "maximum": 20, "default": 0, "title": "Alternatives", "description": "Further architectures for each budget that differ in a part of the layers."},
  "difference": {"type": "number", "minimum": 0.01, "maximum": 1, "default": 0.2, "title": "Difference", "description": "Share of the layers in which an alternative differs."},
  "refinements": {"type": "integer", "minimum": 0, "maximum": 50, "default": 0, "title": "Refinements", "description": "Rounds in which all pairs are scored again around the architecture that was found, and it is searched again near to it."},
  "coupled_steps": {"type": "integer", "minimum": 0, "default": 0, "title": "Steps together", "description": "Pairs that the search chose are taught again, both parts together, and searched once more among themselves; 0: not."},
  "baselines": {"type": "boolean", "default": true, "title": "Baselines", "description": "For each budget a greedy and a random architecture of the same library, and one with fewer neurons in all layers alike."},
  "assemblies": {"type": "integer", "minimum": 0, "default": 20, "title": "Random assemblies", "description": "That tell whether sums of scores foresee the loss of whole models."}})json";
// clang-format on

}  // namespace

Json puzzleSettingsSchema() {
    Json properties = Json::object();
    addLanguageTextSettings(properties);
    addSettingsGroup(properties, kChain, "Chain: depth first");
    addSettingsGroup(properties, kLibrary, "Library of blocks");
    addSettingsGroup(properties, kSearch, "Search");
    addDistillationSettings(properties);
    return {{"type", "object"}, {"required", {"model", "texts"}}, {"properties", std::move(properties)}};
}

}  // namespace vitrine
