#include "core/engine/prune_structures_schema.h"

#include "core/engine/settings_group.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kTexts = R"json({
  "model": {"type": "string", "minLength": 1, "format": "model", "title": "Model", "description": "Folder or file of a language model: the teacher."},
  "tokenizer": {"type": "string", "default": "", "title": "Tokenizer", "description": "Folder or file; empty: the model's own."},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Load as"},
  "texts": {"type": "array", "minItems": 1, "title": "Texts", "description": "What is calibrated, distilled and measured on; each has a held-out part of its own.", "items": {"type": "object", "required": ["name", "paths"], "properties": {
    "name": {"type": "string", "minLength": 1, "pattern": "^[^./]+$", "title": "Name", "description": "Of its curves; without dots and slashes."},
    "paths": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}, "title": "Files and folders", "description": ".txt, .md, .rst, .jsonl, or these as .gz."},
    "weight": {"type": "number", "exclusiveMinimum": 0, "default": 1, "title": "Weight", "description": "Share of the windows drawn from it, relative to the other texts' weights."}}}},
  "field": {"type": "string", "minLength": 1, "default": "text", "title": "Field of JSONL texts", "description": "Of each line, which is one document."},
  "held_out": {"type": "number", "minimum": 0.0001, "maximum": 0.5, "default": 0.02, "title": "Held out", "description": "Share at the end of each text that is measured, and neither calibrated nor learnt."},
  "length": {"type": "integer", "minimum": 0, "default": 0, "title": "Length", "unit": "tokens", "description": "Of windows; 0: the model's context, at most 2048."},
  "batch": {"type": "integer", "minimum": 1, "default": 8, "title": "Batch", "unit": "windows"},
  "calibration_windows": {"type": "integer", "minimum": 1, "default": 64, "title": "Calibration windows", "description": "Drawn evenly over the texts."},
  "evaluation_windows": {"type": "integer", "minimum": 1, "default": 64, "title": "Held-out windows", "description": "At most, of each text."},
  "copying_windows": {"type": "integer", "minimum": 0, "default": 8, "title": "Copying windows", "description": "Of each held-out text, with a passage that comes again up to the model's context later: does it still find it? 0: not measured."}})json";

constexpr const char* kRanking = R"json({
  "ranking": {"type": "string", "default": "", "title": "Ranking", "description": "ranking.safetensors of an earlier run on this model; empty: ranked anew."},
  "skip_tokens": {"type": "integer", "minimum": 0, "default": 0, "title": "Skip", "unit": "tokens", "description": "At the front of each window: start tokens have huge norms."},
  "over_tokens": {"type": "string", "enum": ["mean", "l2", "variance"], "default": "mean", "title": "Over tokens", "description": "How the sizes of activations are reduced over a window."},
  "over_windows": {"type": "string", "enum": ["mean", "l2", "variance"], "default": "l2", "title": "Over windows"},
  "neuron_score": {"type": "string", "enum": ["activation", "times_down_norm", "weight_norm"], "default": "activation", "title": "Neurons by", "description": "times_down_norm: times the norm of the neuron's column of the down projection; weight_norm: weights alone."},
  "block_metric": {"type": "string", "enum": ["cosine", "relative_l1", "relative_l2", "loss", "logit", "shapley_loss", "shapley_logit", "iterative_loss", "iterative_logit"], "default": "cosine", "title": "Blocks by", "description": "cosine and relative norms of the update; loss or distance of the logits with the block gone; Shapley values over random sub-networks; one after another, measured anew each time."}})json";

