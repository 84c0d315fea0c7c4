#include "core/compress/compressed_weights.h"

#include "core/io/safetensors.h"
#include "core/nn/weights.h"
#include "kernels/operators.h"

namespace vitrine {
namespace {

constexpr const char* kKind = "compressed weights";
using Parts = std::map<std::string, at::Tensor>;

Parts partsOf(const CompressedLinear& layer) {
    Parts parts;
    if (layer.dense.defined())
        parts["dense"] = layer.dense;
    if (layer.sparse) {
        if (layer.sparse->values.defined())
            parts["sparse24.values"] = layer.sparse->values;
        parts["sparse24.metadata"] = layer.sparse->metadata;
    }
    if (layer.lowBit)
        for (const auto& [name, part] : layer.lowBit->parts())
            parts["low_bit." + name] = part;
    if (layer.lowRank) {
        parts["low_rank.up"] = layer.lowRank->up;
        parts["low_rank.down"] = layer.lowRank->down;
    }
    return parts;
}

Json manifestOf(const CompressedLinear& layer) {
    Json manifest{{"shape", Json::array({layer.rows, layer.columns})}};
    if (layer.sparse)
        manifest["sparse24"] = {{"metadata", "4 bits a group, first position in the low two"}};
    if (layer.lowBit)
        manifest["low_bit"] = layer.lowBit->manifest();
    if (layer.lowRank)
        manifest["low_rank"] = {{"rank", layer.lowRank->rank()}};
    return manifest;
}

Result<CompressedLinear> layerFrom(const Json& manifest, const Parts& parts) {
    CompressedLinear layer;
    VITRINE_TRY(const auto shape, jsonValue<std::vector<int64_t>>(manifest, "shape", "manifest"));
    if (shape.size() != 2 || shape[0] < 0 || shape[1] < 0)
        return fail(ErrorCode::InvalidFile, "expected two sizes", "manifest/shape");
    layer.rows = shape[0];
    layer.columns = shape[1];
    const auto part = [&](const std::string& name) {
        const auto found = parts.find(name);
        return found == parts.end() ? at::Tensor() : found->second;
    };
    const auto fits = [](const at::Tensor& tensor, const std::vector<int64_t>& expected) {
        return tensor.defined() && tensor.sizes() == at::IntArrayRef(expected);
    };
    if (manifest.contains("sparse24")) {
        const auto values = part("sparse24.values"), metadata = part("sparse24.metadata");
        const bool bytes = values.defined() && values.scalar_type() == at::kChar;
        const int64_t perWord = bytes ? 8 : 4;
        const bool coded = manifest.contains("low_bit");
        if (layer.columns % 4 != 0 || (!coded && !fits(values, {layer.rows, layer.columns / 2})) ||
            !fits(metadata, {layer.rows, (layer.columns / 4 + perWord - 1) / perWord}) ||
            metadata.scalar_type() != (bytes ? at::kInt : at::kShort))
            return fail(ErrorCode::InvalidFile, "values or metadata do not fit the shape", "sparse24");
        layer.sparse = kernels::Packed24{coded ? at::Tensor() : values, metadata, 0};
    }
    if (manifest.contains("low_bit")) {
        Parts own;
        for (const auto& [name, tensor] : parts)
            if (name.starts_with("low_bit."))
                own[name.substr(8)] = tensor;
        VITRINE_TRY(layer.lowBit, LowBitMatrix::fromParts(manifest["low_bit"], own));
        if (layer.lowBit->rows != layer.rows ||
            layer.lowBit->columns != layer.columns / (layer.sparse ? 2 : 1))
            return fail(ErrorCode::InvalidFile, "codes of another shape", "low_bit");
    } else if (!layer.sparse) {
        layer.dense = part("dense");
        if (!fits(layer.dense, shape))
            return fail(ErrorCode::InvalidFile, "missing, or of another shape", "dense");
    }
    if (manifest.contains("low_rank")) {
        LowRankPath path;
        path.up = part("low_rank.up");
        path.down = part("low_rank.down");
        if (!path.down.defined() || path.down.dim() != 2 ||
            !fits(path.down, {path.down.size(0), layer.columns}) ||
            !fits(path.up, {layer.rows, path.down.size(0)}))
            return fail(ErrorCode::InvalidFile, "up and down do not fit the shape", "low_rank");
        layer.lowRank = path;
    }
    return layer;
}

}  // namespace

CompressedLinear CompressedLinear::ofRank(int64_t rank) const {
    CompressedLinear cut = *this;
    if (cut.lowRank && rank == 0) {
        cut.lowRank.reset();
    } else if (cut.lowRank && rank > 0 && rank < cut.lowRank->rank()) {
        cut.lowRank->up = cut.lowRank->up.slice(1, 0, rank);
        cut.lowRank->down = cut.lowRank->down.slice(0, 0, rank);
    }
    return cut;
}

at::Tensor CompressedLinear::weight() const {
    auto result = dense;
    if (lowBit)
        result = lowBit->decode();
    if (sparse)
        result = kernels::sparse24Unpack(lowBit ? result : sparse->values, sparse->metadata);
    return lowRank ? foldedWeight(result, *lowRank) : result;
}

int64_t CompressedLinear::byteCount() const {
    int64_t bytes = 0;
    for (const auto& [name, part] : partsOf(*this))
        bytes += int64_t(part.nbytes());
    return bytes;
}

Result<kernels::Packed24> pack24(const at::Tensor& weight) {
    if (!weight.defined() || weight.dim() != 2 || weight.size(1) % 4 != 0)
        return fail(ErrorCode::ShapeMismatch,
                    weight.defined() && weight.dim() == 2
                        ? fmt::format("{} inputs are no whole groups of 4", weight.size(1))
                        : std::string("expected weights (outputs, inputs)"));
    const auto packed = kernels::sparse24Pack(weight);
    if (packed.violations > 0) {
        const auto counts = (weight.cpu() != 0).reshape({weight.size(0), -1, 4}).sum(2);
        const auto first = (counts > 2).nonzero()[0];
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("{} groups of four have more than two weights, the first in row {}, columns {} on",
                        packed.violations, first[0].item<int64_t>(), 4 * first[1].item<int64_t>()),
            {}, "Prune to 2:4 first.");
    }
    return packed;
}

