#include "core/upsampling/start_weights.h"

#include "core/nn/layers.h"

#include <cmath>
#include <numbers>

namespace vitrine {
namespace {

void startLayer(const at::Tensor& weight, const at::Tensor& bias, const at::Generator& random) {
    const double bound = 1 / std::sqrt(double(weight.numel()) / double(weight.size(0)));
    weight.uniform_(-bound, bound, random);
    if (bias.defined())
        bias.uniform_(-bound, bound, random);
}

// (2, width): rows turn the first half of the channels, columns the second.
at::Tensor rotaryFrequencies(int64_t width) {
    const at::Tensor exponents = at::linspace(0, -1, width / 4);
    const at::Tensor line = at::pow(100.0, exponents).repeat({2}) * (2 * std::numbers::pi);
    at::Tensor frequencies = at::zeros({2, width});
    frequencies[0].narrow(0, 0, line.size(0)).copy_(line);
    frequencies[1].narrow(0, width - line.size(0), line.size(0)).copy_(line);
    return frequencies;
}

}  // namespace

void startLayers(torch::nn::Module& root, const at::Generator& random) {
    const at::NoGradGuard noGrad;
    for (const auto& module : root.modules(false)) {
        if (auto* linear = dynamic_cast<nn::Linear*>(module.get()))
            startLayer(linear->weight, linear->bias, random);
        else if (auto* convolution = dynamic_cast<nn::Conv2d*>(module.get()))
            startLayer(convolution->weight, convolution->bias, random);
        else if (auto* norm = dynamic_cast<nn::LayerNorm*>(module.get())) {
            norm->weight.fill_(1);
            norm->bias.zero_();
        } else if (auto* rms = dynamic_cast<nn::RmsNorm*>(module.get()))
            rms->weight.fill_(1);
    }
}

void startUpsampler(torch::nn::Module& root, const at::Generator& random) {
    const at::NoGradGuard noGrad;
    for (auto& entry : root.named_parameters()) {
        const std::string& name = entry.key();
        at::Tensor& value = entry.value();
        if (name.ends_with("tile_pos") || name == "bias_buffer.buffer" || name == "normalizer.mean" ||
            name.ends_with("in_proj_bias"))
            value.zero_();
        else if (name == "normalizer.alpha")
            value.fill_(1);
        else if (name.starts_with("normalizer."))
            value.copy_(at::eye(value.size(0)));
        else if (name.ends_with("rope.freqs"))
            value.copy_(rotaryFrequencies(value.size(1)));
        else if (name.ends_with("_proj_weight")) {
            const double bound = std::sqrt(6.0 / double(value.size(0) + value.size(1)));
            value.uniform_(-bound, bound, random);
        }
    }
}

}  // namespace vitrine
