#include "core/models/encoder_checks.h"

#include "core/base/nearest.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace vitrine {
namespace {

int64_t nearestMultiple(int64_t value, int64_t multiple) {
    return std::max(multiple, (value + multiple / 2) / multiple * multiple);
}

}  // namespace

Result<void> checkPixels(const EncoderInfo& info, const at::Tensor& pixels) {
    if (pixels.dim() != 4 || pixels.size(1) != 3 || !pixels.is_floating_point() || pixels.size(0) < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected floating pixels of shape [batch, 3, height, width], found [{}]",
                                fmt::join(pixels.sizes(), ", ")),
                    info.name);
    const int64_t height = pixels.size(2), width = pixels.size(3);
    if (info.fixedSize && (height != info.preferredHeight || width != info.preferredWidth))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{}x{} pixels (height x width) are not accepted", height, width), info.name,
                    fmt::format("This model takes {}x{} only", info.preferredHeight, info.preferredWidth));
    if (height % info.sizeMultiple || width % info.sizeMultiple || height == 0 || width == 0)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("{}x{} pixels (height x width) are not multiples of {}", height, width,
                        info.sizeMultiple),
            info.name,
            fmt::format("The nearest accepted size is {}x{}", nearestMultiple(height, info.sizeMultiple),
                        nearestMultiple(width, info.sizeMultiple)));
    if (info.maxSide > 0 && std::max(height, width) > info.maxSide)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{}x{} pixels are more than this model takes", height, width), info.name,
                    fmt::format("At most {} pixels a side", info.maxSide));
    return {};
}

Result<void> checkRequest(const EncoderInfo& info, const EncodeRequest& request) {
    for (const int64_t layer : request.layers)
        if (layer < 0 || layer > info.layerCount)
            return fail(ErrorCode::InvalidArgument, fmt::format("there is no layer {}", layer), info.name,
                        fmt::format("Layers are 0 (embeddings) to {}", info.layerCount));
    for (const int64_t layer : request.attentionLayers)
        if (info.headCount == 0 || layer < 1 || layer > info.layerCount)
            return fail(ErrorCode::InvalidArgument, fmt::format("there is no attention in layer {}", layer),
                        info.name,
                        info.headCount == 0 ? "This model has no attention layers"
                                            : fmt::format("Attention layers are 1 to {}", info.layerCount));
    for (const std::string& adaptor : request.adaptors)
        if (std::find(info.adaptors.begin(), info.adaptors.end(), adaptor) == info.adaptors.end()) {
            const auto nearest = nearestName(adaptor, info.adaptors);
            return fail(ErrorCode::InvalidArgument, fmt::format("there is no adaptor \"{}\"", adaptor),
                        info.name,
                        nearest                 ? fmt::format("Did you mean \"{}\"?", *nearest)
                        : info.adaptors.empty() ? "This model has none"
                                                : fmt::format("It has {}", fmt::join(info.adaptors, ", ")));
        }
    if (request.windowSize && *request.windowSize < 1)
        return fail(ErrorCode::InvalidArgument, "the window must be at least one patch wide", info.name);
    return {};
}

}  // namespace vitrine
