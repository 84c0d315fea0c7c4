#include "core/upsampling/start_weights.h"

#include "core/models/featsharp/fusion_block.h"
#include "core/nn/layers.h"

#include <cmath>
#include <numbers>

namespace vitrine {
namespace {

// Of startBlended, looked for on pictures of the own encoder's training.
constexpr double kBlendShare = 0.5, kLikeness = 3, kNarrowSigma = 0.25;

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

void startBlended(torch::nn::Module& root, const at::Generator& random) {
    using featsharp::kFusionHeads;
    const at::NoGradGuard noGrad;
    for (auto& entry : root.named_parameters()) {
        const std::string& name = entry.key();
        at::Tensor& value = entry.value();
        if (name.ends_with("sigma_spatial"))
            value.fill_(kNarrowSigma);
        else if (name.ends_with("block.ls1.gamma"))
            value.fill_(kBlendShare);
        else if (name.ends_with("block.attn.qkv.weight")) {
            const int64_t both = value.size(1), headWidth = both / kFusionHeads;
            const at::Tensor heads = value.view({3, kFusionHeads, -1, both});
            heads[0].normal_(0, kLikeness / std::sqrt(double(both)), random);
            heads[1].copy_(heads[0]);
            heads[2].zero_();
            heads[2].narrow(1, 0, headWidth).copy_(at::eye(both).view({kFusionHeads, headWidth, both}));
        } else if (name.ends_with("block.attn.proj.weight")) {
            const int64_t width = value.size(0) / 2;
            value.zero_();
            value.narrow(0, 0, width).narrow(1, width, width).fill_diagonal_(1);
            value.narrow(0, 0, width).narrow(1, 0, width).fill_diagonal_(-1);
        } else if (name.ends_with("block.attn.proj.bias"))
            value.zero_();
    }
}

}  // namespace vitrine
