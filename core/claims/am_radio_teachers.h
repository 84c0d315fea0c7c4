// The three frozen teachers of the AM-RADIO experiment, each trained on shape scenes for one thing only:
// "shape" tells the dominant shape of a picture (a ViT with a class token), "dense" the shape class and the
// texture of every place (a convolutional net), "boundary" where objects meet (a convolutional net without a
// summary, with a decoder that stays and later reads other models' features).
#pragma once

#include "core/claims/claim_experiments.h"

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <memory>

namespace vitrine::am_radio {

inline constexpr int64_t kPatch = 8, kSide = 64, kLargeSide = 128;
inline constexpr int64_t kDecoderScale = 4;   // boundary cells per side of a feature cell
inline constexpr double kSmallestView = 0.5;  // training looks at scenes through views from this share on

// What a teacher says of a batch of pictures (B, 3, H, W) in [0, 1].
struct TeacherLook {
    at::Tensor summary;   // (B, C); undefined for "boundary"
    at::Tensor features;  // (B, C, H / 8, W / 8)
};

class SceneTeacher : public torch::nn::Module {
  public:
    virtual const char* teacherName() const = 0;
    virtual int64_t width() const = 0;
    virtual bool hasSummary() const { return true; }
    virtual TeacherLook look(const at::Tensor& pictures) const = 0;
};

// Reads boundaries off features: (B, 48, h, w) -> logits (B, 4h, 4w).
class BoundaryDecoder;

struct Teachers {
    std::shared_ptr<SceneTeacher> shape, dense, boundary;
    std::shared_ptr<BoundaryDecoder> decoder;

    std::array<const SceneTeacher*, 3> all() const { return {shape.get(), dense.get(), boundary.get()}; }
    at::Tensor boundaryLogits(const at::Tensor& features) const;
};

// "dense" alone, trained for `steps` of the request's scale.
Result<std::shared_ptr<SceneTeacher>> trainDenseTeacher(const ClaimRequest& request, int64_t steps);
// Trains all from the request's seed and freezes them. Reports one stage per teacher. Cancelled.
Result<Teachers> trainTeachers(const ClaimRequest& request);

// True where a cell of the decoder's grid holds a pixel at which objects meet: (B, H, W) int64 objects ->
// (B, H / 2, W / 2) bool.
at::Tensor boundaryCells(const at::Tensor& objects);

}  // namespace vitrine::am_radio
