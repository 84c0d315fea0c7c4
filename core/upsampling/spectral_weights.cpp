#include "core/upsampling/spectral_weights.h"

#include "core/nn/layers.h"

namespace vitrine {
namespace {

constexpr int kStartIterations = 15;
constexpr double kScaleRate = 0.1;

at::Tensor matrixOf(const at::Tensor& weight) {
    return weight.flatten(1);
}

at::Tensor unit(const at::Tensor& vector) {
    return vector / vector.norm().clamp_min(1e-12);
}

// σ = uᵀ W v.
at::Tensor largestSingularValue(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v) {
    return at::dot(u, matrixOf(weight).mv(v));
}

}  // namespace

SpectralWeights::SpectralWeights(torch::nn::Module& root, const std::string& prefix,
                                 const at::Generator& random) {
    for (const auto& entry : root.named_modules(prefix, false)) {
        at::Tensor* handle = nullptr;
        if (auto* linear = dynamic_cast<nn::Linear*>(entry.value().get()))
            handle = &linear->weight;
        else if (auto* convolution = dynamic_cast<nn::Conv2d*>(entry.value().get()))
            handle = &convolution->weight;
        if (!handle || handle->size(0) < 2 || matrixOf(*handle).size(1) < 2)
            continue;
        const at::NoGradGuard noGrad;
        Layer layer{entry.key() + ".weight", *handle, handle, {}, {}, {}};
        const auto draw = [&](int64_t size) {
            return unit(at::randn({size}, random, at::TensorOptions()).to(handle->device()));
        };
        layer.u = draw(handle->size(0));
        layer.v = draw(matrixOf(*handle).size(1));
        for (int i = 0; i < kStartIterations; ++i)
            iterate(layer);
        layer.scale = largestSingularValue(*handle, layer.u, layer.v).clone();
        layer.scale.set_requires_grad(true);
        modules_.push_back(entry.value());
        layers_.push_back(std::move(layer));
    }
}

void SpectralWeights::iterate(Layer& layer) {
    const at::NoGradGuard noGrad;
    const at::Tensor matrix = matrixOf(layer.original);
    layer.u.copy_(unit(matrix.mv(layer.v)));
    layer.v.copy_(unit(matrix.t().mv(layer.u)));
}

at::Tensor SpectralWeights::inUse(const Layer& layer) {
    return layer.original * (layer.scale / largestSingularValue(layer.original, layer.u, layer.v));
}

void SpectralWeights::apply(bool update) {
    for (Layer& layer : layers_) {
        if (update)
            iterate(layer);
        *layer.handle = inUse(layer);
    }
}

std::vector<OptimizedParameter> SpectralWeights::scales() const {
    std::vector<OptimizedParameter> parameters;
    for (const Layer& layer : layers_)
        parameters.push_back({"spectral." + layer.name + ".scale", layer.scale, kScaleRate, true});
    return parameters;
}

std::map<std::string, at::Tensor> SpectralWeights::folded() const {
    const at::NoGradGuard noGrad;
    std::map<std::string, at::Tensor> weights;
    for (const Layer& layer : layers_)
        weights[layer.name] = inUse(layer);
    return weights;
}

std::map<std::string, at::Tensor> SpectralWeights::state() const {
    std::map<std::string, at::Tensor> state;
    for (const Layer& layer : layers_) {
        const std::string name = "spectral." + layer.name;
        state[name + ".scale"] = layer.scale.detach();
        state[name + ".u"] = layer.u;
        state[name + ".v"] = layer.v;
    }
    return state;
}

Result<void> SpectralWeights::restore(const std::map<std::string, at::Tensor>& state) {
    const at::NoGradGuard noGrad;
    for (Layer& layer : layers_) {
        const std::string name = "spectral." + layer.name;
        for (const auto& [part, tensor] :
             {std::pair<const char*, at::Tensor>{".scale", layer.scale}, {".u", layer.u}, {".v", layer.v}}) {
            const auto it = state.find(name + part);
            if (it == state.end() || it->second.sizes() != tensor.sizes())
                return fail(ErrorCode::ShapeMismatch, "the checkpoint belongs to another upsampler",
                            name + part, "Resume with the settings that the run was started with");
            at::Tensor(tensor).copy_(it->second);
        }
    }
    return {};
}

}  // namespace vitrine
