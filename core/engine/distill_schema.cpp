#include "core/engine/distill_schema.h"

#include "core/engine/settings_group.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kTeachers = R"json({"type": "array", "minItems": 1, "title": "Teachers", "group": "Teachers",
  "description": "Frozen encoders that the student learns from; each gets adaptor heads of its own.",
  "items": {"type": "object", "required": ["name", "model"], "properties": {
    "name": {"type": "string", "minLength": 1, "pattern": "^[^./]+$", "title": "Name", "description": "Of its adaptor in the student and of its curves; without dots and slashes."},
    "model": {"type": "string", "minLength": 1, "format": "model", "title": "Model", "description": "Model folder or weight file."},
    "adaptor": {"type": "string", "default": "", "title": "Adaptor", "description": "A head of a RADIO teacher; empty: its backbone."},
    "layer": {"type": "integer", "minimum": -1, "default": -1, "title": "Layer", "description": "Learn the map after this layer (0: before the first block) in place of the final features; -1: the final ones."},
    "summary": {"type": "boolean", "default": true, "title": "Learn its summary", "description": "Off: only its spatial features are learned."},
    "summary_weight": {"type": "number", "minimum": 0, "default": 1, "live": true, "title": "Weight of its summary", "description": "Factor of the summary loss in the sum."},
    "feature_weight": {"type": "number", "minimum": 0, "default": 1, "live": true, "title": "Weight of its features", "description": "Factor of the spatial loss in the sum."},
    "normalizer": {"type": "string", "enum": ["none", "global", "standardise", "pca-whiten", "zca", "hadamard-whiten", "phi-s"], "default": "phi-s", "title": "Normaliser", "description": "Of its features, fitted at the start, so that teachers of unequal scale weigh the same; phi-s: one scale for all channels after a Hadamard rotation (PHI-S)."},
    "side": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Resolution", "unit": "pixels", "description": "What it looks at; 0: the student's resolution, rounded to what it takes."},
    "mosaic": {"type": "boolean", "default": false, "title": "Mosaic", "description": "Fill its fixed size with several student pictures (RADIOv2.5)."}}}})json";

constexpr const char* kPictures = R"json({
  "images": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}, "format": "pictures", "title": "Pictures", "description": "Pictures and folders of pictures; no labels are needed."},
  "recursive": {"type": "boolean", "default": true, "title": "Folders below too", "description": "Pictures of folders inside the chosen ones."},
  "limit": {"type": "integer", "minimum": 0, "default": 0, "title": "At most", "unit": "pictures", "description": "0: all that are found."},
  "smallest_crop": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.35, "title": "Smallest crop", "description": "Side of the smallest random crop as a share of the picture's short side."},
  "views": {"type": "integer", "minimum": 0, "maximum": 4096, "default": 0, "title": "Views of a picture", "description": "0: a fresh crop each time; else each picture has this many fixed crops that come back in turn, which a cache of the teachers can keep. Teachers then look at each picture on its own."},
  "teacher_cache": {"type": "string", "enum": ["auto", "on", "off"], "default": "auto", "title": "Cache of teachers", "description": "Keeps what teachers say of a view on disk, in the project, for this run and later ones; results stay the same to the bit. auto: where views repeat within the run, fit, and time is gained."},
  "teacher_cache_limit": {"type": "number", "exclusiveMinimum": 0, "maximum": 100000, "default": 8, "title": "Limit of the cache", "unit": "GB", "description": "Of all runs of the project together; what was used longest ago goes first."},
  "teacher_dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Keep teachers as", "description": "bfloat16: half the cache; what teachers say is rounded to 8 significant bits, cached or not."}})json";

