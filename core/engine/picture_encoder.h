// From a picture's path to cached features: reads, preprocesses and encodes with a loaded model.
#pragma once

#include "core/engine/byte_cache.h"
#include "core/engine/model_store.h"
#include "core/features/feature_map.h"
#include "core/models/trained_upsampler.h"

namespace vitrine {

// How a picture is brought to a model's input.
struct PictureFraming {
    int64_t resolution = 0;  // model pixels of the short side; 0: as the model's preprocessing says
    bool square =
        false;  // squeezed to a square (of the preferred size where resolution is 0), nothing cropped
};
// What `framing` changes of the model's preprocessing. Models of one fixed size keep theirs.
PreprocessOverride overrideFor(const StoredModel& model, const PictureFraming& framing);

// Path, size and time of a file: changes when the file changes. Hashing the content of every picture at every
// click would cost more than encoding small ones.
std::string fileStamp(const std::string& path);

struct EncodedPicture {
    FeatureMap map;
    bool encodedNow = false;  // false: came from the cache
};

struct AttentionMaps {
    std::vector<at::Tensor> layers;  // (heads, T, T) of blocks 1..n
    ImageTransform transform;
};

class PictureEncoder {
  public:
    explicit PictureEncoder(int64_t cacheBytes) : features_(cacheBytes), pictures_(cacheBytes / 2) {}

    // The picture as loaded, cached.
    Result<std::shared_ptr<const Image>> picture(const std::string& path);
    // What the model takes for this picture.
    Result<PreprocessedImage> prepare(const StoredModel& model, const FeatureSource& source);
    // The same as (1, 3, H, W) on the model's device, in its type.
    Result<at::Tensor> modelInput(const StoredModel& model, const FeatureSource& source);
    // Features of the asked layer or adaptor, or, with a trained upsampler, final features on its grid. All
    // layers of a picture are kept at once where they fit, so that a layer slider need not encode again.
    Result<EncodedPicture> features(const StoredModel& model, const FeatureSource& source);
    // Attention of blocks 1..lastLayer.
    Result<AttentionMaps> attention(const StoredModel& model, const FeatureSource& source, int64_t lastLayer);
    // Dense features in the space of the model's text embeddings.
    Result<FeatureMap> textSpaceFeatures(const StoredModel& model, const FeatureSource& source);

    void setLimit(int64_t bytes);
    int64_t cachedBytes() const { return features_.totalBytes() + pictures_.totalBytes(); }

  private:
    Result<at::Tensor> pixels(const StoredModel& model, const PreprocessedImage& input) const;
    // The source's trained upsampler on the model's device; loaded once.
    Result<const TrainedUpsampler*> trainedUpsampler(const StoredModel& model, const FeatureSource& source);
    Result<EncodedPicture> upsampledFeatures(const StoredModel& model, const FeatureSource& source);
    FeatureMap makeMap(const StoredModel& model, const FeatureSource& source,
                       const ImageTransform& transform) const;

    ByteCache<FeatureMap> features_;
    std::map<std::string, std::unique_ptr<TrainedUpsampler>> upsamplers_;  // by folder and device
    ByteCache<std::shared_ptr<const Image>> pictures_;
};

}  // namespace vitrine
