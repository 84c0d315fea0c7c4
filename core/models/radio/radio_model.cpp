#include "core/models/radio/radio_model.h"

#include "core/models/encoder_checks.h"
#include "core/models/tower_outputs.h"
#include "core/nn/functional.h"

#include <algorithm>
#include <set>

namespace vitrine {
namespace {

EncoderInfo describe(const RadioModule& module, const std::string& name) {
    const RadioConfig& config = module.config();
    EncoderInfo info;
    info.family = "radio";
    info.name = config.version.empty() ? name : config.version;
    info.patchSize = config.patchSize;
    info.sizeMultiple = config.patchSize * std::max<int64_t>(1, config.windowing.windowSize);
    info.preferredHeight = config.preferredHeight;
    info.preferredWidth = config.preferredWidth;
    info.maxSide = config.maxSide;
    info.layerCount = config.depth;
    info.prefixTokenCount = config.prefixTokens();
    info.classTokenCount = config.classTokens;
    info.featureWidth = config.width;
    info.summaryWidth = config.inner ? config.width : config.width * int64_t(config.summaryIndices.size());
    info.headCount = config.headCount;
    info.parameterCount = countParameters(module);
    info.normalizesItself = true;
    for (const RadioAdaptorConfig& adaptor : config.adaptors)
        info.adaptors.push_back(adaptor.name);
    return info;
}

int64_t nearestSize(int64_t size, int64_t step, int64_t maximum) {
    const int64_t nearest = std::max(step, (size + step / 2) / step * step);
    return maximum > 0 ? std::min(nearest, std::max(step, maximum / step * step)) : nearest;
}

}  // namespace

RadioModel::RadioModel(std::shared_ptr<RadioModule> module, const std::string& name)
    : module_(std::move(module)), info_(describe(*module_, name)) {
    module_->eval();
}

Result<RadioPass> RadioModel::preparePass(const at::Tensor& pixels, const RadioWindowing& windowing) const {
    const RadioConfig& config = module_->config();
    if (pixels.dim() != 4 || pixels.size(1) != config.channels || !pixels.is_floating_point())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected floating pixels (B, {}, H, W)", config.channels), "pixels");
    if (windowing.windowSize < 0 || windowing.windowSize > 4096)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a window of {} patches a side", windowing.windowSize), "windowSize",
                    "Use 6 to 32, or leave it out for global attention");
    const int64_t step = config.patchSize * std::max<int64_t>(1, windowing.windowSize);
    const int64_t height = pixels.size(2), width = pixels.size(3);
    if (height < step || width < step || height % step || width % step ||
        (config.maxSide > 0 && std::max(height, width) > config.maxSide))
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("a picture of {}x{} pixels does not fit: both sides must be multiples of {}{}",
                        height, width, step,
                        config.maxSide > 0 ? fmt::format(", at most {}", config.maxSide) : ""),
            "pixels",
            fmt::format("The nearest size that fits is {}x{}", nearestSize(height, step, config.maxSide),
                        nearestSize(width, step, config.maxSide)));
    if (config.tokens && windowing.windowSize > 0)
        return fail(ErrorCode::Unsupported, "an encoder that reduces its tokens has no windows of them",
                    "windowSize", "Leave the window out, or \"token_reduction\" of config.json");
    RadioPass pass;
    pass.gridHeight = height / config.patchSize;
    pass.gridWidth = width / config.patchSize;
    pass.windowing = windowing;
    return pass;
}

at::Tensor RadioModel::patchTokens(const at::Tensor& tokens, int64_t count) const {
    return tokens.narrow(1, tokens.size(1) - count, count);
}

