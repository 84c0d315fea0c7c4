#include "core/upsampling/upsampler_options.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace vitrine {
namespace {

using featsharp::Guide;

Failure refuse(const std::string& where, const std::string& message, const std::string& hint = {}) {
    return fail(ErrorCode::InvalidArgument, message, where, hint);
}

// clang-format off
constexpr const char* kSchema = R"json({"type": "object", "required": ["model", "images"], "properties": {
  "model": {"type": "string", "minLength": 1, "title": "Encoder", "description": "model folder or weight file; it is not changed"},
  "images": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Pictures", "description": "pictures and folders of pictures"},
  "recursive": {"type": "boolean", "default": true, "title": "Folders below too"},
  "limit": {"type": "integer", "minimum": 0, "default": 0, "title": "Pictures at most", "description": "0: all"},
  "smallest_crop": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.5, "title": "Smallest crop", "description": "share of the short side"},
  "method": {"type": "string", "enum": ["featsharp", "featup"], "default": "featsharp", "title": "Method"},
  "side": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Encoder resolution", "unit": "pixels", "description": "0: what the encoder prefers"},
  "factor": {"type": "integer", "minimum": 2, "maximum": 16, "default": 2, "title": "Factor", "description": "FeatSharp: how much finer, and tiles a side"},
  "guide": {"type": "string", "enum": ["jbu", "jafar", "bilinear", "none"], "default": "jbu", "title": "Guided branch", "description": "FeatSharp; none: tiles alone"},
  "tiles": {"type": "boolean", "default": true, "title": "Tiles", "description": "FeatSharp; off: the guided branch alone"},
  "window_size": {"type": "integer", "minimum": 1, "maximum": 15, "default": 7, "title": "Attention window", "unit": "cells"},
  "layer_norm": {"type": "boolean", "default": false, "title": "Layer norms in the fusion"},
  "attention": {"type": "boolean", "default": true, "title": "Attention in the fusion"},
  "feed_forward": {"type": "boolean", "default": true, "title": "Feed-forward layer in the fusion"},
  "fusion_start": {"type": "string", "enum": ["guided", "blend"], "default": "guided", "title": "Start of the fusion", "description": "guided: the guided branch alone, as published; blend: a mixture with the tiles, for short trainings; needs attention and no layer norms"},
  "jafar_width": {"type": "integer", "minimum": 8, "maximum": 1024, "default": 128, "title": "Width of JAFAR"},
  "jafar_heads": {"type": "integer", "minimum": 1, "maximum": 64, "default": 4, "title": "Heads of JAFAR"},
  "standardised": {"type": "boolean", "default": true, "title": "PHI-S", "description": "FeatSharp: features are standardised first; undone in the result"},
  "de_bias": {"type": "boolean", "default": true, "title": "Remove position noise", "description": "FeatSharp: a learned map of what the encoder adds at fixed places"},
  "seam_weight": {"type": "number", "minimum": 1, "maximum": 100, "default": 2, "title": "Weight at the seams of tiles"},
  "downsampler_kernel": {"type": "integer", "minimum": 3, "maximum": 31, "default": 9, "title": "Downsampler window", "unit": "cells", "description": "FeatSharp; odd"},
  "levels": {"type": "integer", "minimum": 1, "maximum": 5, "default": 4, "title": "Levels", "description": "FeatUp: each doubles the grid"},
  "channel_norm": {"type": "boolean", "default": true, "title": "Normalise channels", "description": "FeatUp: LayerNorm of the encoder's features; not undone in the result"},
  "projection": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 30, "title": "Random directions of the loss", "description": "FeatUp; 0: all channels"},
  "crf_weight": {"type": "number", "minimum": 0, "default": 0.001, "title": "Weight of the random field", "description": "FeatUp"},
  "views": {"type": "integer", "minimum": 1, "maximum": 64, "default": 5, "title": "Views of a picture", "description": "per step"},
  "largest_zoom": {"type": "number", "minimum": 1, "maximum": 8, "default": 2, "title": "Largest zoom of the views"},
  "largest_rotation": {"type": "number", "minimum": 0, "maximum": 45, "default": 5, "title": "Largest rotation", "unit": "degrees", "description": "FeatSharp"},
  "largest_perspective": {"type": "number", "minimum": 0, "maximum": 0.3, "default": 0.05, "title": "Largest perspective", "description": "FeatSharp"},
  "warp_anchor": {"type": "string", "enum": ["edges", "centres"], "default": "edges", "title": "Views are aligned at", "description": "centres of the outermost cells: as published, up to half a cell off"},
  "uncertainty": {"type": "boolean", "default": true, "title": "Learn uncertainty"},
  "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 4, "title": "Batch", "unit": "pictures"},
  "steps": {"type": "integer", "minimum": 1, "default": 3000, "title": "Steps"},
  "statistics_batches": {"type": "integer", "minimum": 1, "default": 200, "title": "Batches for PHI-S"},
  "learning_rate": {"type": "number", "exclusiveMinimum": 0, "default": 0.0005, "title": "Learning rate"},
  "warmup_steps": {"type": "integer", "minimum": 0, "default": 100, "title": "Warm-up steps"},
  "schedule": {"type": "string", "enum": ["cosine", "constant"], "default": "cosine", "title": "Schedule"},
  "clip_norm": {"type": "number", "minimum": 0, "default": 5, "title": "Gradient norm limit", "description": "0: none"},
  "spectral": {"type": "boolean", "default": true, "title": "Spectral re-parametrisation", "description": "FeatSharp"},
  "checkpoint_every": {"type": "integer", "minimum": 1, "default": 200, "title": "Steps between checkpoints"},
  "probe_every": {"type": "integer", "minimum": 0, "default": 200, "title": "Steps between probe pictures", "description": "0: none"},
  "probe_images": {"type": "array", "items": {"type": "string"}, "default": [], "title": "Probe pictures", "description": "empty: the last ones, which are then not trained on"},
  "output": {"type": "string", "default": "", "title": "Folder for the upsampler", "description": "empty: the run's own folder"},
  "output_dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Store as", "description": "bfloat16: half the size"},
  "training_parts": {"type": "boolean", "default": true, "title": "Store what only training needs", "description": "downsampler and uncertainty"}}})json";
