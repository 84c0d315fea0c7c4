#include "core/compress/compression_plan.h"

#include "core/compress/column_sweep.h"

namespace vitrine {
namespace {

constexpr PruneMethod kMethods[] = {PruneMethod::None,  PruneMethod::Random,        PruneMethod::Magnitude,
                                    PruneMethod::Wanda, PruneMethod::SparseGptMask, PruneMethod::SparseGpt};

}  // namespace

const char* pruneMethodName(PruneMethod method) {
    switch (method) {
        case PruneMethod::None:
            return "none";
        case PruneMethod::Random:
            return "random";
        case PruneMethod::Magnitude:
            return "magnitude";
        case PruneMethod::Wanda:
            return "wanda";
        case PruneMethod::SparseGptMask:
            return "sparsegpt_mask";
        case PruneMethod::SparseGpt:
            return "sparsegpt";
    }
    return "";
}

Result<PruneMethod> pruneMethodFromName(const std::string& name) {
    for (const auto method : kMethods)
        if (name == pruneMethodName(method))
            return method;
    return fail(ErrorCode::InvalidArgument, fmt::format("no pruning method is named \"{}\"", name), {},
                "Known: none, random, magnitude, wanda, sparsegpt_mask, sparsegpt.");
}

bool CompressionPlan::sweeps() const {
    return prune == PruneMethod::SparseGpt || prune == PruneMethod::SparseGptMask ||
           (quantization && rounding == RoundingMethod::Gptq);
}

bool CompressionPlan::needsFullMoments() const {
    return sweeps() || measureErrors || lowRank == LowRankMethod::Eora;
}

bool CompressionPlan::skips(const std::string& layer) const {
    return std::any_of(skip.begin(), skip.end(),
                       [&](const std::string& part) { return layer.find(part) != std::string::npos; });
}

Result<void> CompressionPlan::validate() const {
    if (!prunes() && !quantization)
        return fail(ErrorCode::InvalidArgument, "neither pruning nor a low-bit format is chosen", {},
                    "A low-rank path alone would repair nothing.");
    if (prunes()) {
        VITRINE_TRY_VOID(pattern.validate());
    }
    if (quantization) {
        VITRINE_TRY_VOID(quantization->validate());
    }
    if (adapterFormat) {
        VITRINE_TRY_VOID(adapterFormat->validate());
    }
    VITRINE_TRY_VOID((InverseFactorOptions{damping, actOrder}.validate()));
    if (actOrder && prune == PruneMethod::SparseGpt && pattern.kind == SparsityPattern::Kind::NOfM)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("the order by activations moves the columns of {} groups apart", pattern.text()), {},
            "Switch the order off, or choose an unstructured pattern.");
    if (lowRank && rank < 1)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected a rank of 1 or more, found {}", rank));
    if (!lowRank && adapterFormat)
        return fail(ErrorCode::InvalidArgument,
                    "a format for low-rank factors is chosen, but no low-rank path");
    return {};
}

std::string CompressionPlan::text() const {
    std::vector<std::string> parts;
    if (prunes())
        parts.push_back(fmt::format("{} {}", pruneMethodName(prune), pattern.text()));
    if (quantization) {
        std::string detail = rounding == RoundingMethod::Gptq ? "gptq" : "nearest";
        const auto usual = LowBitFormatSpec::fromName(quantization->name());
        if (usual && *usual != *quantization)
            detail +=
                quantization->group == 0 ? ", rows" : fmt::format(", groups of {}", quantization->group);
        parts.push_back(fmt::format("{} ({})", quantization->name(), detail));
    }
    if (lowRank)
        parts.push_back(fmt::format("{} rank {}{}", lowRankMethodName(*lowRank), rank,
                                    adapterFormat ? " in " + adapterFormat->name() : std::string()));
    std::string text = fmt::format("{}", fmt::join(parts, " + "));
    if (actOrder)
        text += ", by activations";
    if (trueSequential)
        text += ", true sequential";
    return text;
}

}  // namespace vitrine