std::optional<CompressedLinear> sparseLowBit(const at::Tensor& weight, const LowBitMatrix& codes) {
    if (codes.spec.format == LowBitFormat::Nvfp4 || codes.spec.group % 4 != 0 || codes.columns % 4 != 0)
        return std::nullopt;
    auto packed = kernels::sparse24Pack(weight.cpu().to(at::kFloat));
    if (packed.violations > 0)
        return std::nullopt;
    auto spec = codes.spec;
    spec.group /= 2;  // every four columns keep two values
    kernels::LowBitCodes given;
    given.scales = codes.scales;
    given.zeros = codes.zeros;
    given.tensorScale = codes.tensorScale;
    CompressedLinear layer;
    layer.rows = codes.rows;
    layer.columns = codes.columns;
    layer.lowBit = quantizeWithScales(packed.values, spec, given);
    layer.sparse = kernels::Packed24{at::Tensor(), packed.metadata, 0};
    return layer;
}

int64_t CompressedWeights::byteCount() const {
    int64_t bytes = 0;
    for (const auto& [name, layer] : layers)
        bytes += layer.byteCount();
    return bytes;
}

Result<void> CompressedWeights::save(const std::filesystem::path& file) const {
    std::map<std::string, at::Tensor> tensors;
    Json manifest = Json::object();
    for (const auto& [name, layer] : layers) {
        manifest[name] = manifestOf(layer);
        for (const auto& [part, tensor] : partsOf(layer))
            tensors[name + "/" + part] = tensor;
    }
    auto text = metadata;
    text["kind"] = kKind;
    text["manifest"] = manifest.dump();
    return writeTensors(file, tensors, text);
}

Result<CompressedWeights> CompressedWeights::load(const std::filesystem::path& file) {
    VITRINE_TRY(const auto stored, openSafetensors(file));
    CompressedWeights weights;
    weights.metadata = stored->metadata();
    if (weights.metadata["kind"] != kKind)
        return fail(ErrorCode::InvalidFile, "these are no compressed weights", file.string());
    VITRINE_TRY(const auto manifest, parseJson(weights.metadata["manifest"], file.string() + " manifest"));
    weights.metadata.erase("kind");
    weights.metadata.erase("manifest");
    if (!manifest.is_object())
        return fail(ErrorCode::InvalidFile, "the manifest is no object", file.string());
    VITRINE_TRY(const auto tensors, readAllTensors(*stored));
    std::map<std::string, Parts> parts;
    for (const auto& [name, tensor] : tensors) {
        const auto slash = name.rfind('/');
        if (slash == std::string::npos || !manifest.contains(name.substr(0, slash)))
            return fail(ErrorCode::InvalidFile, "the manifest does not describe this tensor",
                        file.string() + ": " + name);
        parts[name.substr(0, slash)][name.substr(slash + 1)] = tensor;
    }
    for (const auto& [name, entry] : manifest.items()) {
        auto layer = layerFrom(entry, parts[name]);
        if (!layer)
            return fail(layer.error().in(file.string() + ": " + name));
        weights.layers.emplace(name, std::move(*layer));
    }
    return weights;
}

}  // namespace vitrine
