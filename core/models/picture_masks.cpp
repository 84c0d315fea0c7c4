#include "core/models/picture_masks.h"

#include "core/nn/functional.h"

namespace vitrine {

at::Tensor masksOfPicture(const at::Tensor& masks, nn::GridSize model, nn::GridSize content,
                          nn::GridSize picture) {
    const std::vector<int64_t> leading(masks.sizes().begin(), masks.sizes().end() - 2);
    at::Tensor maps = masks.to(at::kFloat).reshape({1, -1, masks.size(-2), masks.size(-1)});
    if (content.height < model.height || content.width < model.width)
        maps = nn::resizeMap(maps, model.height, model.width, "bilinear")
                   .slice(2, 0, content.height)
                   .slice(3, 0, content.width);
    std::vector<int64_t> shape = leading;
    shape.insert(shape.end(), {picture.height, picture.width});
    return nn::resizeMap(maps, picture.height, picture.width, "bilinear").reshape(shape);
}

}  // namespace vitrine
