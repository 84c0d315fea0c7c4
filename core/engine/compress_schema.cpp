#include "core/engine/compress_schema.h"

namespace vitrine {

Result<CompressionPlan> compressionPlanFrom(const Json& entry, uint64_t seed) {
    const std::string where = "plans";
    const auto text = [&](const char* key, const char* fallback) {
        return jsonValueOr<std::string>(entry, key, fallback, where);
    };
    CompressionPlan plan;
    plan.seed = seed;
    VITRINE_TRY(const auto prune, text("prune", "sparsegpt"));
    VITRINE_TRY(plan.prune, pruneMethodFromName(prune));
    VITRINE_TRY(const auto pattern, text("pattern", "2:4"));
    VITRINE_TRY(plan.pattern, SparsityPattern::fromText(pattern));
    VITRINE_TRY(const auto format, text("format", ""));
    if (!format.empty()) {
        VITRINE_TRY(plan.quantization, LowBitFormatSpec::fromName(format));
        VITRINE_TRY(const auto group, jsonValueOr<int64_t>(entry, "group", -1, where));
        if (group >= 0 && !plan.quantization->perTensor)
            plan.quantization->group = group;
    }
    VITRINE_TRY(const auto rounding, text("rounding", "gptq"));
    plan.rounding = rounding == "nearest" ? RoundingMethod::Nearest : RoundingMethod::Gptq;
    VITRINE_TRY(plan.damping, jsonValueOr<double>(entry, "damping", 0.01, where));
    VITRINE_TRY(plan.actOrder, jsonValueOr<bool>(entry, "act_order", false, where));
    VITRINE_TRY(const auto lowRank, text("low_rank", ""));
    if (!lowRank.empty()) {
        VITRINE_TRY(plan.lowRank, lowRankMethodFromName(lowRank));
        VITRINE_TRY(plan.rank, jsonValueOr<int64_t>(entry, "rank", 16, where));
        VITRINE_TRY(const auto adapter, text("adapter_format", ""));
        if (!adapter.empty()) {
            VITRINE_TRY(plan.adapterFormat, LowBitFormatSpec::fromName(adapter));
        }
    }
    VITRINE_TRY(plan.trueSequential, jsonValueOr<bool>(entry, "true_sequential", false, where));
    VITRINE_TRY(plan.skip, jsonValueOr<std::vector<std::string>>(entry, "skip", {}, where));
    VITRINE_TRY_VOID(plan.validate());
    return plan;
}

}  // namespace vitrine
