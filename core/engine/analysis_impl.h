// The implementation of Analysis on loaded models.
#pragma once

#include "core/engine/analysis.h"
#include "core/engine/byte_cache.h"
#include "core/engine/model_store.h"

namespace vitrine {

class AnalysisImpl : public Analysis {
  public:
    // `models` must outlive it.
    explicit AnalysisImpl(const ModelStore& models) : models_(models) {}

    Result<LayerComparison> compare(const CompareRequest& request, JobContext& job) override;
    Result<LayerRanks> rank(const RankRequest& request, JobContext& job) override;
    Result<NeighborLists> neighbors(const NeighborRequest& request, JobContext& job) override;
    Result<ZeroShotTable> zeroShot(const ZeroShotRequest& request, JobContext& job) override;
    Result<FixedPatternResult> pattern(const PatternRequest& request, JobContext& job) override;

  private:
    // One vector for each picture.
    enum class Space {
        Summary,  // the model's summary; mean of the features where it has none
        Text      // the space of the model's text embeddings
    };
    struct Vectors {
        at::Tensor table;           // (n, D) float32, on the CPU
        std::vector<size_t> index;  // of each row's picture in PictureSet::paths
    };
    // Takes what is kept and encodes the rest.
    Result<Vectors> vectors(const StoredModel& model, const PictureSet& set, Space space, JobContext& job,
                            std::vector<SkippedPicture>& skipped);
    Result<std::vector<at::Tensor>> encodedVectors(const StoredModel& model, const PictureSet& set,
                                                   Space space, JobContext& job,
                                                   std::vector<SkippedPicture>& skipped);

    const ModelStore& models_;
    ByteCache<at::Tensor> kept_{int64_t(128) << 20};  // vectors by model, space, resolution and file
};

// Names of a model's hidden states and, last, "final" for its final features.
std::vector<std::string> layerNames(const StoredModel& model);
// Features (B, C, h, w), float32, of every hidden state and, last, the final ones, on the model's device.
// `summary`: (B, S) or undefined.
Result<std::vector<at::Tensor>> allLayers(const StoredModel& model, const at::Tensor& pixels,
                                          at::Tensor* summary = nullptr);

}  // namespace vitrine
