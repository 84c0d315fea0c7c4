#include "core/features/similarity.h"

#include "core/features/checks.h"
#include "kernels/operators.h"

namespace vitrine {
namespace {

constexpr int64_t kBlock = 1024;  // source tokens whose similarities to all target tokens are held at a time

at::Tensor unitTokens(const at::Tensor& map) {
    const auto tokens = map.flatten(1).t().to(at::kFloat);
    return (tokens / tokens.norm(2, {1}, true).clamp_min(1e-12)).contiguous();
}

at::Tensor bestMatches(const at::Tensor& from, const at::Tensor& to) {
    std::vector<at::Tensor> parts;
    for (int64_t start = 0; start < from.size(0); start += kBlock)
        parts.push_back(from.slice(0, start, start + kBlock).matmul(to.t()).argmax(1));
    return at::cat(parts);
}

// Chebyshev distance of token indices on a grid of `width` columns.
at::Tensor gridDistance(const at::Tensor& a, const at::Tensor& b, int64_t width) {
    const auto rows = (a.floor_divide(width) - b.floor_divide(width)).abs();
    const auto columns = (a.remainder(width) - b.remainder(width)).abs();
    return at::maximum(rows, columns);
}

}  // namespace

Result<at::Tensor> patchVector(const at::Tensor& map, int64_t row, int64_t column) {
    VITRINE_TRY_VOID(checkFeatures(map, 3, "feature map"));
    if (row < 0 || row >= map.size(1) || column < 0 || column >= map.size(2))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("patch (row {}, column {}) is outside the grid of {} x {}", row, column,
                                map.size(1), map.size(2)),
                    "probe");
    return map.select(1, row).select(1, column).contiguous();
}

Result<at::Tensor> brushVector(const at::Tensor& map, const at::Tensor& mask) {
    VITRINE_TRY_VOID(checkFeatures(map, 3, "feature map"));
    if (!mask.defined() || mask.dim() != 2 || mask.size(0) != map.size(1) || mask.size(1) != map.size(2))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected [{}, {}], found {}", map.size(1), map.size(2),
                                mask.defined() ? sizesText(mask) : "none"),
                    "brush mask");
    const auto chosen = (mask != 0).flatten().nonzero().flatten();
    if (chosen.numel() == 0)
        return fail(ErrorCode::InvalidArgument, "the selection is empty", "brush mask",
                    "Brush over some patches.");
    return map.flatten(1).index_select(1, chosen.to(map.device())).to(at::kFloat).mean(1);
}

Result<at::Tensor> cosineMap(const at::Tensor& map, const at::Tensor& vectors) {
    VITRINE_TRY_VOID(checkFeatures(map, 3, "feature map"));
    if (!vectors.defined() || vectors.dim() < 1 || vectors.dim() > 2 || vectors.numel() == 0 ||
        vectors.size(-1) != map.size(0))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the map has {} channels, the probe is {}", map.size(0),
                                vectors.defined() ? sizesText(vectors) : "missing"),
                    "probe", "Probe and map must come from the same model, layer and adaptor.");
    const auto queries = vectors.dim() == 1 ? vectors.unsqueeze(0) : vectors;
    VITRINE_TRY_VOID(checkFinite(queries, 2, "probe"));
    auto result = kernels::cosineSimilarityMap(map, queries.to(map.device()));
    return vectors.dim() == 1 ? result.squeeze(0) : result;
}

Result<Correspondence> denseCorrespondence(const at::Tensor& source, const at::Tensor& target,
                                           const CorrespondenceOptions& options) {
    VITRINE_TRY_VOID(checkFinite(source, 3, "source features"));
    VITRINE_TRY_VOID(checkFinite(target, 3, "target features"));
    if (source.size(0) != target.size(0))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the source has {} channels, the target {}", source.size(0), target.size(0)),
                    "correspondence", "Encode both pictures with the same model and layer.");
    const int64_t h = source.size(1), w = source.size(2), targetWidth = target.size(2);
    const auto from = unitTokens(source), to = unitTokens(target);
    const auto places = at::arange(to.size(0), at::kLong);
    std::vector<at::Tensor> matches, similarities, ratios;
    for (int64_t start = 0; start < from.size(0); start += kBlock) {
        auto scores = from.slice(0, start, start + kBlock).matmul(to.t());
        const auto [best, match] = scores.max(1);
        // A smooth map's second best is the best's neighbour: only farther patches make a match ambiguous.
        const auto near = gridDistance(places.unsqueeze(0), match.unsqueeze(1), targetWidth) <= 1;
        const auto second = std::get<0>(scores.masked_fill_(near, -2).max(1));
        const auto ratio = (1 - best).clamp_min(0) / (1 - second).clamp_min(1e-6);
        ratios.push_back(at::where(second < -1.5, at::ones_like(ratio), ratio.clamp_max(1)));
        matches.push_back(match);
        similarities.push_back(best);
    }
    Correspondence result;
    const auto match = at::cat(matches);
    const auto back = bestMatches(to, from).index_select(0, match);
    result.match = match.reshape({h, w});
    result.similarity = at::cat(similarities).reshape({h, w});
    result.ratio = at::cat(ratios).reshape({h, w});
    result.consistent =
        (gridDistance(back, at::arange(h * w, at::kLong), w) <= options.tolerance).reshape({h, w});
    return result;
}

}  // namespace vitrine
