#include "core/features/attention_maps.h"

#include "core/features/checks.h"

namespace vitrine {

Result<at::Tensor> fuseHeads(const at::Tensor& attention, int64_t head, HeadFusion fusion) {
    VITRINE_TRY_VOID(checkFinite(attention, 3, "attention"));
    if (attention.size(1) != attention.size(2))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected (heads, T, T), found {}", sizesText(attention)), "attention");
    if (head >= attention.size(0) || head < -1)
        return fail(ErrorCode::InvalidArgument, fmt::format("head {} of {}", head, attention.size(0)),
                    "attention");
    if (head >= 0)
        return attention[head].to(at::kFloat);
    const auto wide = attention.to(at::kFloat);
    return fusion == HeadFusion::Mean ? wide.mean(0) : std::get<0>(wide.max(0));
}

Result<at::Tensor> attentionMap(const at::Tensor& fused, int64_t token, int64_t prefix, int64_t gridHeight,
                                int64_t gridWidth) {
    VITRINE_TRY_VOID(checkFeatures(fused, 2, "attention"));
    const int64_t tokens = prefix + gridHeight * gridWidth;
    if (fused.size(0) != tokens || fused.size(1) != tokens)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected [{}, {}] ({} prefix tokens and {} x {} patches), found {}", tokens,
                                tokens, prefix, gridHeight, gridWidth, sizesText(fused)),
                    "attention");
    if (token < 0 || token >= tokens)
        return fail(ErrorCode::InvalidArgument, fmt::format("token {} of {}", token, tokens), "attention");
    return fused[token].slice(0, prefix).reshape({gridHeight, gridWidth});
}

Result<at::Tensor> attentionRollout(const std::vector<at::Tensor>& layers, const RolloutOptions& options) {
    if (layers.empty())
        return fail(ErrorCode::InvalidArgument, "no layers were given", "attention rollout");
    if (!(options.residual >= 0 && options.residual < 1))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected 0 <= residual < 1, found {}", options.residual),
                    "attention rollout");
    at::Tensor product;
    for (const auto& layer : layers) {
        VITRINE_TRY(auto step, fuseHeads(layer, -1, options.fusion));
        if (product.defined() && product.sizes() != step.sizes())
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("layers differ: {} and {}", sizesText(product), sizesText(step)),
                        "attention rollout");
        step = options.residual * at::eye(step.size(0), step.options()) + (1 - options.residual) * step;
        step = step / step.sum(1, true).clamp_min(1e-12);
        product = product.defined() ? step.matmul(product) : step;
    }
    return product;
}

}  // namespace vitrine
