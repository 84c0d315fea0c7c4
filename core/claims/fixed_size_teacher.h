// The frozen teachers of RADIOv2.5's and C-RADIOv4's experiments: patch networks that always look at pictures
// of one size.
#pragma once

#include <ATen/ATen.h>

namespace vitrine {

// Pictures (B, 3, S, S) at another side, antialiased.
at::Tensor resizedPictures(const at::Tensor& pictures, int64_t side);
// A map (B, C, h, h) on a grid of `cells` a side, antialiased.
at::Tensor onGrid(const at::Tensor& map, int64_t cells);

// Random patches of 8 pixels, tanh, a random mixture; channels of mean 0 and unit variance over soft scenes.
class FixedSizeTeacher {
  public:
    static constexpr int64_t kPatch = 8, kChannels = 24;

    // `drawnSide`: of the pictures that it is shown.
    FixedSizeTeacher(int64_t side, int64_t drawnSide, const at::Generator& random);
    // pictures (B, 3, S, S), resized to its side -> (B, C, side / 8, side / 8). Patches do not look beyond
    // themselves.
    at::Tensor look(const at::Tensor& pictures) const { return (raw(pictures) - mean_) / deviation_; }

  private:
    at::Tensor raw(const at::Tensor& pictures) const;
    int64_t side_;
    at::Tensor patch_, mix_, mean_, deviation_;
};

}  // namespace vitrine
