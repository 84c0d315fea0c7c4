#include "core/engine/inspect_engine_impl.h"

#include "core/distill/feature_moments.h"
#include "core/engine/analysis_impl.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/map_maker.h"
#include "core/engine/map_names.h"
#include "core/features/rank.h"
#include "core/features/retrieval.h"
#include "core/features/statistics.h"
#include "kernels/cuda_loader.h"

namespace vitrine {
namespace {

constexpr int64_t kDefaultCacheBytes = int64_t(2) << 30;
constexpr int64_t kBasisTokens = 20000;  // sampled over all pictures of a locked basis
constexpr int64_t kRankTokens = 8192;    // sampled over all pictures for RankMe

// Turns the exceptions of LibTorch and of memory running out into errors: each engine call is an edge.
template <typename Function>
auto guarded(std::string_view doing, Function&& function) -> decltype(function()) {
    try {
        return function();
    } catch (...) {
        return fail(errorFromCurrentException(doing));
    }
}

class GuardedAnalysis : public Analysis {
  public:
    explicit GuardedAnalysis(const ModelStore& models) : analysis_(models) {}

    Result<LayerComparison> compare(const CompareRequest& request, JobContext& job) override {
        return guarded("comparing layers", [&] { return analysis_.compare(request, job); });
    }
    Result<LayerRanks> rank(const RankRequest& request, JobContext& job) override {
        return guarded("measuring rank", [&] { return analysis_.rank(request, job); });
    }
    Result<NeighborLists> neighbors(const NeighborRequest& request, JobContext& job) override {
        return guarded("finding nearest pictures", [&] { return analysis_.neighbors(request, job); });
    }
    Result<ZeroShotTable> zeroShot(const ZeroShotRequest& request, JobContext& job) override {
        return guarded("classifying by text", [&] { return analysis_.zeroShot(request, job); });
    }
    Result<FixedPatternResult> pattern(const PatternRequest& request, JobContext& job) override {
        return guarded("averaging features", [&] { return analysis_.pattern(request, job); });
    }

  private:
    AnalysisImpl analysis_;
};

class InspectEngineImpl : public InspectEngine {
  public:
    InspectEngineImpl()
        : pictures_(kDefaultCacheBytes * 3 / 4), maps_(models_, pictures_, bases_, kDefaultCacheBytes / 4) {}

    std::vector<std::string> devices() const override { return availableDevices(); }
    std::vector<UpsamplerEntry> upsamplers() const override { return upsamplerList(); }

    Result<LoadedModel> loadModel(const std::filesystem::path& path, const std::string& device,
                                  const std::string& dtype, JobContext& job) override {
        return guarded("loading a model", [&]() -> Result<LoadedModel> {
            job.beginStage("loading " + path.filename().string(), 0);
            VITRINE_TRY(const StoredModel* stored, models_.load(path, device, dtype));
            return stored->description;
        });
    }
    void unloadModel(const std::string& modelId) override { models_.unload(modelId); }
    std::vector<LoadedModel> models() const override { return models_.list(); }

    Result<MapResult> render(const MapRequest& request, JobContext& job) override {
        return guarded("making a map", [&] { return maps_.make(request, job); });
    }

    Result<void> lockBasis(const std::string& name, const std::vector<FeatureSource>& sources,
                           JobContext& job) override {
        return guarded("fitting a basis", [&]() -> Result<void> {
            if (sources.empty())
                return fail(ErrorCode::InvalidArgument, "a basis needs at least one picture");
            std::vector<at::Tensor> tokens;
            const int64_t perPicture = std::max<int64_t>(16, kBasisTokens / int64_t(sources.size()));
            job.beginStage("fitting a basis", int64_t(sources.size()));
            for (const FeatureSource& source : sources) {
                VITRINE_TRY_VOID(job.checkStop());
                VITRINE_TRY(const StoredModel* model, models_.find(source.modelId));
                VITRINE_TRY(const EncodedPicture encoded, pictures_.features(*model, source));
                const at::Tensor all = encoded.map.tokens();
                // Every n-th token: evenly spread, and the same each time.
                const int64_t step = std::max<int64_t>(1, (all.size(0) + perPicture - 1) / perPicture);
                tokens.push_back(all.slice(0, 0, std::nullopt, step));
                job.advance();
            }
            VITRINE_TRY(PcaBasis basis, fitPca(at::cat(tokens)));
            basis.note = fmt::format("{} pictures", sources.size());
            bases_[name] = std::move(basis);
            return {};
        });
    }
    Result<void> saveBasis(const std::string& name, const std::filesystem::path& file) const override {
        const auto it = bases_.find(name);
        if (it == bases_.end())
            return fail(ErrorCode::NotFound, fmt::format("no basis \"{}\" is locked", name));
        return guarded("saving a basis", [&] { return savePcaBasis(it->second, file); });
    }
    Result<void> loadBasis(const std::string& name, const std::filesystem::path& file) override {
        return guarded("loading a basis", [&]() -> Result<void> {
            VITRINE_TRY(bases_[name], loadPcaBasis(file));
            return {};
        });
    }