Result<EncoderOutput> RadioModel::encode(const at::Tensor& pixels, const EncodeRequest& request) const {
    VITRINE_TRY_VOID(checkRequest(info_, request));
    RadioWindowing windowing = module_->config().windowing;
    windowing.windowSize = request.windowSize.value_or(windowing.windowSize);
    VITRINE_TRY(RadioPass pass, preparePass(pixels, windowing));
    if (module_->config().tokens && !request.attentionLayers.empty())
        return fail(ErrorCode::Unsupported, "this encoder reduces its tokens: no attention map has them all",
                    "attention", "Leave \"token_reduction\" of config.json out, or open the whole encoder");
    const at::NoGradGuard noGrad;
    const int64_t patches = pass.gridHeight * pass.gridWidth, prefix = info_.prefixTokenCount;
    const auto map = [&](const at::Tensor& tokens) {
        return nn::mapFromTokens(tokens, pass.gridHeight, pass.gridWidth);
    };

    std::map<int64_t, LayerOutput> layers;
    const auto keep = [&](int64_t layer, const at::Tensor& tokens) {
        layers[layer] = {map(patchTokens(tokens, patches)), tokens.narrow(1, 0, prefix)};
    };
    const at::Tensor embedded = module_->patchGenerator().forward(module_->condition(pixels));
    const std::set<int64_t> wanted(request.layers.begin(), request.layers.end());
    if (wanted.contains(0))
        keep(0, embedded);
    const std::set<int64_t> blocks(request.attentionLayers.begin(), request.attentionLayers.end());
    for (const int64_t layer : blocks)
        pass.attentionBlocks.push_back(layer - 1);
    std::vector<at::Tensor> attention;
    pass.attention = blocks.empty() ? nullptr : &attention;
    if (!wanted.empty())
        pass.afterBlock = [&](int64_t block, const at::Tensor& tokens) {
            if (wanted.contains(block + 1))
                keep(block + 1, tokens);
            return true;
        };
    const at::Tensor tokens = module_->runBlocks(embedded, pass);

    EncoderOutput output;
    const at::Tensor features = module_->normalizeFeatures(patchTokens(tokens, patches));
    output.summary = module_->summaryOf(tokens);
    output.features = map(features);
    for (const int64_t layer : request.layers)
        output.layers.push_back(layers[layer]);
    for (const int64_t layer : request.attentionLayers)
        output.attention.push_back(attention[size_t(std::distance(blocks.begin(), blocks.find(layer)))]);
    for (const std::string& name : request.adaptors) {
        const Adaptor& adaptor = *module_->adaptor(name);
        const at::Tensor spatial = adaptor.features(features, pass.gridHeight, pass.gridWidth);
        output.adaptors[name] = {adaptor.summary(module_->classTokenFor(tokens, adaptor)),
                                 spatial.defined()
                                     ? nn::mapFromTokens(spatial, pass.gridHeight * adaptor.upsample(),
                                                         pass.gridWidth * adaptor.upsample())
                                     : at::Tensor()};
    }
    return output;
}

Result<RadioModel::Packed> RadioModel::encodePacked(
    const at::Tensor& patches, std::span<const std::pair<int64_t, int64_t>> grids) const {
    const RadioConfig& config = module_->config();
    const int64_t prefix = config.prefixTokens(), side = config.patchSize;
    int64_t total = 0;
    std::vector<int64_t> lengths;
    for (const auto& [height, width] : grids) {
        if (height < 1 || width < 1 || height > 65536 || width > 65536)
            return fail(ErrorCode::InvalidArgument, fmt::format("a grid of {}x{} patches", height, width),
                        "image_grid_hw");
        total += height * width;
        lengths.push_back(prefix + height * width);
    }
    if (grids.empty() || patches.dim() != 2 || patches.size(0) != total ||
        patches.size(1) != config.channels * side * side)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("expected {} flattened patches of {} values", total, config.channels * side * side),
            "pixel_values", "One row per patch, in order channel, y, x");
    const at::NoGradGuard noGrad;
    const at::Tensor pixels = module_->condition(patches.reshape({total, config.channels, side, side}));
    const at::Tensor tokens =
        module_->runPacked(module_->patchGenerator().forwardPacked(pixels.flatten(1), grids), lengths);
    std::vector<at::Tensor> summaries, features;
    int64_t start = 0;
    for (const int64_t length : lengths) {
        const at::Tensor one = tokens.narrow(1, start, length);
        summaries.push_back(module_->summaryOf(one));
        features.push_back(one[0].narrow(0, prefix, length - prefix));
        start += length;
    }
    return Packed{at::cat(summaries), module_->normalizeFeatures(at::cat(features))};
}

}  // namespace vitrine
