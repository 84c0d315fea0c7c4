#include "core/engine/puzzle_trunk.h"

#include "core/engine/structure_students.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <numeric>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kChain = "chain";

// Which blocks go, least influential first by the settings' metric, and what all of them count.
Result<Json> chooseBlocks(RunContext& run, const DistillationRun& shared) {
    const LanguageModel& parent = *shared.teacher();
    const int64_t depth = parent.config().depth(), count = run.settings()["chain_removed"];
    if (count >= depth)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("{} blocks are to go first; the model has {}, of which one must stay", count, depth),
            "settings/chain_removed", fmt::format("Remove {} at most", depth - 1));
    const std::string metric = run.settings()["chain_metric"];
    VITRINE_TRY(StructureRanking ranking, rankStructures(parent, shared.calibration(), {}, run.job()));
    VITRINE_TRY_VOID(addInfluence(parent, shared.calibration(), metric, run.seed(), ranking, run.job(),
                                  {Players::Blocks}));
    const at::Tensor influence = ranking.blocks.at(metric).to(at::kCPU, at::kDouble).contiguous();
    std::vector<int64_t> removed = removalOrder(influence);
    removed.resize(size_t(count));
    Json kept = Json::array();
    for (int64_t block = 0; block < depth; ++block)
        if (std::find(removed.begin(), removed.end(), block) == removed.end())
            kept.push_back(block);
    const double* data = influence.const_data_ptr<double>();
    return Json{{"kept", std::move(kept)},
                {"removed", removed},
                {"metric", metric},
                {"influence", std::vector<double>(data, data + influence.numel())},
                {"steps", run.settings()["chain_steps"]}};
}

// Of what was cut, or as an earlier process left it.
Result<std::shared_ptr<LanguageModel>> taught(RunContext& run, DistillationRun& shared, Json& chain,
                                              const std::vector<int64_t>& kept,
                                              std::unique_ptr<LanguageModel> cut,
                                              const DistillationRun::State& state) {
    const int64_t steps = chain["steps"];
    if (steps == 0)
        return std::shared_ptr<LanguageModel>(std::move(cut));
    const fs::path folder = shared.scratch() / "trunk";
    if (!chain.contains("weights")) {
        VITRINE_TRY(const DistillationOptions options, wholeDistillation(run, shared, kept));
        VITRINE_TRY(const auto learnt, shared.distil(kChain, std::move(cut), steps, options, {}, state));
        VITRINE_TRY_VOID(saveLanguageModel(*learnt, folder));
    }
    // Read in any case: what goes on is what a resumed run would go on with.
    VITRINE_TRY(auto model, loadLanguageModel(folder, {.device = shared.teacher()->decoder().device(),
                                                       .dtype = shared.teacher()->decoder().type()}));
    return std::shared_ptr<LanguageModel>(std::move(model));
}

}  // namespace

Result<PuzzleTrunk> puzzleTrunk(RunContext& run, DistillationRun& shared, Json& chain,
                                const DistillationRun::State& state) {
    const DecoderConfig& config = shared.teacher()->config();
    PuzzleTrunk trunk;
    trunk.model = shared.teacher();
    trunk.kept.resize(size_t(config.depth()));
    std::iota(trunk.kept.begin(), trunk.kept.end(), 0);
    if (run.settings()["chain_removed"].get<int64_t>() == 0)
        return trunk;
    if (chain.is_null()) {
        VITRINE_TRY(chain, chooseBlocks(run, shared));
        VITRINE_TRY_VOID(run.saveState(state()));
    }
    trunk.kept = chain["kept"].get<std::vector<int64_t>>();
    std::vector<int64_t> removed = chain["removed"];
    std::sort(removed.begin(), removed.end());
    for (const int64_t block : removed)
        trunk.removed.push_back(config.layers.at(size_t(block)));
    VITRINE_TRY(auto cut, sliceModel(*shared.teacher(), withoutBlocks(config, removed)));
    if (cut->config().depth() != int64_t(trunk.kept.size()))
        return fail(ErrorCode::InvalidArgument,
                    "the model has blocks without attention and feed-forward part", "settings/model",
                    "Take one whose parts are not replaced yet");
    if (!chain.contains("nats_as_cut")) {
        VITRINE_TRY(const HeldOutScore score, shared.evaluate(*cut));
        chain["nats_as_cut"] = score.nats;
    }
    VITRINE_TRY(trunk.model, taught(run, shared, chain, trunk.kept, std::move(cut), state));
    if (!chain.contains("weights")) {
        chain["weights"] = structureFingerprint(*trunk.model);
        VITRINE_TRY_VOID(run.saveState(state()));
        run.log(fmt::format("chain: without blocks {} the model has {:.4f} nats per token as cut",
                            fmt::join(removed, ", "), chain["nats_as_cut"].get<double>()));
    }
    return trunk;
}

Result<DistillationOptions> wholeDistillation(const RunContext& run, const DistillationRun& shared,
                                              const std::vector<int64_t>& kept) {
    VITRINE_TRY(DistillationOptions options, shared.distillationOptions());
    const auto depth = int64_t(kept.size()),
               blocks = std::min(run.settings()["state_blocks"].get<int64_t>(), depth);
    for (int64_t k = depth - blocks; k < depth; ++k)
        options.states.push_back({k + 1, kept[size_t(k)] + 1});
    if (run.settings()["state_embedding"])
        options.states.push_back({0, 0});
    options.balance = false;
    options.stateWeight = double(options.states.size());
    return options;
}

}  // namespace vitrine
