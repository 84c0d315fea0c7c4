#include "core/compress/mask_set.h"

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/io/safetensors.h"
#include "core/nn/weights.h"
#include "kernels/compression_operators.h"

namespace vitrine {
namespace {

constexpr int64_t kSample = 512;  // elements of each tensor in a fingerprint
constexpr const char* kKind = "weight masks";

at::Tensor base6(const at::Tensor& patterns) {
    const auto flat = patterns.flatten();
    const int64_t bytes = (flat.numel() + 2) / 3;
    auto padded = at::zeros({bytes * 3}, at::kByte);
    padded.slice(0, 0, flat.numel()).copy_(flat);
    const auto digits = padded.reshape({bytes, 3});
    return digits.select(1, 0) + digits.select(1, 1) * 6 + digits.select(1, 2) * 36;
}

at::Tensor fromBase6(const at::Tensor& bytes, int64_t groups) {
    const auto digit = [&](int64_t divisor) {
        return at::div(bytes, divisor, "trunc").remainder(6).to(at::kByte);
    };
    return at::stack({digit(1), digit(6), digit(36)}, 1).flatten().slice(0, 0, groups);
}

}  // namespace

std::string weightFingerprint(const NamedTensors& weights) {
    Sha256 hash;
    for (const auto& [name, tensor] : weights) {
        hash.update(fmt::format("{}[{}]", name, fmt::join(tensor.sizes(), ",")));
        const auto flat = tensor.detach().reshape({-1});
        if (flat.numel() == 0)
            continue;
        const auto places = at::arange(std::min(kSample, flat.numel()), at::kLong) * flat.numel() /
                            std::min(kSample, flat.numel());
        const auto sample = flat.index_select(0, at::floor(places).to(at::kLong).to(flat.device()))
                                .cpu()
                                .to(at::kBFloat16)
                                .contiguous();
        hash.update(std::span(static_cast<const std::byte*>(sample.const_data_ptr()), sample.nbytes()));
    }
    return hash.hexDigest();
}

Result<void> MaskSet::set(const std::string& tensor, const at::Tensor& mask) {
    if (!mask.defined() || mask.dim() != 2)
        return fail(ErrorCode::ShapeMismatch, "expected a mask (rows, columns)", tensor);
    const auto given = mask.detach().cpu();
    if (!((given == 0) | (given == 1)).all().item<bool>())
        return fail(ErrorCode::InvalidArgument, "a mask holds nothing but 0 and 1", tensor);
    const auto bytes = given.to(at::kByte).contiguous();
    Entry entry{bytes.size(0), bytes.size(1), false, {}};
    entry.base6 = entry.columns % 4 == 0 && bytes.numel() > 0 &&
                  (bytes.reshape({-1, 4}).sum(1) == 2).all().item<bool>();
    entry.bytes = entry.base6 ? base6(kernels::sparse24Search(bytes.to(at::kFloat), {}, false))
                              : kernels::packBits(bytes, 1);
    entries_[tensor] = std::move(entry);
    return {};
}

at::Tensor MaskSet::decoded(const Entry& entry) const {
    if (!entry.base6)
        return kernels::unpackBits(entry.bytes, 1, entry.columns);
    const auto patterns =
        fromBase6(entry.bytes, entry.rows * entry.columns / 4).reshape({entry.rows, entry.columns / 4});
    return kernels::sparse24Apply(at::ones({entry.rows, entry.columns}), patterns).to(at::kByte);
}

Result<at::Tensor> MaskSet::mask(const std::string& tensor) const {
    const auto found = entries_.find(tensor);
    if (found == entries_.end())
        return fail(ErrorCode::NotFound, "these masks have none for this tensor", tensor);
    return decoded(found->second);
}

bool MaskSet::is24(const std::string& tensor) const {
    const auto found = entries_.find(tensor);
    return found != entries_.end() && found->second.base6;
}

std::vector<std::string> MaskSet::names() const {
    std::vector<std::string> names;
    for (const auto& [name, entry] : entries_)
        names.push_back(name);
    return names;
}

int64_t MaskSet::byteCount() const {
    int64_t bytes = 0;
    for (const auto& [name, entry] : entries_)
        bytes += entry.bytes.numel();
    return bytes;
}

Result<void> MaskSet::save(const std::filesystem::path& file) const {
    std::map<std::string, at::Tensor> tensors;
    Json manifest = Json::object();
    for (const auto& [name, entry] : entries_) {
        tensors[name] = entry.bytes;
        manifest[name] = {{"shape", {entry.rows, entry.columns}},
                          {"form", entry.base6 ? "base6_of_2:4" : "bits"}};
    }
    auto text = metadata;
    text["kind"] = kKind;
    text["fingerprint"] = fingerprint;
    text["manifest"] = manifest.dump();
    return writeTensors(file, tensors, text);
}

Result<MaskSet> MaskSet::load(const std::filesystem::path& file) {
    VITRINE_TRY(const auto stored, openSafetensors(file));
    MaskSet masks;
    masks.metadata = stored->metadata();
    if (masks.metadata["kind"] != kKind)
        return fail(ErrorCode::InvalidFile, "these are no weight masks", file.string());
    VITRINE_TRY(const auto manifest, parseJson(masks.metadata["manifest"], file.string() + " manifest"));
    masks.fingerprint = masks.metadata["fingerprint"];
    for (const char* key : {"kind", "manifest", "fingerprint"})
        masks.metadata.erase(key);
    VITRINE_TRY(const auto tensors, readAllTensors(*stored));
    for (const auto& [name, bytes] : tensors) {
        const std::string where = file.string() + ": " + name;
        if (!manifest.is_object() || !manifest.contains(name))
            return fail(ErrorCode::InvalidFile, "the manifest does not describe this mask", where);
        VITRINE_TRY(const auto shape, jsonValue<std::vector<int64_t>>(manifest[name], "shape", where));
        VITRINE_TRY(const auto form, jsonValue<std::string>(manifest[name], "form", where));
        if (shape.size() != 2 || shape[0] < 0 || shape[1] < 0 || (form != "bits" && form != "base6_of_2:4"))
            return fail(ErrorCode::InvalidFile, "the manifest's shape or form is not valid", where);
        Entry entry{shape[0], shape[1], form != "bits", bytes.clone()};
        const std::vector<int64_t> expected =
            entry.base6 ? std::vector<int64_t>{(entry.rows * (entry.columns / 4) + 2) / 3}
                        : std::vector<int64_t>{entry.rows, (entry.columns + 7) / 8};
        if (bytes.scalar_type() != at::kByte || bytes.sizes() != at::IntArrayRef(expected) ||
            (entry.base6 && (entry.columns % 4 != 0 || (bytes > 215).any().item<bool>())))
            return fail(ErrorCode::InvalidFile, "the bytes do not make a mask of the manifest's shape",
                        where);
        masks.entries_[name] = std::move(entry);
    }
    return masks;
}

Result<void> MaskSet::applyTo(NamedTensors& weights) const {
    const at::NoGradGuard plain;
    NamedTensors masked;
    for (const auto& [name, entry] : entries_) {
        const auto found = weights.find(name);
        if (found == weights.end())
            return fail(ErrorCode::NotFound, "the model has no such tensor, but the masks have one for it",
                        name, "These masks belong to another model.");
        if (found->second.sizes() != at::IntArrayRef({entry.rows, entry.columns}))
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("expected [{}, {}], found [{}]", entry.rows, entry.columns,
                                    fmt::join(found->second.sizes(), ", ")),
                        name, "These masks belong to another model.");
        masked[name] = found->second;
    }
    if (!fingerprint.empty())
        if (const auto found = weightFingerprint(masked); found != fingerprint)
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("these masks were made for other weights: expected fingerprint {}, found {}",
                            fingerprint.substr(0, 12), found.substr(0, 12)),
                {}, "Apply them to the dense checkpoint that they were made from, before it is fine-tuned.");
    for (auto& [name, weight] : masked) {
        const auto stays = decoded(entries_.at(name)).to(weight.device(), at::kBool);
        weight.masked_fill_(stays.logical_not(), 0);
    }
    return {};
}

double flippedPart(const at::Tensor& mask, const at::Tensor& other) {
    return mask.numel() == 0
               ? 0
               : (mask.to(at::kBool) != other.to(at::kBool)).to(at::kDouble).mean().item<double>();
}

}  // namespace vitrine