// clang-format on

}  // namespace

UpsamplerOptions featUpDefaults() {
    UpsamplerOptions options;
    options.method = UpsamplerMethod::FeatUp;
    options.standardised = options.deBias = options.spectral = false;
    options.learningRate = 1e-3;
    options.warmupSteps = 0;
    options.cosine = false;
    options.clipNorm = 0;
    return options;
}

int64_t UpsamplerOptions::pictureSide(const FrozenEncoder& encoder) const {
    return method == UpsamplerMethod::FeatUp ? encoder.side : encoder.side * factor;
}

featsharp::FeatSharpConfig UpsamplerOptions::featSharpConfig(const FrozenEncoder& encoder) const {
    featsharp::FeatSharpConfig config;
    config.modelResolution = encoder.side;
    config.patchSize = encoder.patchSize;
    config.featureWidth = encoder.featureWidth;
    config.factor = factor;
    config.guide = guide;
    config.tiles = tiles;
    config.windowSize = windowSize;
    config.layerNorm = layerNorm;
    config.attention = attention;
    config.feedForward = feedForward;
    config.jafarWidth = jafarWidth;
    config.jafarHeads = jafarHeads;
    config.normalizer = standardised;
    config.deBias = deBias;
    return config;
}

Result<void> UpsamplerOptions::validate(const FrozenEncoder& encoder) const {
    if (encoder.side < encoder.patchSize || encoder.side % encoder.patchSize != 0)
        return refuse("settings/side",
                      fmt::format("{} pixels are not a multiple of the encoder's patch of {}", encoder.side,
                                  encoder.patchSize));
    if (method == UpsamplerMethod::FeatUp) {
        const int64_t fine = encoder.grid() * fineFactor(), kernel = fine / encoder.grid();
        if (encoder.grid() < 2 || kernel < 2)
            return refuse("settings/side", "the encoder's grid has fewer than two cells a side");
        return {};
    }
    if (encoder.featureWidth % 8 != 0 && guide != Guide::None && tiles)
        return refuse("settings/model",
                      fmt::format("the encoder has {} channels, no multiple of 8: the fusion has 16 heads",
                                  encoder.featureWidth),
                      "Switch the tiles off, or train FeatUp");
    if (guide == Guide::None && !tiles)
        return refuse("settings/guide", "there is neither a guided branch nor are there tiles");
    if (fusionStart == FusionStart::Blend && !(attention && !layerNorm && tiles && guide != Guide::None))
        return refuse("settings/fusion_start",
                      "only a fusion of a guided branch and tiles with attention and without layer norms can "
                      "start as a mixture of both",
                      "Take \"guided\", or switch tiles and attention on and layer norms off");
    if (downsamplerKernel % 2 == 0)
        return refuse("settings/downsampler_kernel",
                      fmt::format("a window of {} cells has no centre", downsamplerKernel),
                      fmt::format("Take {}", downsamplerKernel + 1));
    if (guide == Guide::Jafar && (jafarWidth % 8 != 0 || jafarWidth % jafarHeads != 0))
        return refuse("settings/jafar_width",
                      fmt::format("{} is no multiple of 8 and of the {} heads", jafarWidth, jafarHeads));
    return {};
}

