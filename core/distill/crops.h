// Augmentations that give student and teachers different views of one picture: independently shifted crops
// (C-RADIOv4, section on shift equivariance) and mosaics for teachers of one fixed size (RADIOv2.5, section
// on mosaic augmentation).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string_view>

namespace vitrine {

// Offset of a crop in its canvas, whole cells.
struct CellShift {
    int64_t row = 0, column = 0;
};

// round(N(0, deviation)) per axis, cut at ±limit cells.
CellShift drawShift(uint64_t seed, int64_t step, std::string_view who, double deviation, int64_t limit);

// Pixels to keep around a crop so that every shift of at most `limit` cells stays inside the canvas.
constexpr int64_t canvasMargin(int64_t limit, int64_t cellPixels) {
    return limit * cellPixels;
}

// The crop of `side` pixels at `shift` in a canvas (B, 3, side + 2 margin, side + 2 margin).
at::Tensor shiftedCrop(const at::Tensor& canvas, int64_t side, CellShift shift, int64_t cellPixels,
                       int64_t margin);

// How k x k student pictures lie on a canvas of a fixed size teacher. All in teacher cells (tokens).
struct Mosaic {
    int64_t perSide = 1;  // k
    int64_t cell = 0;     // canvas / k, cut down to whole teacher tokens
    int64_t picture = 0;  // tokens that a picture covers in its cell; the rest of the cell is padding
    int64_t tokenPixels = 1;
};

// k = floor(teacher tokens / picture tokens), at least 1; the picture is `pictureSide` pixels.
Mosaic mosaicFor(int64_t canvasSide, int64_t tokenPixels, int64_t pictureSide);

// pictures (B, 3, P, P), B a multiple of k² (the last canvas may be part empty otherwise: it is padded with
// zeros) -> canvases (ceil(B / k²), 3, canvasSide, canvasSide).
at::Tensor composeMosaic(const at::Tensor& pictures, const Mosaic& mosaic, int64_t canvasSide);
// Features (canvases, C, T, T) -> (B, C, picture, picture).
at::Tensor cutMosaic(const at::Tensor& features, const Mosaic& mosaic, int64_t count);

}  // namespace vitrine