    Result<SummaryEmbedding> embed(const FeatureSource& source, const std::vector<std::string>& imagePaths,
                                   int64_t nearestCount, JobContext& job) override {
        return guarded("embedding pictures",
                       [&] { return embedSummaries(source, imagePaths, nearestCount, job); });
    }

    Result<FeatureStatistics> statistics(const FeatureSource& source,
                                         const std::vector<std::string>& imagePaths,
                                         JobContext& job) override {
        return guarded("collecting statistics", [&] { return collectStatistics(source, imagePaths, job); });
    }

    Analysis& analysis() override { return analysis_; }

    void setCacheLimit(int64_t bytes) override {
        pictures_.setLimit(bytes * 3 / 4);
        maps_.setLimit(bytes / 4);
    }

  private:
    Result<SummaryEmbedding> embedSummaries(FeatureSource source, const std::vector<std::string>& imagePaths,
                                            int64_t nearestCount, JobContext& job);
    Result<FeatureStatistics> collectStatistics(FeatureSource source,
                                                const std::vector<std::string>& imagePaths, JobContext& job);

    ModelStore models_;
    GuardedAnalysis analysis_{models_};
    PictureEncoder pictures_;
    LockedBases bases_;
    MapMaker maps_;
};

Result<SummaryEmbedding> InspectEngineImpl::embedSummaries(FeatureSource source,
                                                           const std::vector<std::string>& imagePaths,
                                                           int64_t nearestCount, JobContext& job) {
    VITRINE_TRY(const StoredModel* model, models_.find(source.modelId));
    SummaryEmbedding embedding;
    std::vector<at::Tensor> summaries;
    job.beginStage("embedding pictures", int64_t(imagePaths.size()));
    for (const std::string& path : imagePaths) {
        VITRINE_TRY_VOID(job.checkStop());
        job.advance();
        source.imagePath = path;
        const auto encoded = pictures_.features(*model, source);
        if (!encoded) {
            // A broken picture among many is left out, not fatal; memory running out is.
            if (encoded.error().code == ErrorCode::OutOfMemory)
                return fail(encoded.error());
            continue;
        }
        const FeatureMap& map = encoded->map;
        summaries.push_back(map.summary.defined() ? map.summary : map.features.mean({1, 2}));
        embedding.imagePaths.push_back(path);
    }
    const int64_t count = int64_t(summaries.size());
    if (count < 2)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} of {} pictures could be read: two are needed", count, imagePaths.size()));
    const at::Tensor table = at::stack(summaries);
    VITRINE_TRY(const PcaBasis basis, fitPca(table, {.components = 3}));
    VITRINE_TRY(const at::Tensor projected, projectOnBasis(basis, table.t().contiguous(), 0, basis.count()));
    at::Tensor coordinates = at::zeros({count, 3});
    coordinates.narrow(1, 0, projected.size(0)).copy_(projected.t());
    embedding.coordinates.assign(coordinates.const_data_ptr<float>(),
                                 coordinates.const_data_ptr<float>() + coordinates.numel());

    embedding.nearestCount = std::min(nearestCount, count - 1);
    VITRINE_TRY(const Neighbors neighbors, nearestNeighbors(table, table, embedding.nearestCount, true));
    const at::Tensor nearest = neighbors.index.contiguous();
    embedding.nearest.assign(nearest.const_data_ptr<int64_t>(),
                             nearest.const_data_ptr<int64_t>() + nearest.numel());
    return embedding;
}

Result<FeatureStatistics> InspectEngineImpl::collectStatistics(FeatureSource source,
                                                               const std::vector<std::string>& imagePaths,
                                                               JobContext& job) {
    VITRINE_TRY(const StoredModel* model, models_.find(source.modelId));
    FeatureMoments moments({.histogramBins = 0});
    TokenReservoir reservoir(kRankTokens, 0);
    job.beginStage("collecting statistics", int64_t(imagePaths.size()));
    for (const std::string& path : imagePaths) {
        VITRINE_TRY_VOID(job.checkStop());
        source.imagePath = path;
        VITRINE_TRY(const EncodedPicture encoded, pictures_.features(*model, source));
        const at::Tensor tokens = encoded.map.tokens();
        VITRINE_TRY_VOID(moments.add(tokens));
        VITRINE_TRY_VOID(reservoir.add(tokens));
        job.advance();
    }
    VITRINE_TRY(const MomentStatistics collected, moments.statistics());
    FeatureStatistics statistics;
    statistics.tokenCount = collected.count;
    statistics.channelCount = collected.channelCount();
    statistics.mean = collected.globalMean;
    statistics.standardDeviation = collected.globalStd;
    const at::Tensor variance = collected.variance();
    statistics.lowestChannelStd = variance.min().sqrt().item<double>();
    statistics.highestChannelStd = variance.max().sqrt().item<double>();
    VITRINE_TRY(statistics.rankMe, rankMe(reservoir.sample()));
    return statistics;
}

}  // namespace

std::unique_ptr<InspectEngine> makeInspectEngine() {
    kernels::loadCudaKernels();
    loadEnginePlugins();
    return std::make_unique<InspectEngineImpl>();
}

}  // namespace vitrine