constexpr const char* kStudent = R"json({"type": "object", "default": {}, "title": "Student", "group": "Student", "description": "A RADIO ViT with a summary token, registers and cropped position embeddings, an E-RADIO, a MambaVision, or a convolutional trunk that starts from a trained one.", "properties": {
    "trunk": {"type": "string", "enum": ["vit", "convolutional", "eradio", "mambavision"], "default": "vit", "title": "Trunk", "description": "vit: a fresh RADIO ViT; convolutional: the blocks of a trained EfficientNet-Lite and a neck that gathers their maps, for little data and small machines, width and blocks are then the neck's; eradio, mambavision: convolutions, then attention in windows (and Mamba mixers), from scratch with batch normalisation, cells of 16 and 32 pixels."},
    "start_from": {"type": "string", "only_for": [{"trunk": ["convolutional"]}], "default": "", "format": "model", "title": "Start from", "description": "EfficientNet-Lite folder whose weights a convolutional trunk starts with, or an earlier convolutional student that goes on."},
    "trunk_rate": {"type": "number", "only_for": [{"trunk": ["convolutional"]}], "minimum": 0, "maximum": 1, "default": 1, "title": "Rate of the trunk", "description": "Share of the learning rate for the weights that were there at the start."},
    "variant": {"type": "string", "only_for": [{"trunk": ["eradio", "mambavision"]}], "enum": ["own", "tiny", "XT", "T", "T2", "S", "B", "L", "L2"], "default": "T", "title": "Size", "description": "Of an E-RADIO (tiny, XT, T, L) or a MambaVision (tiny, T, T2, S, B, L, L2); own: by width and blocks of the levels."},
    "width": {"type": "integer", "only_for": [{"trunk": ["vit", "convolutional"]}, {"trunk": ["eradio", "mambavision"], "variant": ["own"]}], "minimum": 8, "maximum": 4096, "default": 192, "title": "Width", "unit": "channels", "description": "Of the tokens, a multiple of the attention heads; of the neck of a convolutional trunk; of the first of the four levels of an E-RADIO or a MambaVision."},
    "depth": {"type": "integer", "only_for": [{"trunk": ["vit", "convolutional"]}], "minimum": 1, "maximum": 64, "default": 6, "title": "Blocks", "description": "Transformer blocks, or those of the neck of a convolutional trunk."},
    "depths": {"type": "array", "only_for": [{"trunk": ["eradio", "mambavision"], "variant": ["own"]}], "minItems": 4, "maxItems": 4, "items": {"type": "integer", "minimum": 1, "maximum": 64}, "default": [1, 3, 4, 5], "title": "Blocks of the levels", "description": "Of an E-RADIO or a MambaVision of an own size; the width is that of the first level and doubles from one to the next."},
    "heads": {"type": "integer", "only_for": [{"trunk": ["vit"]}], "minimum": 1, "maximum": 64, "default": 3, "title": "Attention heads", "description": "Must divide the width."},
    "window": {"type": "integer", "only_for": [{"trunk": ["eradio", "mambavision"]}], "minimum": 0, "maximum": 64, "default": 0, "title": "Window", "unit": "cells", "description": "What attention of an E-RADIO or a MambaVision sees of the map of 16 pixels a cell, a side; 0: what suits the largest resolution."},
    "patch_size": {"type": "integer", "only_for": [{"trunk": ["vit", "convolutional"]}], "minimum": 1, "maximum": 64, "default": 16, "title": "Patch", "unit": "pixels", "description": "Side of the square of pixels behind one token; divides every resolution."},
    "position_grid": {"type": "integer", "only_for": [{"trunk": ["vit"]}], "minimum": 1, "maximum": 512, "default": 32, "title": "Position field", "unit": "patches", "description": "Side of the square of positions that random crops are taken from (CPE)."},
    "registers": {"type": "integer", "only_for": [{"trunk": ["vit"]}], "minimum": 0, "maximum": 64, "default": 4, "title": "Registers", "description": "Extra tokens that keep outliers out of the feature map."},
    "spectral": {"type": "boolean", "default": false, "title": "Spectral re-parametrisation", "description": "Linear weights of the trunk are learned as direction and largest singular value (queries, keys and values apart), which keeps attention from collapsing at high resolutions (AM-RADIO); exported as plain weights."},
    "head_hidden": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Width of the adaptor heads", "unit": "channels", "description": "0: that of the widest teacher."},
    "head_inner": {"type": "integer", "minimum": 0, "maximum": 8, "default": 1, "title": "Inner blocks of the heads", "description": "Hidden layers of each adaptor head."}}})json";

constexpr const char* kPartitions = R"json({"type": "array", "minItems": 1, "title": "Partitions", "group": "Resolutions and batches",
  "description": "Each step takes a batch of every partition: one resolution for all teachers, or groups of teachers with resolutions of their own.",
  "default": [{"sides": [224], "batch": 16}], "items": {"type": "object", "required": ["sides"], "properties": {
    "sides": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1, "maximum": 8192}, "title": "Student resolutions", "unit": "pixels", "description": "One is drawn per step; multiples of the patch."},
    "batch": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 16, "title": "Batch", "unit": "pictures", "description": "Pictures of this partition in a step."},
    "teachers": {"type": "array", "items": {"type": "string"}, "default": [], "title": "Teachers", "description": "Names of those that take part; empty: all."}}}})json";

