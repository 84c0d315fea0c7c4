#include "core/engine/train_language_schema.h"

#include "core/engine/settings_group.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kTexts = R"json({
  "texts": {"type": "array", "minItems": 1, "title": "Texts", "description": "What it learns from; each is a domain with a held-out part of its own.", "items": {"type": "object", "required": ["name", "paths"], "properties": {
    "name": {"type": "string", "minLength": 1, "pattern": "^[^./]+$", "title": "Name", "description": "Of its curves; without dots and slashes."},
    "paths": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}, "title": "Files and folders", "description": ".txt, .md, .rst, .jsonl, or these as .gz."},
    "weight": {"type": "number", "exclusiveMinimum": 0, "default": 1, "title": "Weight", "description": "Share of the windows drawn from it, relative to the other texts' weights."}}}},
  "field": {"type": "string", "minLength": 1, "default": "text", "title": "Field of JSONL texts", "description": "Of each line, which is one document."},
  "held_out": {"type": "number", "minimum": 0, "maximum": 0.5, "default": 0.02, "title": "Held out", "description": "Share at the end of each text that is not learnt but measured."}})json";

constexpr const char* kTokenizer = R"json({
  "tokenizer": {"type": "string", "default": "", "title": "Tokenizer", "description": "Folder or file; empty: byte-level BPE learnt from the texts."},
  "vocabulary": {"type": "integer", "minimum": 257, "maximum": 262144, "default": 2048, "title": "Vocabulary", "unit": "tokens", "description": "Of a learnt tokenizer; 257: one token for each byte."}})json";

constexpr const char* kModel = R"json({
  "model_type": {"type": "string", "enum": ["llama", "qwen2", "qwen3"], "default": "llama", "title": "Family", "description": "qwen2: biases on queries, keys and values; qwen3: their norms."},
  "width": {"type": "integer", "minimum": 8, "maximum": 8192, "default": 192, "title": "Width", "unit": "channels", "description": "Of the residual stream."},
  "depth": {"type": "integer", "minimum": 1, "maximum": 128, "default": 6, "title": "Blocks"},
  "heads": {"type": "integer", "minimum": 1, "maximum": 128, "default": 6, "title": "Query heads"},
  "key_value_heads": {"type": "integer", "minimum": 1, "maximum": 128, "default": 2, "title": "Key/value heads", "description": "Divides the query heads."},
  "head_width": {"type": "integer", "minimum": 2, "maximum": 512, "default": 32, "title": "Head width", "unit": "channels"},
  "intermediate": {"type": "integer", "minimum": 4, "maximum": 65536, "default": 512, "title": "Feed-forward width", "unit": "neurons"},
  "context": {"type": "integer", "minimum": 8, "maximum": 1048576, "default": 256, "title": "Context", "unit": "tokens"},
  "tied": {"type": "boolean", "default": true, "title": "Tied embeddings", "description": "The output head is the embedding table."},
  "rope_base": {"type": "number", "exclusiveMinimum": 0, "default": 10000, "title": "Base of the rotary positions"}})json";

constexpr const char* kTraining = R"json({
  "steps": {"type": "integer", "minimum": 1, "default": 1000, "live": true, "title": "Steps", "description": "The learning rate has fallen to its end at the last one."},
  "length": {"type": "integer", "minimum": 1, "maximum": 1048576, "default": 256, "title": "Window", "unit": "tokens", "description": "At most the context."},
  "batch": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 16, "title": "Batch", "unit": "windows", "description": "Of all processes together."},
  "accumulation": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 1, "title": "Batches of a step", "description": "Their gradients are added up."},
  "learning_rate": {"type": "number", "exclusiveMinimum": 0, "default": 0.002, "live": true, "title": "Learning rate", "description": "At its highest, after the warm-up."},
  "final_rate": {"type": "number", "minimum": 0, "default": 0.0002, "live": true, "title": "Last learning rate", "description": "At the end of the cosine."},
  "warmup_steps": {"type": "integer", "minimum": 0, "default": 50, "live": true, "title": "Warm-up", "unit": "steps"},
  "weight_decay": {"type": "number", "minimum": 0, "default": 0.1, "title": "Weight decay", "description": "Not of norms and biases."},
  "clip_norm": {"type": "number", "minimum": 0, "default": 1, "live": true, "title": "Gradient norm limit", "description": "0: none."},
  "recompute": {"type": "boolean", "default": false, "live": true, "title": "Recompute activations", "description": "A fraction of the memory for about a third more time."},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Compute in", "description": "bfloat16: on a GPU."}})json";

constexpr const char* kRecords = R"json({
  "evaluate_every": {"type": "integer", "minimum": 0, "default": 200, "live": true, "title": "Measure every", "unit": "steps", "description": "Perplexity on the held-out parts, and a sample of its writing; 0: at the end only."},
  "evaluation_windows": {"type": "integer", "minimum": 1, "default": 32, "live": true, "title": "Held-out windows", "description": "At most, of each text."},
  "sample_tokens": {"type": "integer", "minimum": 0, "maximum": 4096, "default": 96, "live": true, "title": "Sample", "unit": "tokens"},
  "checkpoint_every": {"type": "integer", "minimum": 1, "default": 200, "live": true, "title": "Checkpoint every", "unit": "steps", "description": "What a killed run goes on from."},
  "output": {"type": "string", "default": "", "format": "folder", "title": "Folder for the model", "description": "Empty: the run's own folder."},
  "output_dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "bfloat16", "title": "Store as", "description": "bfloat16: half the size."}})json";
// clang-format on

}  // namespace

Json trainLanguageSettingsSchema() {
    Json properties = Json::object();
    addSettingsGroup(properties, kTexts, "Texts");
    addSettingsGroup(properties, kTokenizer, "Tokenizer");
    addSettingsGroup(properties, kModel, "Model");
    addSettingsGroup(properties, kTraining, "Training");
    addSettingsGroup(properties, kRecords, "Records");
    return {{"type", "object"}, {"required", {"texts"}}, {"properties", std::move(properties)}};
}

void readTrainingSettings(const Json& settings, LanguageTrainingOptions& options) {
    options.batch = settings["batch"];
    options.accumulation = settings["accumulation"];
    options.warmup = settings["warmup_steps"];
    options.learningRate = settings["learning_rate"];
    options.finalRate = settings["final_rate"];
    options.weightDecay = settings["weight_decay"];
    options.clipNorm = settings["clip_norm"];
    options.recompute = settings["recompute"];
}

}  // namespace vitrine