double upsamplerRate(const UpsamplerOptions& options, int64_t step) {
    if (step < options.warmupSteps)
        return options.learningRate * (0.1 + 0.9 * double(step) / double(options.warmupSteps));
    if (!options.cosine)
        return options.learningRate;
    const double length = double(std::max<int64_t>(1, options.steps - options.warmupSteps));
    const double share = std::min(1.0, double(step - options.warmupSteps) / length);
    return options.learningRate * 0.5 * (1 + std::cos(std::numbers::pi * share));
}

Json upsamplerSettingsSchema() {
    return Json::parse(kSchema);
}

Result<UpsamplerOptions> upsamplerOptionsFrom(const Json& settings) {
    UpsamplerOptions options;
    options.method = settings["method"] == "featup" ? UpsamplerMethod::FeatUp : UpsamplerMethod::FeatSharp;
    const std::string guide = settings["guide"];
    options.guide = guide == "jafar"      ? Guide::Jafar
                    : guide == "bilinear" ? Guide::Bilinear
                    : guide == "none"     ? Guide::None
                                          : Guide::Bilateral;
    options.tiles = settings["tiles"];
    options.factor = settings["factor"];
    options.windowSize = settings["window_size"];
    options.layerNorm = settings["layer_norm"];
    options.attention = settings["attention"];
    options.feedForward = settings["feed_forward"];
    options.fusionStart = settings["fusion_start"] == "blend" ? FusionStart::Blend : FusionStart::Guided;
    options.jafarWidth = settings["jafar_width"];
    options.jafarHeads = settings["jafar_heads"];
    options.standardised = settings["standardised"];
    options.deBias = settings["de_bias"];
    options.seamWeight = settings["seam_weight"];
    options.downsamplerKernel = settings["downsampler_kernel"];
    options.levels = settings["levels"];
    options.channelNorm = settings["channel_norm"];
    options.projection = settings["projection"];
    options.crfWeight = settings["crf_weight"];
    options.views = settings["views"];
    options.view.largestZoom = options.jitter.largestZoom = settings["largest_zoom"];
    options.view.largestRotation = settings["largest_rotation"];
    options.view.largestPerspective = settings["largest_perspective"];
    options.view.smallestPerspective =
        std::min(options.view.smallestPerspective, options.view.largestPerspective);
    options.anchor = settings["warp_anchor"] == "centres" ? WarpAnchor::CellCentres : WarpAnchor::OuterEdges;
    options.uncertainty = settings["uncertainty"];
    options.batch = settings["batch"];
    options.steps = settings["steps"];
    options.statisticsBatches = settings["statistics_batches"];
    options.learningRate = settings["learning_rate"];
    options.warmupSteps = settings["warmup_steps"];
    options.cosine = settings["schedule"] == "cosine";
    options.clipNorm = settings["clip_norm"];
    options.spectral = options.method == UpsamplerMethod::FeatSharp && settings["spectral"].get<bool>();
    return options;
}

}  // namespace vitrine
