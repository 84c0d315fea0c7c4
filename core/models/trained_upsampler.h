// Upsamplers with trained weights, of any family: the features of an encoder on a finer grid. Views and jobs
// know this interface only.
#pragma once

#include "core/models/model.h"

namespace vitrine {

class TrainedUpsampler {
  public:
    virtual ~TrainedUpsampler() = default;
    virtual const std::string& name() const = 0;
    // Side in pixels of the square picture that it wants, whatever its size; absent: any picture that the
    // encoder takes.
    virtual std::optional<int64_t> squareSide() const = 0;
    // Pixels of the picture that one cell of the result stands for.
    virtual int64_t cellPixels(const EncoderInfo& info) const = 0;
    // InvalidArgument if it was trained for another encoder (patch size, feature width, fixed input size).
    virtual Result<void> checkFits(const EncoderInfo& info) const = 0;
    // picture (1, 3, H, W) prepared for the encoder, in the type it computes in -> (1, C, h, w) in the
    // upsampler's type. Without gradients.
    virtual Result<at::Tensor> sharpen(const VisionEncoder& encoder, const at::Tensor& picture) const = 0;
    // An encoder's features (B, C, h, w) in the space of `sharpen`: the encoder's own, unless it normalises.
    virtual at::Tensor comparable(const at::Tensor& features) const { return features; }
};

// Opens a folder or a weight file (FeatSharp, FeatUp, a fit of FeatUp to a picture); InvalidArgument if it is
// of another family.
Result<std::unique_ptr<TrainedUpsampler>> loadTrainedUpsampler(const std::filesystem::path& path,
                                                               const LoadOptions& options);

}  // namespace vitrine
