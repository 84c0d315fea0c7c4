#include "core/distill/numeric_cases.h"

#include "core/distill/feature_moments.h"
#include "core/distill/normalizer.h"
#include "core/features/checks.h"
#include "core/io/numeric_meta.h"

#include <charconv>

namespace vitrine {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

// Eight signs a byte along a row, lowest bit first, 1 for +1.
at::Tensor packedSigns(const at::Tensor& signs) {
    const auto weights = at::pow(2, at::arange(8, at::kInt));
    const auto bits = signs.gt(0).to(at::kInt).reshape({signs.size(0), -1, 8});
    return (bits * weights).sum(2).to(at::kByte);
}

// Outputs are named "h<order>" or "h<order>_bits".
Result<Tensors> runHadamard(const Json& call) {
    Tensors results;
    for (const std::string& name : call.value("outputs", std::vector<std::string>{})) {
        int64_t order = 0;
        const auto [end, problem] = std::from_chars(name.data() + 1, name.data() + name.size(), order);
        const std::string_view rest(end, size_t(name.data() + name.size() - end));
        if (!name.starts_with("h") || problem != std::errc() || order < 1 || order > 16384 ||
            (!rest.empty() && rest != "_bits"))
            return fail(ErrorCode::InvalidArgument, "expected h<order> or h<order>_bits", name);
        VITRINE_TRY(const auto signs, hadamardSigns(order));
        results[name] = rest.empty() ? signs : packedSigns(signs);
    }
    return results;
}

// The case fixes signs by the largest component of each eigenvector, and its "global.scale" has each channel
// around its own mean (which is PHI-S's scale), unlike NormalizerKind::Global.
Result<Tensors> runPhiS(const Tensors& inputs) {
    const auto features = inputs.find("features");
    if (features == inputs.end())
        return fail(ErrorCode::NotFound, "the case lacks this input", "features");
    FeatureMoments moments(MomentOptions{.precision = MomentPrecision::Float64, .histogramBins = 0});
    VITRINE_TRY_VOID(moments.add(features->second));
    VITRINE_TRY(const MomentStatistics statistics, moments.statistics());
    const NormalizerOptions options{.signs = SignRule::LargestComponent};
    std::map<NormalizerKind, Normalizer> fitted;
    for (const NormalizerKind kind : allNormalizerKinds()) {
        VITRINE_TRY(fitted[kind], Normalizer::fit(kind, statistics, options));
    }
    VITRINE_TRY(const FeatureSpectrum spectrum, spectrumOf(statistics));
    const int64_t width = statistics.channelCount();
    VITRINE_TRY(const auto hadamard, hadamardSigns(width));
    const Normalizer& phiS = fitted[NormalizerKind::PhiS];
    // H = sqrt(C) φ W U: the eigenvectors in the signs that W was made with.
    const auto eigenvectors =
        phiS.inverse().matmul(hadamard.to(at::kDouble)) / (std::sqrt(double(width)) * statistics.phi());
    const auto output = phiS.normalize(features->second);
    Tensors results{{"mean", statistics.mean},
                    {"covariance", statistics.covariance},
                    {"eigenvalues", spectrum.eigenvalues},
                    {"eigenvectors", eigenvectors},
                    {"phi_s.matrix", phiS.matrix()},
                    {"phi_s.inverse", phiS.inverse()},
                    {"phi_s.output", output},
                    {"phi_s.channel_variance", output.to(at::kDouble).var(0)},
                    {"global.scale", at::full({1}, 1 / statistics.phi(), at::kDouble)},
                    {"standard.scale", fitted[NormalizerKind::Standardise].matrix().diagonal()},
                    {"pca_whitening.matrix", fitted[NormalizerKind::PcaWhiten].matrix()},
                    {"zca_whitening.matrix", fitted[NormalizerKind::Zca].matrix()},
                    {"hadamard_whitening.matrix", fitted[NormalizerKind::HadamardWhiten].matrix()}};
    for (auto& [name, tensor] : results)
        tensor = tensor.to(at::kFloat);
    results["hadamard"] = hadamard;
    return results;
}

bool isKnown(const Json& call) {
    const Json id = call.is_object() ? call.value("id", Json()) : Json();
    return id == "hadamard" || id == "phi_s";
}

}  // namespace

bool isDistillCase(const Json& meta) {
    return isNumericCaseOf(meta, isKnown);
}

Result<Tensors> runDistillCase(const Json&, const Json& call, const Tensors& inputs) {
    if (!isKnown(call))
        return fail(ErrorCode::UnknownFamily, fmt::format("numeric computation {} is not known", call.dump()),
                    "calls", "Known: hadamard, phi_s.");
    return call["id"] == "hadamard" ? runHadamard(call) : runPhiS(inputs);
}

}  // namespace vitrine
