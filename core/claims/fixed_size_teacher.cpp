#include "core/claims/fixed_size_teacher.h"

#include "core/data/soft_scenes.h"

namespace vitrine {

at::Tensor resizedPictures(const at::Tensor& pictures, int64_t side) {
    return pictures.size(3) == side ? pictures : at::_upsample_bilinear2d_aa(pictures, {side, side}, false);
}

at::Tensor onGrid(const at::Tensor& map, int64_t cells) {
    return resizedPictures(map, cells);
}

FixedSizeTeacher::FixedSizeTeacher(int64_t side, int64_t drawnSide, const at::Generator& random)
    : side_(side) {
    const auto normal = [&](at::IntArrayRef shape) { return at::randn(shape, random, at::TensorOptions()); };
    patch_ = normal({48, 3, kPatch, kPatch}) * (1.5 / kPatch);
    mix_ = normal({kChannels, 48, 1, 1});
    const at::Tensor sample = raw(softScenes(256, drawnSide, random));
    mean_ = sample.mean({0, 2, 3}, true);
    deviation_ = sample.std({0, 2, 3}, false, true);
}

at::Tensor FixedSizeTeacher::raw(const at::Tensor& pictures) const {
    return at::conv2d(at::tanh(at::conv2d(resizedPictures(pictures, side_) * 2 - 1, patch_, {}, kPatch)),
                      mix_);
}

}  // namespace vitrine
