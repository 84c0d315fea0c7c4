#include "core/features/pca.h"

#include "core/base/json.h"
#include "core/features/checks.h"
#include "core/io/safetensors.h"
#include "core/nn/weights.h"
#include "kernels/operators.h"

#include <ATen/ops/linalg_eigh.h>

namespace vitrine {
namespace {

// Rows of `components` times -1 where their entry of largest size is negative.
at::Tensor withFixedSigns(const at::Tensor& components) {
    const auto largest = components.abs().argmax(1, true);
    const auto sign = at::where(components.gather(1, largest) < 0, -1.0, 1.0).to(components.scalar_type());
    return components * sign;
}

void reorder(PcaBasis& basis, const at::Tensor& order, const at::Tensor& sign) {
    basis.components = basis.components.index_select(0, order) * sign.unsqueeze(1);
    basis.explainedVariance = basis.explainedVariance.index_select(0, order);
    const auto low = basis.low.index_select(0, order), high = basis.high.index_select(0, order);
    basis.low = at::where(sign > 0, low, -high);
    basis.high = at::where(sign > 0, high, -low);
}

// Greedy pairing by falling absolute value of `similarity` (reference rows, basis columns): for each
// reference component the partner's index and sign; leftover components follow in their own order.
std::pair<at::Tensor, at::Tensor> pairGreedily(at::Tensor similarity, int64_t count) {
    similarity = similarity.to(at::kCPU, at::kDouble);
    auto size = similarity.abs().contiguous();
    std::vector<int64_t> order(size_t(count), -1);
    std::vector<float> sign(size_t(count), 1.0f);
    std::vector<bool> used(size_t(count), false);
    const int64_t pairs = std::min(similarity.size(0), count);
    for (int64_t step = 0; step < pairs; ++step) {
        const int64_t best = size.argmax().item<int64_t>();
        const int64_t row = best / count, column = best % count;
        order[size_t(row)] = column;
        sign[size_t(row)] = similarity[row][column].item<double>() < 0 ? -1.0f : 1.0f;
        used[size_t(column)] = true;
        size.select(0, row).fill_(-1);
        size.select(1, column).fill_(-1);
    }
    int64_t next = 0;
    for (auto& entry : order)
        if (entry < 0) {
            while (used[size_t(next)])
                ++next;
            entry = next++;
        }
    return {at::tensor(order, at::kLong), at::tensor(sign, at::kFloat)};
}

}  // namespace

Result<void> PcaOptions::validate() const {
    if (components < 1)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected at least 1, found {}", components),
                    "components");
    if (!(lowPercentile >= 0 && lowPercentile < highPercentile && highPercentile <= 100))
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("expected 0 <= low < high <= 100, found {} and {}", lowPercentile, highPercentile),
            "percentiles");
    return {};
}

at::Tensor rowPercentile(const at::Tensor& rows, double percent) {
    const int64_t count = rows.size(1);
    const double position = percent / 100 * double(count - 1);
    const int64_t below = int64_t(position);
    at::Tensor lower = std::get<0>(rows.kthvalue(below + 1, 1));
    if (below + 1 >= count)
        return lower;
    const auto upper = std::get<0>(rows.kthvalue(below + 2, 1));
    return lower + (upper - lower) * (position - double(below));
}

