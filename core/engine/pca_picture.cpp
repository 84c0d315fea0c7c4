#include "core/engine/pca_picture.h"

#include "core/nn/functional.h"

#include <algorithm>

namespace vitrine {

Image imageOfColors(const at::Tensor& colors) {
    const at::Tensor plain = colors.contiguous();
    Image image({plain.size(1), plain.size(0)}, 3, SampleType::U8);
    std::copy_n(plain.const_data_ptr<uint8_t>(), plain.numel(), image.row<uint8_t>(0));
    return image;
}

Result<Image> pcaPicture(const at::Tensor& features, const PcaBasis& basis, int64_t side) {
    VITRINE_TRY(const at::Tensor projected, projectOnBasis(basis, features.cpu().to(at::kFloat)));
    const int64_t scale = std::max<int64_t>(1, side / std::max(projected.size(1), projected.size(2)));
    const at::Tensor enlarged = nn::resizeMap(projected.unsqueeze(0), projected.size(1) * scale,
                                              projected.size(2) * scale, "nearest")[0];
    return imageOfColors(pcaColors(basis, enlarged));
}

}  // namespace vitrine
