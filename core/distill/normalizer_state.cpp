#include "core/base/json.h"
#include "core/distill/feature_moments.h"
#include "core/distill/normalizer.h"
#include "core/features/checks.h"
#include "core/io/tensor_source.h"
#include "core/nn/weights.h"

#include <ATen/ops/linalg_inv_ex.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

constexpr const char* kPrefix = "normalizer";

Failure fault(const std::string& name, const std::string& what = "missing, or of another shape or type") {
    return fail(ErrorCode::InvalidFile, what, "normalizer." + name);
}

// float64 copy of a tensor of this shape with finite values; undefined otherwise.
at::Tensor find(const Tensors& state, const std::string& name, at::IntArrayRef shape) {
    const auto entry = state.find(name);
    if (entry == state.end() || !entry->second.is_floating_point() || entry->second.sizes() != shape)
        return {};
    const auto tensor = entry->second.to(at::kCPU, at::kDouble).contiguous().clone();
    return tensor.isfinite().all().item<bool>() ? tensor : at::Tensor();
}

double identityError(const at::Tensor& product) {
    return (product - at::eye(product.size(0), at::kDouble)).abs().max().item<double>();
}

// How far from the identity rotation times its inverse may be after rounding to the stored type.
double inverseTolerance(const at::Tensor& rotation, const at::Tensor& inverse, at::ScalarType stored) {
    const double step = stored == at::kDouble ? 1e-15 : stored == at::kFloat ? 1e-6 : 1e-2;
    const double sizes =
        rotation.norm(2, {1}).max().item<double>() * inverse.norm(2, {0}).max().item<double>();
    return std::max(1e-9, step * sizes);
}

Json reportJson(const NormalizerReport& report) {
    return {{"samples", report.sampleCount},       {"rank", report.numericalRank},
            {"raised", report.raisedDirections},   {"floor", report.floor},
            {"constant", report.constantChannels}, {"few_samples", report.fewerSamplesThanChannels},
            {"rotation", report.rotation},         {"approximate", report.approximateRotation}};
}

Result<NormalizerReport> reportFromJson(const Json& json) {
    const char* where = "report of the normaliser";
    NormalizerReport report;
    VITRINE_TRY(report.sampleCount, jsonValueOr<int64_t>(json, "samples", 0, where));
    VITRINE_TRY(report.numericalRank, jsonValueOr<int64_t>(json, "rank", 0, where));
    VITRINE_TRY(report.raisedDirections, jsonValueOr<int64_t>(json, "raised", 0, where));
    VITRINE_TRY(report.floor, jsonValueOr<double>(json, "floor", 0.0, where));
    VITRINE_TRY(report.constantChannels, jsonValueOr<std::vector<int64_t>>(json, "constant", {}, where));
    VITRINE_TRY(report.fewerSamplesThanChannels, jsonValueOr<bool>(json, "few_samples", false, where));
    VITRINE_TRY(report.rotation, jsonValueOr<std::string>(json, "rotation", "", where));
    VITRINE_TRY(report.approximateRotation, jsonValueOr<bool>(json, "approximate", false, where));
    return report;
}

// "a.b.normalizer." of the tensor "a.b.normalizer.mean"; FeatSharp writes "module." behind the name under
// several processes, RADIO calls it "feature_normalizer".
Result<std::string> prefixIn(const TensorSource& source) {
    std::vector<std::string> found;
    for (const TensorInfo& info : source.tensors())
        for (const char* ending : {"normalizer.mean", "normalizer.module.mean"})
            if (info.name.ends_with(ending))
                found.push_back(info.name.substr(0, info.name.size() - std::string_view("mean").size()));
    if (found.empty())
        return fail(ErrorCode::NotFound, "there is no normaliser in this file", "normalizer.mean");
    if (found.size() > 1)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("there are several normalisers: {}", fmt::join(found, ", ")));
    return found.front();
}

}  // namespace

// Puts a normaliser together from named tensors.
struct NormalizerState {
    const Tensors& state;
    Normalizer normalizer;
    at::ScalarType stored = at::kDouble;

    Result<Normalizer> read() {
        const auto mean = state.find("mean");
        if (mean == state.end() || mean->second.dim() != 1)
            return fault("mean");
        normalizer.mean_ = find(state, "mean", mean->second.sizes());
        if (!normalizer.mean_.defined() || normalizer.mean_.numel() == 0)
            return fault("mean");
        VITRINE_TRY_VOID(readAlpha());
        VITRINE_TRY_VOID(readMatrices());
        VITRINE_TRY_VOID(readKind());
        return normalizer.readyFor(at::kCPU);
    }

    Result<void> readAlpha() {
        const auto entry = state.find("alpha");
        if (entry == state.end())
            return {};
        if (!entry->second.is_floating_point() || entry->second.numel() != 1)
            return fault("alpha");
        normalizer.alpha_ = entry->second.to(at::kDouble).item<double>();
        if (!(normalizer.alpha_ > 0) || !std::isfinite(normalizer.alpha_))
            return fault("alpha", fmt::format("expected a positive number, found {}", normalizer.alpha_));
        return {};
    }