Result<PcaBasis> fitPca(const at::Tensor& tokens, const PcaOptions& options) {
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkFinite(tokens, 2, "PCA"));
    const int64_t n = tokens.size(0), channels = tokens.size(1);
    if (n < 2)
        return fail(ErrorCode::InvalidArgument, "a basis needs at least two tokens, found 1", "PCA",
                    "Choose a larger picture or more pictures.");
    auto centred = tokens.to(at::kCPU, at::kDouble, false, true, at::MemoryFormat::Contiguous);
    const auto mean = centred.mean(0);
    centred.sub_(mean);
    const int64_t count = std::min({options.components, n - 1, channels});

    PcaBasis basis;
    const bool wide = n < channels;
    const auto matrix = (wide ? centred.matmul(centred.t()) : centred.t().matmul(centred)) / double(n);
    basis.totalVariance = matrix.trace().item<double>();
    auto [values, vectors] = at::linalg_eigh(matrix);
    values = values.flip(0).slice(0, 0, count).clamp_min(0);
    vectors = vectors.flip(1).slice(1, 0, count);
    auto components = wide ? centred.t().matmul(vectors).t() : vectors.t();
    // Eigenvectors of the Gram matrix give directions of length sqrt(n value); directions without variance
    // stay 0.
    const auto length = components.norm(2, {1}, true);
    components = at::where(length > 1e-12 * std::sqrt(basis.totalVariance * double(n)) + 1e-300,
                           components / length, at::zeros_like(components));
    components = withFixedSigns(components);
    const auto projections = centred.matmul(components.t()).t().contiguous();
    basis.mean = mean.to(at::kFloat);
    basis.components = components.to(at::kFloat).contiguous();
    basis.explainedVariance = values.contiguous();
    basis.low = rowPercentile(projections, options.lowPercentile).to(at::kFloat);
    basis.high = rowPercentile(projections, options.highPercentile).to(at::kFloat);
    basis.sampleCount = n;
    return basis;
}

Result<at::Tensor> projectOnBasis(const PcaBasis& basis, const at::Tensor& features, int64_t first,
                                  int64_t count) {
    if (!features.defined() || features.dim() < 1 || features.size(0) != basis.channels())
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the basis has {} channels, the features have {}", basis.channels(),
                                features.defined() && features.dim() ? features.size(0) : 0),
                    "PCA basis", "Fit a basis for this model and layer, or unlock the basis.");
    if (first < 0 || first >= basis.count())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("component {} is not in this basis of {}", first + 1, basis.count()),
                    "PCA basis", "Fit it with more components.");
    count = std::min(count, basis.count() - first);
    return kernels::pcaProjection(features, basis.mean.to(features.device()),
                                  basis.components.slice(0, first, first + count).to(features.device()));
}

Result<PcaBasis> alignSigns(PcaBasis basis, const PcaBasis& reference) {
    if (basis.channels() != reference.channels())
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the basis has {} channels, the reference basis {}", basis.channels(),
                                reference.channels()),
                    "PCA basis");
    const int64_t shared = std::min(basis.count(), reference.count());
    const auto cosine =
        (basis.components.slice(0, 0, shared) * reference.components.slice(0, 0, shared)).sum(1);
    auto sign = at::ones({basis.count()});
    sign.slice(0, 0, shared).copy_(at::where(cosine < 0, -1.0, 1.0));
    reorder(basis, at::arange(basis.count()), sign);
    return basis;
}

Result<PcaBasis> alignByShared(const PcaBasis& basis, const at::Tensor& tokens, const PcaBasis& reference,
                               const at::Tensor& referenceTokens) {
    VITRINE_TRY_VOID(checkFinite(tokens, 2, "shared samples"));
    VITRINE_TRY_VOID(checkFinite(referenceTokens, 2, "shared samples of the reference"));
    if (tokens.size(0) != referenceTokens.size(0))
        return fail(
            ErrorCode::ShapeMismatch,
            fmt::format("{} samples against {} of the reference", tokens.size(0), referenceTokens.size(0)),
            "shared samples", "Both must be of the same places: resize one grid to the other.");
    VITRINE_TRY(auto ours, projectOnBasis(basis, tokens.t(), 0, basis.count()));
    VITRINE_TRY(auto theirs, projectOnBasis(reference, referenceTokens.t(), 0, reference.count()));
    const auto standard = [](const at::Tensor& rows) {
        const auto centred = rows.to(at::kDouble) - rows.to(at::kDouble).mean(1, true);
        return centred / centred.norm(2, {1}, true).clamp_min(1e-30);
    };
    const auto correlation = standard(theirs).matmul(standard(ours).t());
    const auto [order, sign] = pairGreedily(correlation.slice(0, 0, basis.count()), basis.count());
    PcaBasis aligned = basis;
    reorder(aligned, order, sign);
    return aligned;
}

