#include "core/distill/spectral_weights.h"

#include "core/nn/layers.h"

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

namespace vitrine {
namespace {

constexpr int kStartIterations = 15;

at::Tensor unit(const at::Tensor& vector) {
    return vector / vector.norm().clamp_min(1e-12);
}

// σ = uᵀ W v.
at::Tensor largestSingularValue(const at::Tensor& matrix, const at::Tensor& u, const at::Tensor& v) {
    return at::dot(u, matrix.mv(v));
}

bool packsAttention(const std::string& layer) {
    return layer == "qkv" || layer.ends_with(".qkv");
}

}  // namespace

SpectralWeights::SpectralWeights(torch::nn::Module& root, const std::string& prefix,
                                 const at::Generator& random, const SpectralOptions& options)
    : scaleRate_(options.scaleRate) {
    for (const auto& entry : root.named_modules(prefix, false)) {
        at::Tensor* handle = nullptr;
        if (auto* linear = dynamic_cast<nn::Linear*>(entry.value().get()))
            handle = &linear->weight;
        else if (auto* convolution = dynamic_cast<nn::Conv2d*>(entry.value().get());
                 convolution && options.convolutions)
            handle = &convolution->weight;
        if (!handle || handle->size(0) < 2 || handle->flatten(1).size(1) < 2)
            continue;
        if (options.wanted && !options.wanted(entry.key()))
            continue;
        const bool separate =
            options.separateParts && packsAttention(entry.key()) && handle->size(0) % 3 == 0;
        add(entry.key() + ".weight", handle, separate ? 3 : 1, random);
        modules_.push_back(entry.value());
    }
}

void SpectralWeights::add(const std::string& name, at::Tensor* handle, int64_t parts,
                          const at::Generator& random) {
    const at::NoGradGuard noGrad;
    Layer layer{name, *handle, handle, {}, {}};
    const auto draw = [&](int64_t size) {
        return unit(at::randn({size}, random, at::TensorOptions()).to(handle->device()));
    };
    const int64_t rows = handle->size(0) / parts, columns = handle->flatten(1).size(1);
    for (int64_t i = 0; i < parts; ++i) {
        Part part;
        part.name = parts == 1 ? name : fmt::format("{}.parts.{}", name, i);
        part.begin = i * rows;
        part.count = rows;
        part.u = draw(rows);
        part.v = draw(columns);
        layer.parts.push_back(std::move(part));
    }
    for (int i = 0; i < kStartIterations; ++i)
        iterate(layer);
    for (Part& part : layer.parts) {
        part.scale = largestSingularValue(rowsOf(layer, part), part.u, part.v).clone();
        part.scale.set_requires_grad(true);
    }
    layers_.push_back(std::move(layer));
}

at::Tensor SpectralWeights::rowsOf(const Layer& layer, const Part& part) {
    return layer.original.narrow(0, part.begin, part.count).flatten(1);
}

void SpectralWeights::iterate(Layer& layer) {
    const at::NoGradGuard noGrad;
    for (Part& part : layer.parts) {
        const at::Tensor matrix = rowsOf(layer, part);
        part.u.copy_(unit(matrix.mv(part.v)));
        part.v.copy_(unit(matrix.t().mv(part.u)));
    }
}

at::Tensor SpectralWeights::valueOf(const Layer& layer) {
    std::vector<at::Tensor> parts;
    for (const Part& part : layer.parts)
        parts.push_back(layer.original.narrow(0, part.begin, part.count) *
                        (part.scale / largestSingularValue(rowsOf(layer, part), part.u, part.v)));
    return parts.size() == 1 ? parts.front() : at::cat(parts);
}

void SpectralWeights::apply(bool update) {
    for (Layer& layer : layers_) {
        if (update)
            iterate(layer);
        layer.computed = valueOf(layer);
        at::Tensor leaf = layer.computed.detach();
        leaf.set_requires_grad(layer.computed.requires_grad());
        *layer.handle = leaf;
    }
}

void SpectralWeights::collect() {
    std::vector<at::Tensor> values, gradients;
    for (Layer& layer : layers_) {
        if (layer.handle->grad().defined()) {
            values.push_back(layer.computed);
            gradients.push_back(layer.handle->grad());
        }
        layer.computed = at::Tensor();
    }
    if (!values.empty())
        torch::autograd::backward(values, gradients);
}

std::vector<OptimizedParameter> SpectralWeights::scales() const {
    std::vector<OptimizedParameter> parameters;
    for (const Layer& layer : layers_)
        for (const Part& part : layer.parts)
            parameters.push_back({"spectral." + part.name + ".scale", part.scale, scaleRate_, true});
    return parameters;
}

std::vector<OptimizedParameter> SpectralWeights::inUse(
    const std::vector<OptimizedParameter>& parameters) const {
    std::vector<OptimizedParameter> used;
    for (const OptimizedParameter& parameter : parameters) {
        const auto holds = [&](const Layer& layer) { return layer.original.is_same(parameter.tensor); };
        const auto isScale = [&](const Layer& layer) {
            return std::any_of(layer.parts.begin(), layer.parts.end(),
                               [&](const Part& part) { return part.scale.is_same(parameter.tensor); });
        };
        if (std::any_of(layers_.begin(), layers_.end(), isScale))
            continue;
        used.push_back(parameter);
        const auto layer = std::find_if(layers_.begin(), layers_.end(), holds);
        if (layer != layers_.end())
            used.back().tensor = *layer->handle;
    }
    return used;
}

std::map<std::string, at::Tensor> SpectralWeights::folded() const {
    const at::NoGradGuard noGrad;
    std::map<std::string, at::Tensor> weights;
    for (const Layer& layer : layers_)
        weights[layer.name] = valueOf(layer);
    return weights;
}

void SpectralWeights::follow(const SpectralWeights& fast, double share) {
    const at::NoGradGuard noGrad;
    for (size_t i = 0; i < layers_.size(); ++i) {
        for (size_t j = 0; j < layers_[i].parts.size(); ++j)
            layers_[i].parts[j].scale.lerp_(fast.layers_[i].parts[j].scale, share);
        iterate(layers_[i]);
    }
}

std::map<std::string, at::Tensor> SpectralWeights::state(const std::string& prefix) const {
    std::map<std::string, at::Tensor> state;
    for (const Layer& layer : layers_)
        for (const Part& part : layer.parts) {
            const std::string name = prefix + "spectral." + part.name;
            state[name + ".scale"] = part.scale.detach();
            state[name + ".u"] = part.u;
            state[name + ".v"] = part.v;
        }
    return state;
}

Result<void> SpectralWeights::restore(const std::map<std::string, at::Tensor>& state,
                                      const std::string& prefix) {
    const at::NoGradGuard noGrad;
    for (const Layer& layer : layers_)
        for (const Part& part : layer.parts) {
            const std::string name = prefix + "spectral." + part.name;
            for (const auto& [what, tensor] :
                 {std::pair<const char*, at::Tensor>{".scale", part.scale}, {".u", part.u}, {".v", part.v}}) {
                const auto it = state.find(name + what);
                if (it == state.end() || it->second.sizes() != tensor.sizes())
                    return fail(ErrorCode::ShapeMismatch, "the checkpoint belongs to other weights",
                                name + what, "Resume with the settings that the run was started with");
                at::Tensor(tensor).copy_(it->second);
            }
        }
    return {};
}

}  // namespace vitrine
