// Makes the maps of InspectEngine::render from cached features.
#pragma once

#include "core/engine/picture_encoder.h"
#include "core/features/pca.h"
#include "core/features/upsample.h"

namespace vitrine {

// Bases that were locked, by name.
using LockedBases = std::map<std::string, PcaBasis>;

class MapMaker {
  public:
    MapMaker(ModelStore& models, PictureEncoder& pictures, LockedBases& bases, int64_t tapsBytes)
        : models_(models), pictures_(pictures), bases_(bases), fitted_(int64_t(16) << 20), taps_(tapsBytes) {}

    Result<MapResult> make(const MapRequest& request, JobContext& job);
    void setLimit(int64_t bytes) { taps_.setLimit(bytes); }

  private:
    // Scalar values on a grid, before they are enlarged.
    struct Scalars {
        at::Tensor values;  // (h, w)
        std::string unit;
        ImageTransform transform;
    };

    Result<MapResult> picture(const MapRequest& request);
    Result<MapResult> modelInput(const MapRequest& request, const StoredModel& model);
    Result<MapResult> colors(const MapRequest& request, const StoredModel& model);
    Result<MapResult> scalars(const MapRequest& request, const StoredModel& model);
    Result<Scalars> valuesOf(const MapRequest& request, const StoredModel& model);

    Result<Scalars> similarity(const MapRequest& request, const StoredModel& model);
    Result<Scalars> attention(const MapRequest& request, const StoredModel& model);
    Result<Scalars> disagreement(const MapRequest& request, const StoredModel& model);
    Result<Scalars> textHeat(const MapRequest& request, const StoredModel& model);
    Result<const PcaBasis*> basisFor(const MapRequest& request, const FeatureMap& map);
    // Colours of the three components, enlarged as asked.
    Result<at::Tensor> pcaPicture(const MapRequest& request, const StoredModel& model, const FeatureMap& map);
    Result<at::Tensor> clusterColors(const MapRequest& request, const FeatureMap& map);
    Result<at::Tensor> correspondenceColors(const MapRequest& request, const StoredModel& model,
                                            const FeatureMap& map);

    // enlarge() with the time it takes added up.
    Result<at::Tensor> enlarge(const MapRequest& request, const StoredModel& model, const at::Tensor& map,
                               const ImageTransform& transform);
    // (K, h, w) enlarged to the picture's size as asked: the model's padding is cut off, what it never saw is
    // NaN.
    Result<at::Tensor> enlargeUntimed(const MapRequest& request, const StoredModel& model,
                                      const at::Tensor& map, const ImageTransform& transform);
    // The whole model input enlarged.
    Result<at::Tensor> enlargeWhole(const MapRequest& request, const StoredModel& model,
                                    const at::Tensor& map, ImageSize size);
    // Features of a source; a trained upsampler's time is added up.
    Result<EncodedPicture> featuresOf(const StoredModel& model, const FeatureSource& source);
    Result<std::shared_ptr<const JbuTaps>> tapsFor(const FeatureSource& source, const StoredModel& model,
                                                   ImageSize size, ImageSize grid);

    ModelStore& models_;
    PictureEncoder& pictures_;
    LockedBases& bases_;
    ByteCache<PcaBasis> fitted_;
    ByteCache<std::shared_ptr<const JbuTaps>> taps_;
    bool encodedNow_ = false;
    double upsamplingMilliseconds_ = 0;
};

}  // namespace vitrine
