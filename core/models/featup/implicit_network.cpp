#include "core/models/featup/implicit_network.h"

#include "core/models/featup/channel_dropout.h"

#include <cmath>

namespace vitrine::featup {
namespace {

constexpr double kLowest = -2, kHighest = 10;  // logarithms of the frequencies
constexpr int64_t kValues = 5;                 // row, column, red, green, blue
constexpr double kNormEpsilon = 1e-5;
constexpr double kFlat = 1e-4;  // a channel that varies less is not spread further

std::shared_ptr<nn::Conv2d> pointwise(int64_t in, int64_t out) {
    return std::make_shared<nn::Conv2d>(in, out, nn::ConvOptions{});
}

// Centres of `size` cells between -1 and 1.
at::Tensor cellCentres(int64_t size, const at::TensorOptions& options) {
    return (at::arange(size, options) + 0.5) * (2.0 / double(size)) - 1;
}

}  // namespace

at::Tensor implicitColors(const at::Tensor& picture, int64_t cell) {
    const at::Tensor colors =
        cell == 1 ? picture
                  : at::adaptive_avg_pool2d(picture, {picture.size(2) / cell, picture.size(3) / cell});
    const at::Tensor low = colors.amin({2, 3}, true), high = colors.amax({2, 3}, true);
    return (colors - low) / (high - low).clamp_min(kFlat) - 0.5;
}

ImplicitNetwork::ImplicitNetwork(const ImplicitConfig& config) : config_(config) {
    phases_ = register_parameter("phases", at::empty({2, config.frequencies, kValues}));
    norm1_ = register_module("norm1", std::make_shared<nn::LayerNorm2d>(config.inputs(), kNormEpsilon));
    layer1_ = register_module("layer1", pointwise(config.inputs(), config.hidden));
    norm2_ = register_module("norm2", std::make_shared<nn::LayerNorm2d>(config.hidden, kNormEpsilon));
    layer2_ = register_module("layer2", pointwise(config.hidden, config.hidden));
    layer3_ = register_module("layer3", pointwise(config.hidden, config.outputs));
}

void ImplicitNetwork::start(const at::Generator& random) {
    const at::NoGradGuard noGrad;
    phases_.normal_(0, 1, random);
    for (const auto& norm : {norm1_, norm2_}) {
        norm->weight.fill_(1);
        norm->bias.zero_();
    }
    for (const auto& layer : {layer1_, layer2_, layer3_}) {
        const double bound = 1 / std::sqrt(double(layer->weight.size(1)));
        layer->weight.uniform_(-bound, bound, random);
        layer->bias.uniform_(-bound, bound, random);
    }
}

at::Tensor ImplicitNetwork::fourierFeatures(const at::Tensor& colors) const {
    const int64_t height = colors.size(2), width = colors.size(3);
    const at::Tensor rows = cellCentres(height, colors.options()).view({1, 1, height, 1}),
                     columns = cellCentres(width, colors.options()).view({1, 1, 1, width});
    const at::Tensor values =
        at::cat({rows.expand({1, 1, height, width}), columns.expand({1, 1, height, width}), colors}, 1);
    const int64_t count = config_.frequencies;
    const at::Tensor frequencies = at::linspace(kLowest, kHighest, count, colors.options()).exp();
    const at::Tensor angles = frequencies.view({count, 1, 1, 1}) * values;  // (F, 5, H, W)
    const auto shifted = [&](int64_t which) { return angles + phases_[which].view({count, kValues, 1, 1}); };
    const auto flat = [&](const at::Tensor& waves) {
        return waves.view({1, count * kValues, height, width});
    };
    return at::cat({flat(shifted(0).sin()), flat(shifted(1).cos()), colors}, 1);
}

at::Tensor ImplicitNetwork::forward(const at::Tensor& colors, const at::Generator* random) const {
    const at::Tensor inputs =
        withoutChannels(norm1_->forward(fourierFeatures(colors)), config_.dropout, random);
    const at::Tensor hidden = withoutChannels(layer1_->forward(inputs).relu(), config_.dropout, random);
    return layer3_->forward(layer2_->forward(norm2_->forward(hidden)).relu());
}

}  // namespace vitrine::featup
