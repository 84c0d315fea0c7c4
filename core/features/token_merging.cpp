#include "core/features/token_merging.h"

#include "core/features/checks.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kSourcesAtOnce = 4096;  // rows of the similarities that are held
constexpr const char* kWhat = "token merging";

// (h * w, C) float32.
at::Tensor tokensOf(const at::Tensor& features) {
    return features.to(at::kFloat).flatten(1).t().contiguous();
}

at::Tensor unitRows(const at::Tensor& rows) {
    return rows / rows.norm(2, {1}, true).clamp_min(1e-12);
}

// Most similar row of `to` for each row of `from`, and how similar; both of unit length.
std::pair<at::Tensor, at::Tensor> mostSimilar(const at::Tensor& from, const at::Tensor& to) {
    std::vector<at::Tensor> values, rows;
    const at::Tensor columns = to.t().contiguous();
    for (int64_t begin = 0; begin < from.size(0); begin += kSourcesAtOnce) {
        const at::Tensor part = from.narrow(0, begin, std::min(kSourcesAtOnce, from.size(0) - begin));
        const auto [value, row] = at::mm(part, columns).max(1);
        values.push_back(value);
        rows.push_back(row);
    }
    return {at::cat(values), at::cat(rows)};
}

int64_t cellsAlong(int64_t length, int64_t stride) {
    return (length + stride - 1) / stride;
}

// Places of the destinations, row by row.
std::vector<int64_t> destinationCells(int64_t height, int64_t width, const TokenMergingOptions& options) {
    int64_t stride = 1;
    while (cellsAlong(height, stride) * cellsAlong(width, stride) > options.kept)
        ++stride;
    const int64_t count = cellsAlong(height, stride) * cellsAlong(width, stride);
    at::Tensor chance;
    if (options.randomPlaces)
        chance = at::rand({count, 2}, at::detail::createCPUGenerator(options.seed), at::TensorOptions());
    std::vector<int64_t> cells;
    for (int64_t top = 0; top < height; top += stride)
        for (int64_t left = 0; left < width; left += stride) {
            int64_t row = top, column = left;
            if (chance.defined()) {
                const auto* draw = chance.const_data_ptr<float>() + 2 * cells.size();
                row += int64_t(draw[0] * float(std::min(stride, height - top)));
                column += int64_t(draw[1] * float(std::min(stride, width - left)));
            }
            cells.push_back(row * width + column);
        }
    std::sort(cells.begin(), cells.end());
    return cells;
}

Result<void> checkKept(const at::Tensor& features, int64_t kept) {
    VITRINE_TRY_VOID(checkFinite(features, 3, "features"));
    if (kept < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} tokens cannot be kept: at least one is", kept), kWhat);
    return {};
}

}  // namespace

Result<void> TokenMergingOptions::validate() const {
    if (kept < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} tokens cannot be kept: at least one is", kept), kWhat);
    return {};
}

