#include "core/nn/layers.h"

#include "core/nn/fused.h"

#include <stdexcept>

namespace vitrine::nn {
namespace {

at::Tensor blank(at::IntArrayRef shape) {
    return at::empty(shape, at::kFloat);
}

}  // namespace

Linear::Linear(int64_t inFeatures, int64_t outFeatures, bool withBias) {
    weight = register_parameter("weight", blank({outFeatures, inFeatures}));
    if (withBias)
        bias = register_parameter("bias", blank({outFeatures}));
}
at::Tensor Linear::forward(const at::Tensor& x) const {
    return linear(x, weight, bias);
}

LayerNorm::LayerNorm(int64_t width, double eps, bool withBias) : epsilon(eps) {
    weight = register_parameter("weight", blank({width}));
    if (withBias)
        bias = register_parameter("bias", blank({width}));
}
at::Tensor LayerNorm::forward(const at::Tensor& x) const {
    return at::layer_norm(x, {weight.size(0)}, weight, bias, epsilon);
}

LayerNorm2d::LayerNorm2d(int64_t channels, double eps) : epsilon(eps) {
    weight = register_parameter("weight", blank({channels}));
    bias = register_parameter("bias", blank({channels}));
}
at::Tensor LayerNorm2d::forward(const at::Tensor& x) const {
    return at::layer_norm(x.permute({0, 2, 3, 1}), {weight.size(0)}, weight, bias, epsilon)
        .permute({0, 3, 1, 2});
}

RmsNorm::RmsNorm(int64_t width, double eps) : epsilon(eps) {
    weight = register_parameter("weight", blank({width}));
}
at::Tensor RmsNorm::forward(const at::Tensor& x) const {
    return at::rms_norm(x, {weight.size(0)}, weight, epsilon);
}

BatchNorm::BatchNorm(int64_t channels, double eps) : epsilon(eps) {
    weight = register_parameter("weight", blank({channels}));
    bias = register_parameter("bias", blank({channels}));
    runningMean = register_buffer("running_mean", blank({channels}));
    runningVar = register_buffer("running_var", blank({channels}));
}
at::Tensor BatchNorm::forward(const at::Tensor& x) const {
    return at::batch_norm(x, weight, bias, runningMean, runningVar, false, 0.0, epsilon, false);
}

Conv2d::Conv2d(int64_t inChannels, int64_t outChannels, ConvOptions o) : options(o) {
    weight = register_parameter("weight",
                                blank({outChannels, inChannels / o.groups, o.kernelHeight, o.kernelWidth}));
    if (o.bias)
        bias = register_parameter("bias", blank({outChannels}));
}
at::Tensor Conv2d::forward(const at::Tensor& x) const {
    return at::conv2d(x, weight, bias, options.stride, options.padding, options.dilation, options.groups);
}

ConvTranspose2d::ConvTranspose2d(int64_t inChannels, int64_t outChannels, ConvOptions o) : options(o) {
    weight = register_parameter("weight",
                                blank({inChannels, outChannels / o.groups, o.kernelHeight, o.kernelWidth}));
    if (o.bias)
        bias = register_parameter("bias", blank({outChannels}));
}
at::Tensor ConvTranspose2d::forward(const at::Tensor& x) const {
    return at::conv_transpose2d(x, weight, bias, options.stride, options.padding, 0, options.groups,
                                options.dilation);
}

Embedding::Embedding(int64_t count, int64_t width) {
    weight = register_parameter("weight", blank({count, width}));
}
at::Tensor Embedding::forward(const at::Tensor& indices) const {
    return at::embedding(weight, indices);
}

namespace {

at::Tensor geluErf(const at::Tensor& x) {
    return at::gelu(x, "none");
}
at::Tensor geluTanh(const at::Tensor& x) {
    return at::gelu(x, "tanh");
}
at::Tensor quickGelu(const at::Tensor& x) {
    return x * at::sigmoid(1.702 * x);
}
at::Tensor relu(const at::Tensor& x) {
    return at::relu(x);
}
at::Tensor reluSquared(const at::Tensor& x) {
    return at::relu(x).square();
}
at::Tensor silu(const at::Tensor& x) {
    return at::silu(x);
}
at::Tensor hyperbolicTangent(const at::Tensor& x) {
    return at::tanh(x);
}
at::Tensor sigmoid(const at::Tensor& x) {
    return at::sigmoid(x);
}

const std::map<std::string, Activation>& activations() {
    static const std::map<std::string, Activation> table = {{"gelu", geluErf},
                                                            {"gelu_new", geluTanh},
                                                            {"gelu_pytorch_tanh", geluTanh},
                                                            {"gelu_fast", geluTanh},
                                                            {"quick_gelu", quickGelu},
                                                            {"relu", relu},
                                                            {"relu2", reluSquared},
                                                            {"silu", silu},
                                                            {"swish", silu},
                                                            {"tanh", hyperbolicTangent},
                                                            {"sigmoid", sigmoid}};
    return table;
}

}  // namespace

bool isActivation(const std::string& name) {
    return activations().contains(name);
}

Activation activationByName(const std::string& name) {
    const auto it = activations().find(name);
    if (it == activations().end())
        throw std::invalid_argument("unknown activation \"" + name + "\"");
    return it->second;
}

void initialize(torch::nn::Module& module, at::Generator generator) {
    at::NoGradGuard noGrad;
    constexpr double kStd = 0.02;
    for (auto& entry : module.named_parameters()) {
        at::Tensor& parameter = entry.value();
        if (parameter.dim() >= 2) {
            // A normal draw cut at two standard deviations: the uniform range between its quantiles, mapped
            // back.
            const double low = std::erf(-2.0 / std::sqrt(2.0)), high = -low;
            parameter.uniform_(low, high, generator).erfinv_().mul_(kStd * std::sqrt(2.0));
        } else {
            const bool isScale =
                entry.key().size() >= 6 && entry.key().rfind("weight") == entry.key().size() - 6;
            parameter.fill_(isScale ? 1.0 : 0.0);
        }
    }
}

}  // namespace vitrine::nn
