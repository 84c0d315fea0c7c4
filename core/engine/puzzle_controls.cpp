#include "core/engine/puzzle_controls.h"

#include "core/engine/puzzle_library.h"
#include "core/runs/run_context.h"
#include "core/structured/block_influence.h"
#include "core/structured/slicer.h"

namespace vitrine {

Result<Json> puzzleAdditivity(RunContext& run, const DistillationRun& shared, const LanguageModel& trunk,
                              const BlockLibrary& library, const LibraryCosts& costs) {
    const int64_t count = run.settings()["assemblies"];
    if (count < 3)
        return Json::object();
    const ArchitectureProblem free = architectureProblem(library, costs, {});
    std::vector<double> sums, losses;
    run.job().beginStage("random assemblies", count);
    for (int64_t i = 0; i < count; ++i) {
        VITRINE_TRY_VOID(run.pausePoint());
        // Most blocks stay the parent's: what a search would look at.
        VITRINE_TRY(auto drawn, drawArchitecture(free, run.seed() * 1000 + uint64_t(i)));
        const int64_t kept = library.depth() * (i % 4) / 4;
        for (int64_t layer = 0; layer < kept; ++layer)
            drawn.choice[size_t((layer * 3 + i) % library.depth())] = 0;
        VITRINE_TRY(const auto child, assemble(trunk, library, choicesOf(library, drawn.choice)));
        sums.push_back(free.scoreOf(drawn.choice));
        losses.push_back(lossWithout(child->decoder(), puzzleScoreWindows(run, shared), Players::Blocks, {}));
        run.job().advance();
    }
    const double rho = spearmanRho(at::tensor(sums, at::kDouble), at::tensor(losses, at::kDouble));
    run.log(fmt::format("sums of scores and losses of {} random assemblies: Spearman {:.3f}", count, rho));
    return Json{{"spearman", rho}, {"sums_of_scores", sums}, {"nats_per_token", losses}};
}

Result<std::optional<UniformChild>> uniformChild(const LanguageModel& parent, const StructureRanking& ranking,
                                                 const ArchitectureLimits& limits,
                                                 const DeploymentProfile& profile) {
    const DecoderConfig& config = parent.config();
    if (!config.uniform() || (limits.bytes == 0 && limits.parameters == 0))
        return std::optional<UniformChild>();
    for (int64_t count = config.layers.front().feedForward.intermediate; count >= 1; --count) {
        DecoderConfig narrow = config;
        for (LayerSettings& layer : narrow.layers)
            layer.feedForward.intermediate = count;
        const StructureCost cost = structureCost(narrow, profile);
        if ((limits.bytes > 0 && cost.bytes() > limits.bytes) ||
            (limits.parameters > 0 && double(cost.parameters) > limits.parameters))
            continue;
        VITRINE_TRY(const SlicePlan plan, planFor(config, ranking, {.intermediate = count}, {}));
        UniformChild child;
        child.neurons = count;
        VITRINE_TRY(child.model, sliceModel(parent, plan));
        return std::optional<UniformChild>(std::move(child));
    }
    return std::optional<UniformChild>();
}

}  // namespace vitrine