constexpr const char* kPlans = R"json({
  "plans": {"type": "array", "default": [], "title": "Students", "description": "Each is cut out of the teacher anew; sizes of 0 stay as they are.", "items": {"type": "object", "properties": {
    "name": {"type": "string", "default": "", "title": "Name", "description": "Empty: its sizes."},
    "width": {"type": "integer", "minimum": 0, "default": 0, "title": "Width", "unit": "channels"},
    "heads": {"type": "integer", "minimum": 0, "default": 0, "title": "Query heads", "description": "A multiple of the key/value heads."},
    "merge_heads": {"type": "string", "enum": ["none", "residual", "outputs"], "default": "none", "title": "Heads that go", "description": "residual: the last kept heads of a group ask 2q less what the first that go ask (Minitron); outputs: each that goes leaves its output weights to the kept head whose queries are most alike."},
    "intermediate": {"type": "integer", "minimum": 0, "default": 0, "title": "Feed-forward width", "unit": "neurons"},
    "depth": {"type": "integer", "minimum": 0, "default": 0, "title": "Blocks"},
    "attention_removed": {"type": "integer", "minimum": 0, "default": 0, "title": "Attention parts to remove", "description": "The least influential ones."},
    "feed_forward_removed": {"type": "integer", "minimum": 0, "default": 0, "title": "Feed-forward parts to remove"},
    "stand_in": {"type": "string", "enum": ["none", "mean", "low_rank"], "default": "none", "title": "Stand-ins", "description": "For removed blocks and parts: their mean update, or an affine map of low rank fitted to it."},
    "rank": {"type": "integer", "minimum": 1, "default": 8, "title": "Rank of stand-ins"}}}},
  "controls": {"type": "boolean", "default": true, "title": "Random control", "description": "The same sizes with structures drawn by chance, in the same run."},
  "search_parameters": {"type": "integer", "minimum": 0, "default": 0, "title": "Search: parameters", "description": "At most; 0: no limit of parameters."},
  "search_bytes": {"type": "number", "minimum": 0, "default": 0, "title": "Search: memory", "unit": "bytes", "description": "Weights and cache in bfloat16, at most; 0: no limit. Without both limits nothing is searched."},
  "search_batch": {"type": "integer", "minimum": 1, "default": 1, "title": "Search: sequences at once", "description": "What the cache is reckoned for, each of the model's whole context."},
  "search_widths": {"type": "array", "items": {"type": "integer", "minimum": 1}, "default": [], "title": "Search: widths"},
  "search_heads": {"type": "array", "items": {"type": "integer", "minimum": 1}, "default": [], "title": "Search: query heads"},
  "search_intermediates": {"type": "array", "items": {"type": "integer", "minimum": 1}, "default": [], "title": "Search: feed-forward widths"},
  "search_depths": {"type": "array", "items": {"type": "integer", "minimum": 1}, "default": [], "title": "Search: blocks"},
  "search_candidates": {"type": "integer", "minimum": 1, "default": 6, "title": "Search: candidates", "description": "The largest within the budget; each is distilled for a few steps."},
  "search_steps": {"type": "integer", "minimum": 0, "default": 30, "title": "Search: steps", "description": "Of each candidate; the best one is then distilled in full."}})json";

constexpr const char* kDistillation = R"json({
  "steps": {"type": "integer", "minimum": 0, "default": 200, "title": "Steps", "description": "Of distillation; 0: none."},
  "teacher_steps": {"type": "integer", "minimum": 0, "default": 0, "title": "Teacher correction", "unit": "steps", "description": "The teacher learns the texts first (next token), where they are not what it was trained on."},
  "accumulation": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 1, "title": "Batches of a step"},
  "learning_rate": {"type": "number", "exclusiveMinimum": 0, "default": 0.001, "title": "Learning rate"},
  "final_rate": {"type": "number", "minimum": 0, "default": 0.00005, "title": "Last learning rate"},
  "warmup_steps": {"type": "integer", "minimum": 0, "default": 10, "title": "Warm-up", "unit": "steps"},
  "weight_decay": {"type": "number", "minimum": 0, "default": 0.0, "title": "Weight decay"},
  "clip_norm": {"type": "number", "minimum": 0, "default": 1, "title": "Gradient norm limit", "description": "0: none."},
  "loss": {"type": "string", "enum": ["forward_kl", "reverse_kl", "mean_square", "cosine", "none"], "default": "forward_kl", "title": "Loss of the logits"},
  "temperature": {"type": "number", "exclusiveMinimum": 0, "default": 1, "title": "Temperature"},
  "top_k": {"type": "integer", "minimum": 0, "default": 0, "title": "Likeliest tokens", "description": "The teacher's K only; 0: all."},
  "cross_entropy": {"type": "number", "minimum": 0, "default": 0, "title": "Cross-entropy", "description": "Weight of the text's own next token; 0 is best as a rule."},
  "state_blocks": {"type": "integer", "minimum": 0, "default": 0, "title": "Hidden states", "unit": "blocks", "description": "Of the last blocks, compared with those they came from; for deep cuts. 0: logits alone."},
  "state_embedding": {"type": "boolean", "default": false, "title": "Embeddings too"},
  "recompute": {"type": "boolean", "default": false, "title": "Recompute activations"},
  "checkpoint_every": {"type": "integer", "minimum": 1, "default": 100, "title": "Checkpoint every", "unit": "steps", "description": "What a killed run goes on from."}})json";

constexpr const char* kKeep = R"json({
  "keep": {"type": "string", "enum": ["best", "all", "none"], "default": "best", "title": "Keep", "description": "Model folders of which students."},
  "output": {"type": "string", "default": "", "format": "folder", "title": "Folder for models", "description": "Empty: the run's own folder."},
  "output_dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "bfloat16", "title": "Store as"}})json";
// clang-format on

}  // namespace

void addLanguageTextSettings(Json& properties) {
    addSettingsGroup(properties, kTexts, "Model and texts");
}

void addDistillationSettings(Json& properties) {
    addSettingsGroup(properties, kDistillation, "Distillation");
    addSettingsGroup(properties, kKeep, "What is kept");
}

Json pruneStructuresSettingsSchema() {
    Json properties = Json::object();
    addLanguageTextSettings(properties);
    addSettingsGroup(properties, kRanking, "Ranking");
    addSettingsGroup(properties, kPlans, "Students");
    addDistillationSettings(properties);
    return {{"type", "object"}, {"required", {"model", "texts"}}, {"properties", std::move(properties)}};
}

}  // namespace vitrine
