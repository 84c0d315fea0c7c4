// Enlarges maps on a model's grid to the picture's size, with the upsampler that a request names. The weights
// of joint bilateral upsampling are kept for each picture and grid.
#pragma once

#include "core/engine/picture_encoder.h"
#include "core/features/upsample.h"

namespace vitrine {

class MapEnlarger {
  public:
    MapEnlarger(PictureEncoder& pictures, int64_t tapsBytes) : pictures_(pictures), taps_(tapsBytes) {}

    // map (K, h, w) on the grid of `transform` -> (K, H, W) of request.outputSize: the model's padding is cut
    // off, what the model never saw is NaN. Gives the map as it is for upsampler "none" or an empty size.
    // ShapeMismatch if an upsampler of a plugin gives another size than it was asked for.
    Result<at::Tensor> enlarge(const MapRequest& request, const StoredModel& model, const at::Tensor& map,
                               const ImageTransform& transform);
    void setLimit(int64_t bytes) { taps_.setLimit(bytes); }

  private:
    // The whole model input enlarged.
    Result<at::Tensor> enlargeWhole(const MapRequest& request, const StoredModel& model,
                                    const at::Tensor& map, ImageSize size);
    // What guides the enlargement: the picture as the model saw it, (3, H, W) in [0, 1].
    Result<at::Tensor> guidance(const FeatureSource& source, const StoredModel& model, ImageSize size);
    Result<std::shared_ptr<const JbuTaps>> tapsFor(const FeatureSource& source, const StoredModel& model,
                                                   ImageSize size, ImageSize grid);

    PictureEncoder& pictures_;
    ByteCache<std::shared_ptr<const JbuTaps>> taps_;
};

// True if enlarging commutes with projecting the channels: all but some upsamplers of plugins.
bool enlargesLinearly(const std::string& upsampler);

}  // namespace vitrine
