// How many directions each layer of a model uses.
#include "core/engine/analysis_impl.h"
#include "core/engine/augmented_views.h"
#include "core/engine/picture_batches.h"
#include "core/features/rank.h"
#include "core/features/statistics.h"

namespace vitrine {
namespace {

// What rank() collects of one layer.
struct LayerSamples {
    TokenReservoir tokens;
    std::vector<at::Tensor> views;  // (views, C) of each picture: means over places
};

Result<LayerRank> rankOf(const std::string& name, const LayerSamples& samples, bool withLidar) {
    LayerRank rank;
    rank.layer = name;
    const at::Tensor tokens = samples.tokens.sample();
    rank.samples = tokens.size(0);
    rank.width = tokens.size(1);
    VITRINE_TRY(rank.rankMe, rankMe(tokens));
    // One sample has no spread.
    if (rank.samples > 1) {
        VITRINE_TRY(rank.effectiveRank, effectiveRank(tokens));
    }
    if (withLidar) {
        VITRINE_TRY(rank.lidar, lidar(at::stack(samples.views)));
    }
    return rank;
}

}  // namespace

Result<LayerRanks> AnalysisImpl::rank(const RankRequest& request, JobContext& job) {
    if (request.tokenLimit < 2 || request.viewCount < 0 || request.viewCount == 1)
        return fail(ErrorCode::InvalidArgument,
                    "rank needs at least two tokens, and two views of a picture (or none)");
    VITRINE_TRY(const StoredModel* model, models_.find(request.modelId));
    std::vector<std::string> names = layerNames(*model);
    const size_t layerCount = names.size();
    names.push_back("summary");
    std::vector<LayerSamples> samples;
    for (size_t index = 0; index < names.size(); ++index)
        samples.push_back({TokenReservoir(request.tokenLimit, request.seed), {}});
    LayerRanks result;
    BatchSource source;
    source.models = {model};
    source.square = true;
    source.stage = "measuring rank";
    source.rowLimit = rowLimitFor(*model, request.pictures, int64_t(layerCount));
    const int64_t rowsEach = request.viewCount + 1;
    source.views = [&request](const Image& picture, size_t index) -> Result<std::vector<Image>> {
        VITRINE_TRY(auto views, augmentedViews(picture, request.viewCount, request.seed, index));
        views.insert(views.begin(), picture);
        return views;
    };
    const auto use = [&](const PictureBatch& batch) -> Result<void> {
        at::Tensor summary;
        VITRINE_TRY(const auto layers, allLayers(*model, batch.models.front().pixels, &summary));
        for (int64_t row = 0; row < int64_t(batch.pictures.size()); row += rowsEach) {
            for (size_t index = 0; index < layerCount; ++index) {
                const at::Tensor plain = layers[index][row];
                VITRINE_TRY_VOID(samples[index].tokens.add(plain.flatten(1).t().cpu().contiguous()));
                samples[index].views.push_back(
                    layers[index].slice(0, row + 1, row + rowsEach).mean({2, 3}).cpu());
            }
            if (summary.defined()) {
                VITRINE_TRY_VOID(samples.back().tokens.add(summary.slice(0, row, row + 1).cpu()));
                samples.back().views.push_back(summary.slice(0, row + 1, row + rowsEach).cpu());
            }
            ++result.pictureCount;
        }
        return {};
    };
    VITRINE_TRY_VOID(forEachBatch(request.pictures, source, job, result.skipped, use));
    if (samples.back().tokens.seen() == 0)
        names.pop_back();
    const bool withLidar = request.viewCount > 0 && result.pictureCount > 1;
    result.viewCount = withLidar ? request.viewCount : 0;
    job.beginStage("ranks of layers", int64_t(names.size()));
    for (size_t index = 0; index < names.size(); ++index) {
        VITRINE_TRY_VOID(job.checkStop());
        VITRINE_TRY(result.layers.emplace_back(), rankOf(names[index], samples[index], withLidar));
        job.advance();
    }
    return result;
}

}  // namespace vitrine
