#include "core/engine/puzzle_library.h"

#include "core/runs/run_context.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// As an earlier process left it in `own`, as the settings' file says, or as it begins.
Result<BlockLibrary> openLibrary(RunContext& run, const DistillationRun& shared,
                                 const StructureRanking& ranking, const fs::path& own) {
    const Json& settings = run.settings();
    const LanguageModel& parent = *shared.teacher();
    const std::string given = settings["library"];
    std::error_code ignored;
    if (fs::exists(own, ignored) || !given.empty()) {
        const fs::path file = fs::exists(own, ignored) ? own : fs::path(given);
        VITRINE_TRY(BlockLibrary library, BlockLibrary::load(file));
        VITRINE_TRY_VOID(library.checkModel(parent).map_error(
            [&](const Error& error) { return error.in(file.string()); }));
        return library;
    }
    const VariantGrid grid{settings["key_value_heads"],     settings["neuron_shares"],
                           settings["attention_linear"],    settings["attention_none"],
                           settings["feed_forward_linear"], settings["feed_forward_none"]};
    return startLibrary(parent, ranking, grid, shared.calibration(), run.job());
}

void recordScores(RunContext& run, const LayerVariants& variants, int64_t layer) {
    for (size_t i = 1; i < variants.attention.size(); ++i)
        run.metric("score/attention: " + variants.attention[i].name, layer,
                   variants.scores[int64_t(i)][0].item<double>());
    for (size_t j = 1; j < variants.feedForward.size(); ++j)
        run.metric("score/feed-forward: " + variants.feedForward[j].name, layer,
                   variants.scores[0][int64_t(j)].item<double>());
}

void takeTimes(LibraryCosts& costs, const Json& known) {
    const auto take = [](PartCost& cost, const Json& json) {
        cost.promptSeconds = json["prompt_seconds"];
        cost.tokenSeconds = json["token_seconds"];
    };
    take(costs.outer, known["outer"]);
    for (size_t i = 0; i < costs.layers.size(); ++i) {
        for (size_t j = 0; j < costs.layers[i].attention.size(); ++j)
            take(costs.layers[i].attention[j], known["layers"][i]["attention"][j]);
        for (size_t j = 0; j < costs.layers[i].feedForward.size(); ++j)
            take(costs.layers[i].feedForward[j], known["layers"][i]["feed_forward"][j]);
    }
}

}  // namespace

Result<BlockLibrary> makePuzzleLibrary(RunContext& run, const DistillationRun& shared,
                                       const StructureRanking& ranking,
                                       const std::function<Result<void>()>& saveState) {
    const Json& settings = run.settings();
    const LanguageModel& parent = *shared.teacher();
    const fs::path own = shared.scratch() / "library.safetensors";
    VITRINE_TRY(BlockLibrary library, openLibrary(run, shared, ranking, own));
    const BlockwiseOptions options{settings["blockwise_steps"], settings["blockwise_rate"], 1.0, run.seed()};
    run.job().beginStage("teaching blocks", library.depth());
    JobContext quiet(run.job().stopToken(), {});
    for (int64_t layer = 0; layer < library.depth(); ++layer) {
        VITRINE_TRY_VOID(run.pausePoint());
        if (!library.layers[size_t(layer)].scores.defined()) {
            VITRINE_TRY_VOID(distilLayer(parent, layer, shared.calibration(), options, library, quiet));
            VITRINE_TRY_VOID(scoreLayer(parent, layer, puzzleScoreWindows(run, shared), library, quiet));
            VITRINE_TRY_VOID(library.save(own));
            VITRINE_TRY_VOID(saveState());
        }
        recordScores(run, library.layers[size_t(layer)], layer);
        run.job().advance();
    }
    VITRINE_TRY_VOID(library.save(own));
    VITRINE_TRY([[maybe_unused]] const auto stored,
                run.putArtifactFile("library.safetensors", own,
                                    {.kind = "library",
                                     .mediaType = "application/x-safetensors",
                                     .provenance = {{"model", shared.identity()},
                                                    {"weights", library.modelHash},
                                                    {"calibration", shared.calibrationHash()}}}));
    return library;
}

std::vector<at::Tensor> puzzleScoreWindows(const RunContext& run, const DistillationRun& shared) {
    std::vector<at::Tensor> windows;
    int64_t left = run.settings()["score_windows"];
    for (const at::Tensor& batch : shared.calibration()) {
        if (left <= 0)
            break;
        windows.push_back(batch.narrow(0, 0, std::min(left, batch.size(0))));
        left -= windows.back().size(0);
    }
    return windows;
}

Result<LibraryCosts> puzzleCosts(RunContext& run, const LanguageModel& parent, const BlockLibrary& library,
                                 const Json& known) {
    const Json& settings = run.settings();
    DeploymentProfile profile;
    profile.batch = settings["profile_batch"];
    const int64_t half = parent.config().contextLength / 2;
    const int64_t prompt = settings["profile_prompt"], generated = settings["profile_generated"];
    profile.prompt = prompt > 0 ? prompt : half;
    profile.generated = generated > 0 ? generated : half;
    const bool timed = settings["measure_times"];
    VITRINE_TRY(LibraryCosts costs,
                libraryCosts(parent, library, profile, timed && known.is_null(), run.job()));
    if (!known.is_null())
        takeTimes(costs, known);
    return costs;
}

}  // namespace vitrine