    Result<void> readMatrices() {
        const int64_t width = normalizer.channels();
        if (const auto entry = state.find("scale"); entry != state.end()) {
            normalizer.scale_ = find(state, "scale", {width});
            if (!normalizer.scale_.defined() || normalizer.scale_.le(0).any().item<bool>())
                return fault("scale");
            return {};
        }
        const bool merged = state.contains("tx");  // RADIO: alpha and rotation in one
        if (!merged && !state.contains("rotation"))
            return {};
        const std::string name = merged ? "tx" : "rotation";
        normalizer.rotation_ = find(state, name, {width, width});
        if (!normalizer.rotation_.defined())
            return fault(name);
        stored = state.at(name).scalar_type();
        if (merged) {
            normalizer.alpha_ = std::sqrt(normalizer.rotation_.square().sum(1).mean().item<double>());
            if (!(normalizer.alpha_ > 0))
                return fault(name, "the matrix is zero");
            normalizer.rotation_ = normalizer.rotation_ / normalizer.alpha_;
        }
        return readInverse();
    }

    Result<void> readInverse() {
        const auto& rotation = normalizer.rotation_;
        if (state.contains("inv_rotation")) {
            normalizer.inverseRotation_ = find(state, "inv_rotation", rotation.sizes());
            if (!normalizer.inverseRotation_.defined())
                return fault("inv_rotation");
        } else if (isOrthogonal()) {
            normalizer.inverseRotation_ = rotation.t().contiguous();
        } else {
            normalizer.inverseRotation_ = std::get<0>(at::linalg_inv_ex(rotation));  // not finite if singular
        }
        const double error = identityError(rotation.matmul(normalizer.inverseRotation_));
        if (!(error <= inverseTolerance(rotation, normalizer.inverseRotation_, stored)))
            return fault("inv_rotation",
                         fmt::format("it is not the inverse of rotation: their product differs from the "
                                     "identity by {:.3g}",
                                     error));
        return {};
    }

    bool isOrthogonal() const {
        const auto& rotation = normalizer.rotation_;
        return identityError(rotation.matmul(rotation.t())) <=
               inverseTolerance(rotation, rotation.t(), stored);
    }

    Result<void> readKind() {
        if (const auto count = state.find("count"); count != state.end() && count->second.numel() == 1)
            normalizer.report_.sampleCount = count->second.to(at::kLong).item<int64_t>();
        const auto entry = state.find("kind");
        if (entry == state.end()) {
            normalizer.kind_ = normalizer.scale_.defined()       ? NormalizerKind::Standardise
                               : !normalizer.rotation_.defined() ? NormalizerKind::Global
                               : isOrthogonal()                  ? NormalizerKind::PhiS
                                                                 : NormalizerKind::PcaWhiten;
            return {};
        }
        const auto& kinds = allNormalizerKinds();
        const int64_t number = entry->second.numel() == 1 && !entry->second.is_floating_point()
                                   ? entry->second.to(at::kLong).item<int64_t>()
                                   : -1;
        if (number < 0 || number >= int64_t(kinds.size()))
            return fault("kind");
        normalizer.kind_ = kinds[size_t(number)];
        const bool diagonal =
            normalizer.kind_ == NormalizerKind::None || normalizer.kind_ == NormalizerKind::Global;
        if (normalizer.scale_.defined() != (normalizer.kind_ == NormalizerKind::Standardise) ||
            normalizer.rotation_.defined() == (diagonal || normalizer.scale_.defined()))
            return fault(
                "kind", fmt::format("the tensors are not those of \"{}\"", normalizerName(normalizer.kind_)));
        return {};
    }
};

Tensors Normalizer::state() const {
    const auto& kinds = allNormalizerKinds();
    Tensors state{{"mean", mean_.defined() ? mean_ : at::zeros({1}, at::kDouble)},
                  {"alpha", at::full({}, alpha_, at::kDouble)},
                  {"kind", at::full({}, int64_t(std::find(kinds.begin(), kinds.end(), kind_) - kinds.begin()),
                                    at::kLong)},
                  {"count", at::full({}, report_.sampleCount, at::kLong)}};
    if (scale_.defined())
        state["scale"] = scale_;
    if (rotation_.defined()) {
        state["rotation"] = rotation_;
        state["inv_rotation"] = inverseRotation_;
    }
    return state;
}

Result<Normalizer> Normalizer::fromState(const Tensors& state) {
    return NormalizerState{state, {}}.read();
}

Result<void> Normalizer::save(const std::filesystem::path& file) const {
    Tensors tensors;
    putBelow(tensors, state(), kPrefix);
    return writeTensors(file, tensors,
                        {{"normalizer", normalizerName(kind_)}, {"report", reportJson(report_).dump()}});
}

Result<Normalizer> Normalizer::load(const std::filesystem::path& file) {
    const auto read = [&]() -> Result<Normalizer> {
        VITRINE_TRY(const auto source, openTensors(file));
        VITRINE_TRY(const std::string prefix, prefixIn(*source));
        Tensors tensors;
        for (const TensorInfo& info : source->tensors())
            if (info.name.starts_with(prefix)) {
                VITRINE_TRY(const TensorBytes bytes, source->read(info.name));
                VITRINE_TRY(tensors[info.name.substr(prefix.size())], tensorFromBytes(bytes));
            }
        VITRINE_TRY(Normalizer normalizer, fromState(tensors));
        if (const auto report = source->metadata().find("report"); report != source->metadata().end()) {
            VITRINE_TRY(const Json json, parseJson(report->second, "report of the normaliser"));
            VITRINE_TRY(normalizer.report_, reportFromJson(json));
        }
        return normalizer;
    };
    auto normalizer = read();
    if (!normalizer)
        return fail(normalizer.error().in(file.string()));
    return normalizer;
}

}  // namespace vitrine
