// Stored names of the module's tensors, and weights that must be computed from what is stored.
#include "core/models/radio/radio_module.h"

namespace vitrine {
namespace {

constexpr std::string_view kRoot = "radio_model.";

bool replacePrefix(std::string& name, std::string_view from, std::string_view to) {
    if (name.compare(0, from.size(), from) != 0)
        return false;
    name = std::string(to) + name.substr(from.size());
    return true;
}

// Torch-hub spelling of a public name below "radio_model.".
std::string hubName(std::string name, const RadioConfig& config) {
    for (const RadioAdaptorConfig& adaptor : config.adaptors) {
        const std::string prefix = "adaptors." + adaptor.name + ".";
        if (adaptor.summary && !adaptor.summary->storedName.empty() &&
            replacePrefix(name, prefix + "head_mlp.", adaptor.summary->storedName))
            return name;
        if (adaptor.features && !adaptor.features->storedName.empty() &&
            replacePrefix(name, prefix + "feat_mlp.", adaptor.features->storedName))
            return name;
    }
    if (replacePrefix(name, "model.", "base_model.") ||
        replacePrefix(name, "feature_normalizer.", "_feature_normalizer.") ||
        replacePrefix(name, "inter_feature_normalizer.", "_intermediate_feature_normalizer."))
        return name;
    return name;
}

std::string storedName(const std::string& parameter, const RadioConfig& config, const RadioLayout& layout) {
    const std::string below = parameter.substr(kRoot.size());
    const std::string name = layout.hub ? hubName(below, config) : below;
    const bool complete = layout.hub && !layout.root.empty() && name.rfind(layout.root, 0) == 0;
    return complete ? name : layout.root + name;
}

Result<at::Tensor> doubleTensor(const TensorSource& source, const std::string& name) {
    return readTensor(source, name, LoadOptions{at::kCPU, at::kDouble});
}

// c / σ̂ of one row chunk, multiplied into it.
Result<at::Tensor> scaledChunk(const TensorSource& source, const at::Tensor& chunk, const std::string& part,
                               double epsilon) {
    VITRINE_TRY(const at::Tensor u, doubleTensor(source, part + "_u"));
    VITRINE_TRY(const at::Tensor v, doubleTensor(source, part + "_v"));
    VITRINE_TRY(const at::Tensor scale, doubleTensor(source, part + "scale"));
    if (chunk.dim() != 2 || u.numel() != chunk.size(0) || v.numel() != chunk.size(1) || scale.numel() != 1)
        return fail(ErrorCode::ShapeMismatch, "singular vectors do not fit the weight", part + "_u");
    int64_t version = 1;
    if (source.find(part + "_sn_version")) {
        VITRINE_TRY(const at::Tensor stored, readTensor(source, part + "_sn_version", {}));
        version = stored.numel() == 1 ? stored.to(at::kLong).item<int64_t>() : version;
    }
    const at::Tensor sigma = at::dot(u.flatten(), at::mv(chunk, v.flatten())) + epsilon;
    const at::Tensor factor = version >= 2 ? at::softplus(scale.flatten()) + 0.05 : scale.flatten();
    return chunk * (factor / sigma);
}

}  // namespace

Result<at::Tensor> materializeSpectralWeight(const TensorSource& source, const std::string& base,
                                             double epsilon) {
    const std::string stored = base + ".parametrizations.weight.";
    if (!source.find(stored + "original"))
        return at::Tensor();
    VITRINE_TRY(const at::Tensor original, doubleTensor(source, stored + "original"));
    size_t parts = 0;
    while (parts < 64 && source.find(fmt::format("{}0.parts.{}._u", stored, parts)))
        ++parts;
    if (parts == 0) {
        VITRINE_TRY(const at::Tensor weight, scaledChunk(source, original, stored + "0.", epsilon));
        return weight.to(at::kFloat);
    }
    if (original.dim() != 2 || original.size(0) % int64_t(parts) != 0)
        return fail(ErrorCode::ShapeMismatch, fmt::format("rows do not divide into {} parts", parts),
                    stored + "original");
    std::vector<at::Tensor> weights;
    for (size_t i = 0; i < parts; ++i) {
        const at::Tensor chunk = original.chunk(int64_t(parts), 0)[i];
        VITRINE_TRY(at::Tensor weight,
                    scaledChunk(source, chunk, fmt::format("{}0.parts.{}.", stored, i), epsilon));
        weights.push_back(std::move(weight));
    }
    return at::cat(weights).to(at::kFloat);
}

Result<LoadReport> loadRadioWeights(RadioModule& module, const TensorSource& source,
                                    const RadioLayout& layout, const LoadOptions& options) {
    const RadioConfig& config = module.config();
    std::map<std::string, at::Tensor> initial;  // what the configuration says of tensors a file may leave out
    for (const auto& entry : module.named_buffers())
        initial[entry.key()] = entry.value();
    LoadRules rules;
    rules.storedName = [&](const std::string& name) { return storedName(name, config, layout); };
    rules.derive = [&](const std::string& parameter, const TensorSource& from) -> Result<at::Tensor> {
        const std::string name = storedName(parameter, config, layout);
        const auto replaced = [&](std::string_view end, std::string_view with) {
            return name.substr(0, name.size() - end.size()) + std::string(with);
        };
        if (name.ends_with(".weight")) {
            VITRINE_TRY(at::Tensor weight,
                        materializeSpectralWeight(from, replaced(".weight", ""), config.spectralEpsilon));
            if (weight.defined())
                return weight;
        }
        // The later library keeps the two halves of SwiGLU apart.
        for (const std::string_view kind : {"weight", "bias"}) {
            const std::string packed = fmt::format("mlp.w12.{}", kind), out = fmt::format("mlp.w3.{}", kind);
            if (name.ends_with(packed) &&
                from.find(replaced(packed, fmt::format("mlp.gate_proj.{}", kind)))) {
                VITRINE_TRY(
                    const at::Tensor gate,
                    readTensor(from, replaced(packed, fmt::format("mlp.gate_proj.{}", kind)), options));
                VITRINE_TRY(const at::Tensor up,
                            readTensor(from, replaced(packed, fmt::format("mlp.up_proj.{}", kind)), options));
                return at::cat({gate, up});
            }
            if (name.ends_with(out) && from.find(replaced(out, fmt::format("mlp.down_proj.{}", kind))))
                return readTensor(from, replaced(out, fmt::format("mlp.down_proj.{}", kind)), options);
        }
        if (name.ends_with(".lambda1"))
            return at::full({config.width}, config.layerScaleValue, at::kFloat);
        const bool optional = parameter.find("summary_idxs") != std::string::npos ||
                              parameter.find("input_conditioner.") != std::string::npos;
        return optional ? initial[parameter] : at::Tensor();
    };
    // The DINOv2-style student stores a mask token and its own conditioner that inference never uses.
    rules.ignoredPrefixes = {layout.trunk + "mask_token", layout.root + "model.input_conditioner."};
    return loadWeights(module, source, options, rules);
}

}  // namespace vitrine