at::Tensor pcaColors(const at::Tensor& projections, const at::Tensor& low, const at::Tensor& high) {
    const int64_t rows = projections.size(0);
    const auto range = (high - low).clamp_min(1e-12).to(at::kFloat);
    const auto scale = (255.0 / range).reshape({rows, 1, 1});
    auto scaled = projections.to(at::kCPU, at::kFloat) * scale;
    scaled.sub_(low.to(at::kFloat).reshape({rows, 1, 1}) * scale - 0.5).clamp_(0, 255.5);
    auto bytes = scaled.to(at::kByte);
    if (rows < 3)
        bytes = at::cat({bytes, bytes.slice(0, rows - 1, rows).expand({3 - rows, -1, -1})});
    return bytes.slice(0, 0, 3).permute({1, 2, 0}).contiguous();
}

at::Tensor pcaColors(const PcaBasis& basis, const at::Tensor& projections, int64_t first) {
    const int64_t last = first + projections.size(0);
    return pcaColors(projections, basis.low.slice(0, first, last), basis.high.slice(0, first, last));
}

Result<void> savePcaBasis(const PcaBasis& basis, const std::filesystem::path& file) {
    const Json about{{"format", "vitrine-pca-basis"},
                     {"version", 1},
                     {"total_variance", basis.totalVariance},
                     {"sample_count", basis.sampleCount},
                     {"note", basis.note}};
    return writeTensors(file,
                        {{"mean", basis.mean},
                         {"components", basis.components},
                         {"explained_variance", basis.explainedVariance},
                         {"low", basis.low},
                         {"high", basis.high}},
                        {{"basis", about.dump()}});
}

Result<PcaBasis> loadPcaBasis(const std::filesystem::path& file) {
    const std::string where = file.string();
    VITRINE_TRY(auto source, openSafetensors(file));
    const auto about = source->metadata().find("basis");
    if (about == source->metadata().end())
        return fail(ErrorCode::InvalidFile, "not a PCA basis: no \"basis\" in the file's metadata", where);
    VITRINE_TRY(auto json, parseJson(about->second, where));
    PcaBasis basis;
    VITRINE_TRY(basis.totalVariance, jsonValue<double>(json, "total_variance", where));
    VITRINE_TRY(basis.sampleCount, jsonValue<int64_t>(json, "sample_count", where));
    VITRINE_TRY(basis.note, jsonValueOr<std::string>(json, "note", std::string(), where));
    const auto read = [&](const char* name, at::ScalarType type) -> Result<at::Tensor> {
        LoadOptions options;
        options.dtype = type;
        return readTensor(*source, name, options);
    };
    VITRINE_TRY(basis.mean, read("mean", at::kFloat));
    VITRINE_TRY(basis.components, read("components", at::kFloat));
    VITRINE_TRY(basis.explainedVariance, read("explained_variance", at::kDouble));
    VITRINE_TRY(basis.low, read("low", at::kFloat));
    VITRINE_TRY(basis.high, read("high", at::kFloat));
    const auto& k = basis.components;
    if (k.dim() != 2 || k.size(0) < 1 || basis.mean.dim() != 1 || basis.mean.size(0) != k.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("components {} do not fit mean {}", sizesText(k), sizesText(basis.mean)),
                    where);
    for (const auto& [name, tensor] : {std::pair{"explained_variance", basis.explainedVariance},
                                       std::pair{"low", basis.low}, std::pair{"high", basis.high}})
        if (tensor.dim() != 1 || tensor.size(0) != k.size(0))
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("expected [{}], found {}", k.size(0), sizesText(tensor)),
                        where + ": " + name);
    return basis;
}

}  // namespace vitrine