constexpr const char* kLosses = R"json({
  "summary_loss": {"type": "string", "enum": ["cosine", "angle", "mse"], "default": "cosine", "title": "Summary loss", "description": "cosine: AM-RADIO and RADIOv2.5; angle: squared angle over its spread (C-RADIOv4)."},
  "feature_loss": {"type": "string", "enum": ["mse", "match", "cosine", "hybrid-mse", "hybrid-smooth-l1"], "default": "mse", "title": "Feature loss", "description": "mse: against normalised features (PHI-S and later); match: 0.9 cosine + 0.1 smooth L1 on raw ones (AM-RADIO)."},
  "grid_policy": {"type": "string", "enum": ["teacher", "larger"], "default": "teacher", "title": "Unequal grids", "description": "Compare on the teacher's grid, or on the larger one of the two."},
  "balance": {"type": "string", "enum": ["equal", "adaloss"], "default": "equal", "title": "Balance", "description": "adaloss: each term over its own moving average (momentum 0.99)."},
  "shift": {"type": "number", "minimum": 0, "maximum": 8, "default": 0, "title": "Shift", "unit": "patches", "description": "Deviation of the independent shifts of student's and teachers' crops (C-RADIOv4); 0: aligned."},
  "degrade": {"type": "number", "minimum": 0, "maximum": 1, "default": 0, "live": true, "title": "Fewer pixels", "description": "Share of pictures that the student sees reduced up to six times and enlarged again, while its teachers see all of them."},
  "mesa": {"type": "number", "minimum": 0, "default": 0, "live": true, "title": "Self-consistency weight", "description": "Loss against the slow copy (MESA); needs a slow copy."},
  "slow_decay": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0, "title": "Decay of the slow copy", "description": "Of the moving average of the weights, which is then what is evaluated and exported; 0: none."},
  "weight_noise": {"type": "number", "minimum": 0, "maximum": 1, "default": 0, "live": true, "title": "Weight noise", "description": "Deviation of the factors that weights are multiplied with in a step (DAMP)."},
  "window_sizes": {"type": "array", "only_for": [{"student.trunk": ["vit"]}], "items": {"type": "integer", "minimum": 0}, "default": [], "title": "Window sizes", "unit": "patches", "description": "ViTDet windows, one is drawn per step; 0: global attention."}})json";

constexpr const char* kOptimizer = R"json({
  "steps": {"type": "integer", "minimum": 1, "default": 1000, "live": true, "title": "Steps", "description": "The learning rate falls to zero at the last one."},
  "learning_rate": {"type": "number", "exclusiveMinimum": 0, "default": 0.001, "live": true, "title": "Learning rate", "description": "At its highest, after the warm-up."},
  "warmup_steps": {"type": "integer", "minimum": 0, "default": 50, "live": true, "title": "Warm-up", "unit": "steps", "description": "The rate rises from zero over these, then follows a cosine."},
  "trunk_frozen_steps": {"type": "integer", "minimum": 0, "default": 0, "live": true, "title": "Frozen trunk", "unit": "steps", "description": "At first only the adaptor heads learn."},
  "recompute": {"type": "boolean", "default": false, "live": true, "title": "Recompute activations", "description": "Keeps the inputs of the blocks only and runs them again for their gradients: about a third more time for a fraction of the memory."},
  "clip_norm": {"type": "number", "minimum": 0, "default": 1, "live": true, "title": "Gradient norm limit", "description": "Larger gradients are scaled down to it; 0: none."},
  "optimizer": {"type": "string", "enum": ["adamw", "lamb", "nadam"], "default": "adamw", "title": "Optimiser", "description": "lamb: RADIOv2.5 and later."},
  "weight_decay": {"type": "number", "minimum": 0, "default": 0.02, "title": "Weight decay", "description": "Not of norms, biases, tokens and positions."},
  "statistics_batches": {"type": "integer", "minimum": 1, "default": 30, "title": "Statistics", "unit": "batches", "description": "Seen before the first step, to fit the normalisers."},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Compute in", "description": "bfloat16: the student's pass, on a GPU or a CPU with instructions for it (AVX-512 BF16, AMX)."}})json";

constexpr const char* kRecords = R"json({
  "checkpoint_every": {"type": "integer", "minimum": 1, "default": 200, "live": true, "title": "Checkpoint every", "unit": "steps", "description": "What a killed run goes on from."},
  "probe_every": {"type": "integer", "minimum": 0, "default": 200, "live": true, "title": "Probe every", "unit": "steps", "description": "Feature maps of the probe pictures; 0: none."},
  "probe_images": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [], "live": true, "format": "pictures", "title": "Probe pictures", "description": "Fixed pictures whose maps are kept; empty: the first four."},
  "output": {"type": "string", "default": "", "format": "folder", "title": "Folder for the student", "description": "Empty: the run's own folder."},
  "output_dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Store as", "description": "Of the exported weights; bfloat16: half the size."}})json";
// clang-format on

}  // namespace

Json distillSettingsSchema() {
    Json properties{{"teachers", Json::parse(kTeachers)}};
    addSettingsGroup(properties, kPictures, "Pictures");
    properties["student"] = Json::parse(kStudent);
    properties["partitions"] = Json::parse(kPartitions);
    addSettingsGroup(properties, kLosses, "Losses");
    addSettingsGroup(properties, kOptimizer, "Optimisation");
    addSettingsGroup(properties, kRecords, "What is kept");
    return {{"type", "object"},
            {"required", Json::array({"teachers", "images"})},
            {"properties", std::move(properties)}};
}

}  // namespace vitrine
