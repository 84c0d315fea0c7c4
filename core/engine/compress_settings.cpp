#include "core/engine/compress_settings.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kSchema = R"json({"type": "object", "required": ["model"], "properties": {
  "model": {"type": "string", "minLength": 1, "format": "model", "title": "Model", "group": "Model and texts", "description": "Folder or file of a language model, or of an encoder (RADIO, ViT for CIFAR)."},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Compute in", "group": "Model and texts", "description": "bfloat16: half the memory; methods compute in float32 all the same."},
  "tokenizer": {"type": "string", "default": "", "title": "Tokenizer", "group": "Model and texts", "description": "Folder or file; empty: the model's folder."},
  "calibration": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [], "title": "Calibration texts", "group": "Model and texts", "description": "Text files and folders, .txt or .jsonl; empty: texts that the model writes itself."},
  "evaluation": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [], "title": "Evaluation texts", "group": "Model and texts", "description": "Empty: the last tenth of the calibration texts, which is then not calibrated on."},
  "windows": {"type": "integer", "minimum": 1, "default": 128, "title": "Calibration windows", "group": "Model and texts", "description": "Drawn evenly over the text."},
  "length": {"type": "integer", "minimum": 0, "default": 0, "title": "Length", "unit": "tokens", "group": "Model and texts", "description": "Of a window, in calibration and evaluation; 0: the model's context, at most 2048."},
  "documents": {"type": "boolean", "default": false, "title": "Evaluate by documents", "group": "Model and texts", "description": "Each document on its own behind the start token, for short texts."},
  "evaluation_windows": {"type": "integer", "minimum": 0, "default": 0, "title": "Evaluation windows at most", "group": "Model and texts", "description": "Evenly spread; 0: all."},
  "batch": {"type": "integer", "minimum": 1, "default": 8, "title": "Batch", "unit": "windows", "group": "Model and texts", "description": "Or pictures, of an encoder."},
  "pictures": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [], "title": "Pictures", "group": "Pictures (encoders)", "description": "Files and folders that an encoder is calibrated with; every fourth is kept to compare features on."},
  "picture_limit": {"type": "integer", "minimum": 0, "default": 64, "title": "Pictures at most", "group": "Pictures (encoders)", "description": "Spread evenly over the list; 0: all."},
  "resolution": {"type": "integer", "minimum": 0, "default": 0, "title": "Resolution", "unit": "px", "group": "Pictures (encoders)", "description": "Side of the squares that the encoder sees; 0: what it prefers."},
  "test": {"type": "string", "default": "", "title": "Labelled pictures", "group": "Pictures (encoders)", "description": "CIFAR-10 binary file, or a folder with a folder for each class: how many are told right, by the model's own head or the nearest other picture."},
  "segmentation": {"type": "string", "default": "", "format": "folder", "title": "Segmentation set", "group": "Pictures (encoders)", "description": "Folder with train, train_labels, test, test_labels and classes.csv: mean IoU of a linear probe on each encoder's features."},
  "correspondence": {"type": "boolean", "default": true, "title": "Correspondence", "group": "Pictures (encoders)", "description": "Share of the places of warped pictures that are found again by their features."},
  "plans": {"type": "array", "title": "Plans", "group": "Methods", "description": "Each compresses the dense model anew.",
    "default": [{"prune": "magnitude"}, {"prune": "wanda"}, {"prune": "sparsegpt"}],
    "items": {"type": "object", "properties": {
      "prune": {"type": "string", "enum": ["none", "random", "magnitude", "wanda", "sparsegpt_mask", "sparsegpt"], "default": "sparsegpt", "title": "Pruning", "description": "sparsegpt makes up for what it removes in the weights that stay."},
      "pattern": {"type": "string", "default": "2:4", "title": "Sparsity", "description": "n:m along the inputs, or a part such as 50%."},
      "format": {"type": "string", "enum": ["", "int2", "int3", "int4", "int8", "int3_symmetric", "int4_symmetric", "int8_symmetric", "fp8_e4m3", "fp8_e5m2", "nf4", "nvfp4"], "default": "", "title": "Low-bit format", "description": "Empty: weights keep their type."},
      "group": {"type": "integer", "minimum": -1, "default": -1, "title": "Group", "unit": "inputs", "description": "That share a scale; 0: a row; -1: the format's usual one."},
      "rounding": {"type": "string", "enum": ["nearest", "gptq"], "default": "gptq", "title": "Rounding"},
      "damping": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.01, "title": "Damping", "description": "Of the second moments, times their mean; of SparseGPT and GPTQ."},
      "act_order": {"type": "boolean", "default": false, "title": "Order by activations", "description": "Columns of large inputs first; not with n:m patterns."},
      "low_rank": {"type": "string", "enum": ["", "eora", "svd", "activation_scaled"], "default": "", "title": "Low-rank path", "description": "Repairs the error of what was compressed; eora: where the inputs go."},
      "rank": {"type": "integer", "minimum": 1, "default": 16, "title": "Rank"},
      "adapter_format": {"type": "string", "default": "", "title": "Format of the path", "description": "Low-bit format of its two factors; empty: float32."},
      "true_sequential": {"type": "boolean", "default": false, "title": "True sequential", "description": "Calibrate again after each group of layers in a block."},
      "skip": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [], "title": "Leave out", "description": "Layers whose name holds one of these."}}}},
  "structures": {"type": "array", "default": [], "title": "Structures to cut out", "group": "Methods", "description": "Of an encoder: heads, hidden units, blocks and tokens, each entry from the stored model.",
    "items": {"type": "object", "properties": {
      "heads": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 1, "title": "Heads", "description": "Part that stays."},
      "neurons": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 1, "title": "Hidden units", "description": "Part that stays."},
      "over": {"type": "string", "enum": ["block", "model"], "default": "block", "title": "Part of", "description": "block: as many of every block (folders with all heads open in transformers too); model: the best of all blocks together."},
      "padded": {"type": "boolean", "default": false, "title": "Padded", "description": "Zeros in place of heads that go, hidden layers of one width: other programs open the folder, which is larger."},
      "blocks": {"type": "integer", "minimum": 0, "default": 0, "title": "Blocks", "description": "That go."},
      "tokens": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 1, "title": "Tokens", "description": "Part of the patches that the last block sees; features stay dense."},
      "token_method": {"type": "string", "enum": ["merge", "attention", "norm", "random"], "default": "merge", "title": "Tokens that go", "description": "merge: the most similar become one (ToMe); attention: those that the class tokens look at least; norm: the smallest."}}}},
  "controls": {"type": "boolean", "default": true, "title": "Random control", "group": "Methods", "description": "A random mask of each pattern in the same run."},
  "speed": {"type": "boolean", "default": true, "title": "Measure 2:4 products", "group": "Methods", "description": "Times of the packed and the dense product for the model's shapes, on this machine."},
  "speed_tokens": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 1048576}, "minItems": 1, "default": [1, 4, 16, 64, 256], "title": "At tokens", "group": "Methods", "description": "Rows that a product takes at once: sequences times the tokens of each; 1 is one sequence that is written."},
  "keep": {"type": "string", "enum": ["best", "all", "none"], "default": "best", "title": "Keep", "group": "What is kept", "description": "Model folders of which plans; masks and tables are kept for all."},
  "output": {"type": "string", "default": "", "format": "folder", "title": "Folder for models", "group": "What is kept", "description": "Empty: the run's own folder."},
  "output_dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Store as", "group": "What is kept"}}})json";
// clang-format on

}  // namespace

Json compressSettingsSchema() {
    return Json::parse(kSchema);
}

}  // namespace vitrine
