#include "core/nn/functional.h"

#include <stdexcept>
#include <string>

namespace vitrine::nn {

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                     const std::optional<at::Tensor>& mask, bool causal, at::Tensor* probabilities) {
    if (!probabilities)
        return at::scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale);
    at::Tensor logits = at::matmul(q, k.transpose(-2, -1)) * scale;
    if (mask)
        logits = logits + *mask;
    if (causal) {
        const at::Tensor above = at::ones({q.size(-2), k.size(-2)}, q.options().dtype(at::kBool)).triu(1);
        logits = logits.masked_fill(above, -std::numeric_limits<double>::infinity());
    }
    *probabilities = logits.softmax(-1);
    return at::matmul(*probabilities, v);
}

at::Tensor splitHeads(const at::Tensor& x, int64_t headCount) {
    return x.reshape({x.size(0), x.size(1), headCount, x.size(2) / headCount}).transpose(1, 2);
}

at::Tensor mergeHeads(const at::Tensor& x) {
    return x.transpose(1, 2).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)});
}

at::Tensor resizeMap(const at::Tensor& map, int64_t height, int64_t width, const std::string& mode,
                     bool antialias, bool alignCorners) {
    if (map.size(2) == height && map.size(3) == width)
        return map;
    const std::vector<int64_t> size{height, width};
    if (mode == "nearest")
        return at::upsample_nearest2d(map, size);
    if (mode == "bilinear")
        return antialias ? at::_upsample_bilinear2d_aa(map, size, alignCorners)
                         : at::upsample_bilinear2d(map, size, alignCorners);
    if (mode == "bicubic")
        return antialias ? at::_upsample_bicubic2d_aa(map, size, alignCorners)
                         : at::upsample_bicubic2d(map, size, alignCorners);
    throw std::invalid_argument("unknown interpolation \"" + mode + "\"");
}

at::Tensor resizePositionTable(const at::Tensor& table, int64_t fromHeight, int64_t fromWidth,
                               int64_t toHeight, int64_t toWidth, const std::string& mode, bool antialias,
                               bool alignCorners) {
    if (fromHeight == toHeight && fromWidth == toWidth)
        return table;
    return tokensFromMap(resizeMap(mapFromTokens(table, fromHeight, fromWidth), toHeight, toWidth, mode,
                                   antialias, alignCorners));
}

at::Tensor mapFromTokens(const at::Tensor& tokens, int64_t gridHeight, int64_t gridWidth) {
    return tokens.reshape({tokens.size(0), gridHeight, gridWidth, tokens.size(2)}).permute({0, 3, 1, 2});
}

at::Tensor tokensFromMap(const at::Tensor& map) {
    return map.flatten(2).transpose(1, 2);
}

}  // namespace vitrine::nn