Result<MergedTokens> mergeTokens(const at::Tensor& features, const TokenMergingOptions& options) {
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkKept(features, options.kept));
    const at::NoGradGuard noGrad;
    MergedTokens out;
    out.height = features.size(1);
    out.width = features.size(2);
    const at::Tensor all = tokensOf(features);
    const int64_t total = all.size(0);
    if (options.kept >= total) {
        out.tokens = all;
        out.cells = at::arange(total, all.options().dtype(at::kLong));
        out.sizes = at::ones_like(out.cells);
        out.place = out.cells;
        return out;
    }
    const std::vector<int64_t> chosen = destinationCells(out.height, out.width, options);
    const at::Tensor destinations = at::tensor(at::ArrayRef<int64_t>(chosen), at::kLong).to(all.device());
    const at::Tensor isSource =
        at::ones({total}, all.options().dtype(at::kBool)).index_fill_(0, destinations, false);
    const at::Tensor sources = isSource.nonzero().flatten();
    const at::Tensor unit = unitRows(all);
    const auto [similarity, best] =
        mostSimilar(unit.index_select(0, sources), unit.index_select(0, destinations));

    const int64_t merged = total - options.kept;
    const at::Tensor order = std::get<1>(similarity.sort(true, 0, true));  // stable: ties by cell
    const at::Tensor going = order.narrow(0, 0, merged);
    const at::Tensor staying = std::get<0>(order.narrow(0, merged, order.size(0) - merged).sort(0));
    const at::Tensor target = best.index_select(0, going);

    at::Tensor counts = at::ones({destinations.size(0)}, all.options());
    counts.index_add_(0, target, at::ones({merged}, all.options()));
    at::Tensor sums = all.index_select(0, destinations);
    sums.index_add_(0, target, all.index_select(0, sources.index_select(0, going)));
    const at::Tensor stayed = sources.index_select(0, staying);
    out.tokens = at::cat({all.index_select(0, stayed), sums / counts.unsqueeze(1)});
    out.cells = at::cat({stayed, destinations});
    out.sizes = at::cat({at::ones_like(stayed), counts.to(at::kLong)});
    out.place = at::empty({total}, out.cells.options());
    out.place.index_put_({out.cells}, at::arange(options.kept, out.cells.options()));
    out.place.index_put_({sources.index_select(0, going)}, target + stayed.size(0));
    return out;
}

at::Tensor MergedTokens::unmerged() const {
    return tokens.index_select(0, place).t().reshape({tokens.size(1), height, width});
}

Result<at::Tensor> averagePooled(const at::Tensor& features, int64_t kept) {
    VITRINE_TRY_VOID(checkKept(features, kept));
    const int64_t height = features.size(1), width = features.size(2);
    const double scale = std::min(1.0, std::sqrt(double(kept) / double(height * width)));
    // Not above the number asked for: what is rounded up along one side is taken off along the other.
    int64_t rows = std::max<int64_t>(1, std::llround(double(height) * scale));
    rows = std::min(rows, kept);
    const int64_t columns =
        std::clamp<int64_t>(std::llround(double(width) * scale), 1, std::max<int64_t>(1, kept / rows));
    const at::Tensor map = features.to(at::kFloat).unsqueeze(0);
    const at::Tensor pooled = at::adaptive_avg_pool2d(map, {rows, columns});
    // A cell belongs to the mean whose field it lies in.
    const auto index = [&](int64_t length, int64_t cells) {
        return at::arange(length, map.options().dtype(at::kLong)).mul(cells).div(length, "floor");
    };
    return pooled[0].index_select(1, index(height, rows)).index_select(2, index(width, columns));
}

Result<at::Tensor> randomlyKept(const at::Tensor& features, int64_t kept, uint64_t seed) {
    VITRINE_TRY_VOID(checkKept(features, kept));
    const at::Tensor all = tokensOf(features);
    const at::Tensor drawn =
        at::randperm(all.size(0), at::detail::createCPUGenerator(seed), at::TensorOptions().dtype(at::kLong))
            .narrow(0, 0, std::min(kept, all.size(0)))
            .to(all.device());
    const at::Tensor unit = unitRows(all);
    const at::Tensor best = mostSimilar(unit, unit.index_select(0, drawn)).second;
    return all.index_select(0, drawn.index_select(0, best)).t().reshape(features.sizes());
}

CompressionLoss compressionLoss(const at::Tensor& features, const at::Tensor& standing) {
    const at::Tensor truth = tokensOf(features), guess = tokensOf(standing);
    const at::Tensor spread = truth - truth.mean(0, true);
    return {at::cosine_similarity(truth, guess, 1).mean().item<double>(),
            (truth - guess).square().sum(at::kDouble).item<double>() /
                std::max(spread.square().sum(at::kDouble).item<double>(), 1e-30)};
}

}  // namespace vitrine
