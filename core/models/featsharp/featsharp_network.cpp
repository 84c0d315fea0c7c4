#include "core/models/featsharp/featsharp_network.h"

#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

#include <fmt/ranges.h>

namespace vitrine::featsharp {

FeatSharpNetwork::FeatSharpNetwork(torch::nn::Module& root, const FeatSharpConfig& config) : config_(config) {
    const int64_t width = config.featureWidth;
    const std::string level = "upsampler.ups.0.";
    if (config.tiles)
        tilePosition_ = nn::parameterAt(root, level + "tile_pos", {1, width, config.factor, config.factor});
    if (config.guide == Guide::Bilateral)
        bilateral_ = nn::registerAt(root, level + "jbu", std::make_shared<BilateralStack>(config.levels()));
    else if (config.guide == Guide::Jafar)
        jafar_ = nn::registerAt(root, level + "jafar.upsampler",
                                std::make_shared<Jafar>(width, config.jafarWidth, config.jafarHeads));
    if (config.fused())
        block_ = nn::registerAt(root, level + "block", std::make_shared<FusionBlock>(config));
    if (config.deBias)
        bias_ = nn::parameterAt(root, "bias_buffer.buffer", {1, width, config.grid(), config.grid()});
    if (config.normalizer) {
        mean_ = nn::parameterAt(root, "normalizer.mean", {width});
        alpha_ = nn::parameterAt(root, "normalizer.alpha", {});
        rotation_ = nn::parameterAt(root, "normalizer.rotation", {width, width});
        inverse_ = nn::parameterAt(root, "normalizer.inv_rotation", {width, width});
        for (at::Tensor* fixed : {&mean_, &alpha_, &rotation_, &inverse_})
            fixed->requires_grad_(false);
    }
}

at::Tensor FeatSharpNetwork::standardised(const at::Tensor& features) const {
    if (!mean_.defined())
        return features;
    const at::Tensor centred = (features - mean_.view({1, -1, 1, 1})).flatten(2);
    return (at::matmul(rotation_, centred) * alpha_).view_as(features);
}

at::Tensor FeatSharpNetwork::prepared(const at::Tensor& features) const {
    const at::Tensor y = standardised(features);
    return bias_.defined() ? y + nn::resizeMap(bias_, y.size(2), y.size(3), "bilinear") : y;
}

at::Tensor FeatSharpNetwork::restored(const at::Tensor& features) const {
    if (!mean_.defined())
        return features;
    const at::Tensor turned = at::matmul(inverse_, features.flatten(2) / alpha_);
    return turned.view_as(features) + mean_.view({1, -1, 1, 1});
}

Result<at::Tensor> FeatSharpNetwork::featuresOf(const at::Tensor& pictures,
                                                const Featurizer& featurizer) const {
    VITRINE_TRY(const at::Tensor features, featurizer(pictures));
    const std::vector<int64_t> expected{pictures.size(0), config_.featureWidth, config_.grid(),
                                        config_.grid()};
    if (features.sizes() != at::IntArrayRef(expected))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the upsampler was trained for features [{}], the encoder gives [{}]",
                                fmt::join(expected, ", "), fmt::join(features.sizes(), ", ")),
                    "FeatSharp", "Use it with the encoder it was trained for");
    return prepared(features.to(at::kFloat));
}

// Tiles go through the encoder one position at a time: all of them at once would hold u² times its memory.
Result<at::Tensor> FeatSharpNetwork::stitchedTiles(const at::Tensor& picture,
                                                   const Featurizer& featurizer) const {
    const int64_t side = config_.modelResolution, grid = config_.grid(), fine = grid * config_.factor;
    at::Tensor stitched =
        at::empty({picture.size(0), config_.featureWidth, fine, fine}, tilePosition_.options());
    for (int64_t row = 0; row < config_.factor; ++row)
        for (int64_t column = 0; column < config_.factor; ++column) {
            const at::Tensor tile = picture.narrow(2, row * side, side).narrow(3, column * side, side);
            VITRINE_TRY(const at::Tensor features, featuresOf(tile.contiguous(), featurizer));
            stitched.narrow(2, row * grid, grid)
                .narrow(3, column * grid, grid)
                .copy_(features + tilePosition_.narrow(2, row, 1).narrow(3, column, 1));
        }
    return stitched;
}

// As in the reference: the bilateral levels look at the whole fine picture, JAFAR at what the encoder saw.
at::Tensor FeatSharpNetwork::guidedMap(const at::Tensor& coarse, const at::Tensor& large,
                                       const at::Tensor& small) const {
    const int64_t fine = config_.grid() * config_.factor;
    if (bilateral_)
        return bilateral_->forward(coarse, large);
    if (jafar_)
        return jafar_->forward(coarse, small, fine, fine);
    return config_.guide == Guide::Bilinear ? nn::resizeMap(coarse, fine, fine, "bilinear") : at::Tensor();
}

Result<SharpFeatures> FeatSharpNetwork::forward(const at::Tensor& picture, const Featurizer& featurizer,
                                                bool keepParts) const {
    const int64_t side = config_.modelResolution, fineSide = side * config_.factor;
    at::Tensor large = nn::resizeMap(picture, fineSide, fineSide, "bilinear");
    const at::Tensor small = nn::resizeMap(large, side, side, "bilinear");
    SharpFeatures result;
    VITRINE_TRY(result.coarse, featuresOf(small, featurizer));
    // At four times 1024 pixels the large picture is as large as the maps: it is made again where it would
    // lie idle beside JAFAR's.
    if (jafar_)
        large.reset();
    result.guided = guidedMap(result.coarse, large, small);
    if (config_.tiles) {
        if (!large.defined())
            large = nn::resizeMap(picture, fineSide, fineSide, "bilinear");
        VITRINE_TRY(result.tiles, stitchedTiles(large, featurizer));
    }
    large.reset();
    result.fine = block_                    ? block_->forward(result.guided, result.tiles)
                  : result.guided.defined() ? result.guided
                                            : result.tiles;
    if (!keepParts)
        result.guided = result.tiles = at::Tensor();
    return result;
}

}  // namespace vitrine::featsharp
