#include "core/distill/crops.h"

#include "core/base/check.h"
#include "core/distill/random_stream.h"

#include <algorithm>
#include <cmath>

namespace vitrine {

CellShift drawShift(uint64_t seed, int64_t step, std::string_view who, double deviation, int64_t limit) {
    const at::Tensor draws =
        at::randn({2}, randomStream(seed, step, who), at::TensorOptions().dtype(at::kDouble))
            .mul_(deviation)
            .round_();
    const double* values = draws.const_data_ptr<double>();
    const auto cut = [&](double value) { return std::clamp<int64_t>(int64_t(value), -limit, limit); };
    return {cut(values[0]), cut(values[1])};
}

at::Tensor shiftedCrop(const at::Tensor& canvas, int64_t side, CellShift shift, int64_t cellPixels,
                       int64_t margin) {
    VITRINE_CHECK(canvas.size(2) == side + 2 * margin && canvas.size(3) == side + 2 * margin,
                  "the canvas is the crop with a margin on each side");
    return canvas.narrow(2, margin + shift.row * cellPixels, side)
        .narrow(3, margin + shift.column * cellPixels, side);
}

Mosaic mosaicFor(int64_t canvasSide, int64_t tokenPixels, int64_t pictureSide) {
    Mosaic mosaic;
    mosaic.tokenPixels = tokenPixels;
    const int64_t tokens = canvasSide / tokenPixels;
    mosaic.picture = (pictureSide + tokenPixels - 1) / tokenPixels;
    mosaic.perSide = std::max<int64_t>(1, tokens / mosaic.picture);
    mosaic.cell = tokens / mosaic.perSide;
    mosaic.picture = std::min(mosaic.picture, mosaic.cell);
    return mosaic;
}

at::Tensor composeMosaic(const at::Tensor& pictures, const Mosaic& mosaic, int64_t canvasSide) {
    const int64_t count = pictures.size(0), each = mosaic.perSide * mosaic.perSide;
    const int64_t cellPixels = mosaic.cell * mosaic.tokenPixels;
    VITRINE_CHECK(pictures.size(2) <= cellPixels && pictures.size(3) <= cellPixels,
                  "a picture must fit into its cell");
    at::Tensor canvases =
        at::zeros({(count + each - 1) / each, 3, canvasSide, canvasSide}, pictures.options());
    for (int64_t i = 0; i < count; ++i) {
        const int64_t place = i % each, row = place / mosaic.perSide, column = place % mosaic.perSide;
        canvases[i / each]
            .narrow(1, row * cellPixels, pictures.size(2))
            .narrow(2, column * cellPixels, pictures.size(3))
            .copy_(pictures[i]);
    }
    return canvases;
}

at::Tensor cutMosaic(const at::Tensor& features, const Mosaic& mosaic, int64_t count) {
    const int64_t each = mosaic.perSide * mosaic.perSide;
    std::vector<at::Tensor> cut;
    for (int64_t i = 0; i < count; ++i) {
        const int64_t place = i % each, row = place / mosaic.perSide, column = place % mosaic.perSide;
        cut.push_back(features[i / each]
                          .narrow(1, row * mosaic.cell, mosaic.picture)
                          .narrow(2, column * mosaic.cell, mosaic.picture));
    }
    return at::stack(cut);
}

}  // namespace vitrine
