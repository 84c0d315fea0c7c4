#include "core/claims/mixer_designs.h"

#include "core/models/tower_outputs.h"
#include "kernels/operators.h"

#include <cmath>

namespace vitrine::mixers {
namespace {

constexpr double kEpsilon = 1e-5, kMlpRatio = 4;
constexpr int64_t kStates = 8, kTaps = 3;

// Depthwise over (B, C, T), filled up with zeros to the same length.
at::Tensor convolved(const at::Tensor& x, const at::Tensor& weight, bool causal) {
    const int64_t before = causal ? kTaps - 1 : kTaps / 2;
    return at::silu(at::conv1d(at::constant_pad_nd(x, {before, kTaps - 1 - before}), weight, {}, 1,
                               at::IntArrayRef{0}, 1, weight.size(0)));
}

}  // namespace

bool hasSecondBranch(Design design) {
    return design == Design::Gated || design == Design::Concatenated;
}

Mixer::Mixer(int64_t width, Design design)
    : design_(design), inner_(hasSecondBranch(design) ? width / 2 : width), rank_((width + 15) / 16) {
    const int64_t branches = hasSecondBranch(design) ? 2 : 1;
    const auto convolution = [&](const char* name) {
        return register_module(name, std::make_shared<torch::nn::Module>())
            ->register_parameter("weight", at::empty({inner_, 1, kTaps}, at::kFloat));
    };
    in_ = register_module("in_proj", std::make_shared<nn::Linear>(width, branches * inner_, false));
    convX_ = convolution("conv1d_x");
    scanIn_ = register_module("x_proj", std::make_shared<nn::Linear>(inner_, rank_ + 2 * kStates, false));
    step_ = register_module("dt_proj", std::make_shared<nn::Linear>(rank_, inner_));
    decayLog_ = register_parameter("A_log", at::empty({inner_, kStates}, at::kFloat));
    skip_ = register_parameter("D", at::empty({inner_}, at::kFloat));
    const int64_t joined = design == Design::Concatenated ? 2 * inner_ : inner_;
    out_ = register_module("out_proj", std::make_shared<nn::Linear>(joined, width, false));
    if (hasSecondBranch(design))
        convZ_ = convolution("conv1d_z");
}

// x (B, inner, T) -> the same shape.
at::Tensor Mixer::scan(const at::Tensor& x) const {
    const auto parts = scanIn_->forward(x.transpose(1, 2)).split_with_sizes({rank_, kStates, kStates}, 2);
    kernels::SelectiveScanTensors tensors;
    tensors.u = x;
    tensors.delta = at::linear(parts[0], step_->weight).transpose(1, 2);
    tensors.a = -decayLog_.exp();
    tensors.b = parts[1].transpose(1, 2);
    tensors.c = parts[2].transpose(1, 2);
    tensors.skip = skip_;
    tensors.deltaBias = 2 * step_->bias;  // twice, as the published code adds it
    tensors.softplus = true;
    return std::get<0>(kernels::selectiveScan(tensors));
}

at::Tensor Mixer::forward(const at::Tensor& tokens) const {
    const at::Tensor projected = in_->forward(tokens).transpose(1, 2);
    const at::Tensor y = scan(convolved(projected.narrow(1, 0, inner_), convX_, design_ == Design::Causal));
    if (!hasSecondBranch(design_))
        return out_->forward(y.transpose(1, 2));
    const at::Tensor z = convolved(projected.narrow(1, inner_, inner_), convZ_, false);
    const at::Tensor joined = design_ == Design::Gated ? y * z : at::cat({y, z}, 1);
    return out_->forward(joined.transpose(1, 2));
}

MixerBlock::MixerBlock(int64_t width, Design design) {
    norm1_ = register_module("norm1", std::make_shared<nn::LayerNorm>(width, kEpsilon));
    mixer_ = register_module("mixer", std::make_shared<Mixer>(width, design));
    norm2_ = register_module("norm2", std::make_shared<nn::LayerNorm>(width, kEpsilon));
    const int64_t missing = countParameters(Mixer(width, Design::Concatenated)) - countParameters(*mixer_);
    const int64_t perHiddenUnit = 2 * width + 1;
    nn::VitBlockOptions mlp;
    mlp.width = width;
    mlp.hidden = int64_t(kMlpRatio * double(width)) + std::llround(double(missing) / double(perHiddenUnit));
    mlp_ = register_module("mlp", std::make_shared<nn::VitMlp>(mlp));
}

at::Tensor MixerBlock::forward(const at::Tensor& tokens) const {
    const at::Tensor middle = tokens + mixer_->forward(norm1_->forward(tokens));
    return middle + mlp_->forward(norm2_->forward(middle));
}

}  // namespace vitrine::mixers
