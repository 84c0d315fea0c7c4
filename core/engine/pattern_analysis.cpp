// What a model puts at fixed places whatever it sees, and its outlier tokens.
#include "core/engine/analysis_impl.h"
#include "core/engine/picture_batches.h"
#include "core/features/token_norms.h"

#include <algorithm>

namespace vitrine {
namespace {

std::vector<float> valuesOf(const at::Tensor& map) {
    const at::Tensor plain = map.to(at::kCPU, at::kFloat).contiguous();
    return {plain.const_data_ptr<float>(), plain.const_data_ptr<float>() + plain.numel()};
}

// Mean of `energy` over the rings of cells at equal distance from the border.
std::vector<double> ringMeans(const std::vector<float>& energy, int64_t width, int64_t height) {
    const size_t count = size_t((std::min(width, height) + 1) / 2);
    std::vector<double> sums(count), cells(count);
    for (int64_t row = 0; row < height; ++row)
        for (int64_t column = 0; column < width; ++column) {
            const size_t ring = size_t(std::min({row, column, height - 1 - row, width - 1 - column}));
            sums[ring] += energy[size_t(row * width + column)];
            ++cells[ring];
        }
    for (size_t ring = 0; ring < count; ++ring)
        sums[ring] /= std::max(1.0, cells[ring]);
    return sums;
}

Result<at::Tensor> featuresOf(const StoredModel& model, const at::Tensor& pixels,
                              const PatternRequest& request) {
    EncodeRequest wanted;
    if (!request.adaptor.empty())
        wanted.adaptors = {request.adaptor};
    else if (request.layer >= 0)
        wanted.layers = {request.layer};
    VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(pixels, wanted));
    if (!request.adaptor.empty())
        return output.adaptors.at(request.adaptor).features;
    return request.layer >= 0 ? output.layers.front().features : output.features;
}

}  // namespace

Result<FixedPatternResult> AnalysisImpl::pattern(const PatternRequest& request, JobContext& job) {
    if (!(request.outlierThreshold > 0))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected a positive value, found {}", request.outlierThreshold),
                    "outlier threshold");
    VITRINE_TRY(const StoredModel* model, models_.find(request.modelId));
    BatchSource source;
    source.models = {model};
    source.square = true;
    source.stage = "averaging features";
    source.rowLimit = rowLimitFor(*model, request.pictures, 2);
    FixedPattern pattern;
    at::Tensor outliers;
    FixedPatternResult result;
    const auto use = [&](const PictureBatch& batch) -> Result<void> {
        VITRINE_TRY(const at::Tensor features, featuresOf(*model, batch.models.front().pixels, request));
        for (size_t row = 0; row < batch.pictures.size(); ++row) {
            const at::Tensor map = features[int64_t(row)].to(at::kCPU, at::kFloat);
            VITRINE_TRY_VOID(pattern.add(map));
            VITRINE_TRY(const NormOutliers found, normOutliers(map, request.outlierThreshold));
            const at::Tensor counted = found.outlier.to(at::kFloat);
            outliers = outliers.defined() ? outliers + counted : counted;
            result.paths.push_back(request.pictures.paths[batch.pictures[row]]);
            result.outlierCounts.push_back(found.outlier.sum().item<int64_t>());
        }
        return {};
    };
    VITRINE_TRY_VOID(forEachBatch(request.pictures, source, job, result.skipped, use));
    VITRINE_TRY(const FixedPattern::View view, pattern.view());
    result.channels = view.pattern.size(0);
    result.height = view.energy.size(0);
    result.width = view.energy.size(1);
    result.energy = valuesOf(view.energy);
    result.outlierRate = valuesOf(outliers / double(pattern.count()));
    result.share = view.share;
    result.chance = 1 / double(pattern.count());
    result.corrected = (result.share - result.chance) / (1 - result.chance);
    result.borderEnergy = view.borderEnergy;
    result.innerEnergy = view.innerEnergy;
    result.rings = ringMeans(result.energy, result.width, result.height);
    return result;
}

}  // namespace vitrine
