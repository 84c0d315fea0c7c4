#include "core/models/mambavision/mamba_vision_blocks.h"

#include "kernels/operators.h"

namespace vitrine::mambavision {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr int64_t kStates = 8, kTaps = 3;

at::Tensor scaled(const at::Tensor& branch, const at::Tensor& gamma) {
    return gamma.defined() ? branch * gamma : branch;
}

// The scan stays in float32 (or float64) whatever the model computes in.
at::Tensor full(const at::Tensor& x) {
    return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

}  // namespace

ConvBlock::ConvBlock(int64_t width, bool layerScale) {
    const nn::ConvOptions options{.kernelHeight = 3, .kernelWidth = 3, .padding = 1};
    conv1_ = register_module("conv1", std::make_shared<nn::Conv2d>(width, width, options));
    norm1_ = register_module("norm1", std::make_shared<nn::TrainableBatchNorm>(width, kEpsilon));
    conv2_ = register_module("conv2", std::make_shared<nn::Conv2d>(width, width, options));
    norm2_ = register_module("norm2", std::make_shared<nn::TrainableBatchNorm>(width, kEpsilon));
    if (layerScale)
        gamma_ = register_parameter("gamma", at::empty({width}, at::kFloat));
}

at::Tensor ConvBlock::forward(const at::Tensor& x) const {
    const at::Tensor hidden = at::gelu(norm1_->forward(conv1_->forward(x)), "tanh");
    const at::Tensor branch = norm2_->forward(conv2_->forward(hidden));
    return x + (gamma_.defined() ? branch * gamma_.view({1, -1, 1, 1}) : branch);
}

Mixer::Mixer(int64_t width) : rank_((width + 15) / 16) {
    const int64_t half = width / 2;
    in_ = register_module("in_proj", std::make_shared<nn::Linear>(width, width, false));
    scanIn_ = register_module("x_proj", std::make_shared<nn::Linear>(half, rank_ + 2 * kStates, false));
    step_ = register_module("dt_proj", std::make_shared<nn::Linear>(rank_, half));
    decayLog_ = register_parameter("A_log", at::empty({half, kStates}, at::kFloat));
    skip_ = register_parameter("D", at::empty({half}, at::kFloat));
    out_ = register_module("out_proj", std::make_shared<nn::Linear>(width, width, false));
    const auto convolution = [&](const char* name) {
        return register_module(name, std::make_shared<torch::nn::Module>())
            ->register_parameter("weight", at::empty({half, 1, kTaps}, at::kFloat));
    };
    convX_ = convolution("conv1d_x");
    convZ_ = convolution("conv1d_z");
}

// x (windows, half, T) -> the same shape.
at::Tensor Mixer::scan(const at::Tensor& x) const {
    const at::Tensor projected = scanIn_->forward(x.transpose(1, 2));
    const auto parts = projected.split_with_sizes({rank_, kStates, kStates}, 2);
    const at::Tensor delta = at::linear(parts[0], step_->weight).transpose(1, 2);
    // The published code adds the bias of the step sizes twice, so trained weights expect it twice.
    const at::Tensor bias = full(step_->bias) * 2;
    return std::get<0>(kernels::selectiveScan({full(x),
                                               full(delta),
                                               -full(decayLog_).exp(),
                                               full(parts[1]).transpose(1, 2),
                                               full(parts[2]).transpose(1, 2),
                                               full(skip_),
                                               {},
                                               bias,
                                               {},
                                               true}))
        .to(x.scalar_type());
}

at::Tensor Mixer::forward(const at::Tensor& tokens) const {
    const auto halves = in_->forward(tokens).transpose(1, 2).chunk(2, 1);
    const auto convolved = [](const at::Tensor& x, const at::Tensor& weight) {
        return at::silu(at::conv1d(x, weight, {}, 1, at::IntArrayRef{kTaps / 2}, 1, weight.size(0)));
    };
    const at::Tensor y = scan(convolved(halves[0], convX_)), z = convolved(halves[1], convZ_);
    return out_->forward(at::cat({y, z}, 1).transpose(1, 2));
}

TokenBlock::TokenBlock(const TokenBlockOptions& options) {
    const int64_t width = options.width;
    norm1_ = register_module("norm1", std::make_shared<nn::LayerNorm>(width, kEpsilon));
    if (options.attention)
        attention_ =
            register_module("mixer", std::make_shared<nn::PackedAttention>(width, options.headCount, true));
    else
        mixer_ = register_module("mixer", std::make_shared<Mixer>(width));
    norm2_ = register_module("norm2", std::make_shared<nn::LayerNorm>(width, kEpsilon));
    nn::VitBlockOptions mlp;
    mlp.width = width;
    mlp.hidden = int64_t(double(width) * options.mlpRatio);
    mlp_ = register_module("mlp", std::make_shared<nn::VitMlp>(mlp));
    if (options.layerScale) {
        gamma1_ = register_parameter("gamma_1", at::empty({width}, at::kFloat));
        gamma2_ = register_parameter("gamma_2", at::empty({width}, at::kFloat));
    }
}

at::Tensor TokenBlock::forward(const at::Tensor& x, at::Tensor* probabilities,
                               std::pair<at::Tensor, at::Tensor>* mixed) const {
    const at::Tensor input = norm1_->forward(x);
    const at::Tensor branch = attention_ ? attention_->forward(input, probabilities) : mixer_->forward(input);
    if (mixed)
        *mixed = {input, branch};
    const at::Tensor middle = x + scaled(branch, gamma1_);
    return middle + scaled(mlp_->forward(norm2_->forward(middle)), gamma2_);
}

void initializeTokenBlocks(torch::nn::Module& module, at::Generator generator) {
    nn::initialize(module, generator);
    const at::NoGradGuard noGrad;
    for (auto& entry : module.named_parameters()) {
        at::Tensor& parameter = entry.value();
        const auto named = [&](const std::string& name) {
            return entry.key() == name || entry.key().ends_with("." + name);
        };
        if (named("A_log"))
            parameter.copy_(at::arange(1, kStates + 1, at::kFloat).log().expand_as(parameter));
        else if (named("D"))
            parameter.fill_(1);
        else if (named("gamma_1") || named("gamma_2") || named("gamma"))
            parameter.fill_(1e-5);
        else if (named("conv1d_x.weight") || named("conv1d_z.weight"))
            // LibTorch's own start of a convolution: ± 1 / sqrt(taps).
            parameter.uniform_(-1 / std::sqrt(double(kTaps)), 1 / std::sqrt(double(kTaps)), generator);
    }
}

}  // namespace vitrine::mambavision
