// Resizing pictures the two ways that encoder preprocessing does it. No OpenCV: its filters differ.
//  - resize(): 8-bit samples exactly as Pillow's Image.resize (fixed-point coefficients of 22 bits,
//  horizontal pass
//    first, 8-bit intermediate). Checked bit by bit against Pillow 11; Pillow 13 takes the vertical pass
//    first for some shapes, which moves single samples by one level. Alpha is resampled like any other
//    channel.
//  - resizeFloat(): float planes as torch's interpolate(antialias=True) on float tensors.
// Both widen the filter when they shrink (antialias). Thread-safe; large pictures use several threads.
#pragma once

#include "core/base/result.h"
#include "core/media/image.h"

#include <span>
#include <vector>

namespace vitrine {

// Numbers are those of preprocessor_config.json ("resample") and of PIL.
enum class Resampling { Nearest = 0, Lanczos = 1, Bilinear = 2, Bicubic = 3, Box = 4, Hamming = 5 };

// "bicubic"
const char* resamplingName(Resampling resampling);
Result<Resampling> resamplingFromNumber(int64_t number);

// `image` resized to `size` (at least 1x1); U8, U16 and F32 images of any channel count. U8 is bit-exact to
// Pillow; U16 and F32 are filtered in float, U16 rounded and clamped to its range. InvalidArgument for an
// empty image or size.
Result<Image> resize(const Image& image, ImageSize size, Resampling resampling);

// Planes (C,H,W), contiguous, `from` to `to`.
Result<std::vector<float>> resizeFloat(std::span<const float> planes, int64_t channels, ImageSize from,
                                       ImageSize to, Resampling resampling);

}  // namespace vitrine
