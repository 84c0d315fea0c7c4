#include "core/upsampling/uncertainty.h"

#include "core/nn/module_tree.h"
#include "core/upsampling/start_weights.h"

namespace vitrine {
namespace {

constexpr int64_t kHidden = 256, kSide = 5;

}  // namespace

UncertaintyNet::UncertaintyNet(int64_t channels, const at::Generator& random) {
    nn::ConvOptions wide;
    wide.kernelHeight = wide.kernelWidth = kSide;
    wide.padding = kSide / 2;
    first_ = nn::registerAt(*this, "net.0", std::make_shared<nn::Conv2d>(channels, kHidden, wide));
    second_ = nn::registerAt(*this, "net.2", std::make_shared<nn::Conv2d>(kHidden, 1, nn::ConvOptions{}));
    startLayers(*this, random);
    const at::NoGradGuard noGrad;
    second_->weight.zero_();
    second_->bias.zero_();
}

at::Tensor UncertaintyNet::forward(const at::Tensor& fine) const {
    return second_->forward(at::gelu(first_->forward(fine.detach())));
}

DeviationNet::DeviationNet(int64_t channels, const at::Generator& random) {
    layer_ = register_module("net", std::make_shared<nn::Conv2d>(channels, 1, nn::ConvOptions{}));
    startLayers(*this, random);
    const at::NoGradGuard noGrad;
    layer_->weight.mul_(0.1);
    layer_->bias.mul_(0.1);
}

at::Tensor DeviationNet::forward(const at::Tensor& coarse) const {
    return (layer_->forward(coarse) + 0.1).exp().clamp_min(1e-4);
}

}  // namespace vitrine
