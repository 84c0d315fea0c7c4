#include "core/engine/puzzle_library.h"

#include "core/eval/language_choices.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <set>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// As an earlier process left it in `own`, as the settings' file says, or as it begins.
Result<BlockLibrary> openLibrary(RunContext& run, const DistillationRun& shared, const LanguageModel& trunk,
                                 const StructureRanking& ranking, const fs::path& own) {
    const Json& settings = run.settings();
    const std::string given = settings["library"];
    std::error_code ignored;
    if (fs::exists(own, ignored) || !given.empty()) {
        const fs::path file = fs::exists(own, ignored) ? own : fs::path(given);
        VITRINE_TRY(BlockLibrary library, BlockLibrary::load(file));
        VITRINE_TRY_VOID(
            library.checkModel(trunk).map_error([&](const Error& error) { return error.in(file.string()); }));
        return library;
    }
    VITRINE_TRY(const KeyValueStart start, keyValueStartFromName(settings["key_value_start"]));
    VITRINE_TRY(const NeuronStart neurons, neuronStartFromName(settings["neuron_start"]));
    VITRINE_TRY(const LinearStart linear, linearStartFromName(settings["linear_start"]));
    const VariantGrid grid{settings["key_value_heads"],
                           settings["neuron_shares"],
                           settings["attention_linear"],
                           settings["attention_none"],
                           settings["feed_forward_linear"],
                           settings["feed_forward_none"],
                           start,
                           neurons,
                           linear};
    return startLibrary(trunk, ranking, grid, shared.calibration(), run.job());
}

void recordScores(RunContext& run, const LayerVariants& variants, int64_t layer) {
    for (size_t i = 1; i < variants.attention.size(); ++i)
        run.metric("score/attention: " + variants.attention[i].name, layer,
                   variants.scores[int64_t(i)][0].item<double>());
    for (size_t j = 1; j < variants.feedForward.size(); ++j)
        run.metric("score/feed-forward: " + variants.feedForward[j].name, layer,
                   variants.scores[0][int64_t(j)].item<double>());
}

fs::path libraryFile(const DistillationRun& shared) {
    return shared.scratch() / "library.safetensors";
}

BlockwiseOptions lessonOptions(const RunContext& run, const char* steps) {
    return {run.settings()[steps], run.settings()["blockwise_rate"], 1.0, run.seed()};
}

// One that was scored in another way is scored anew, not taught.
Result<void> scoreAgain(RunContext& run, const DistillationRun& shared, const LanguageModel& trunk,
                        const ScoreOptions& scoring, BlockLibrary& library) {
    run.job().beginStage("scoring blocks", library.depth());
    JobContext quiet(run.job().stopToken(), {});
    for (int64_t layer = 0; layer < library.depth(); ++layer) {
        if (library.layers[size_t(layer)].scores.defined())
            VITRINE_TRY_VOID(
                scoreLayer(trunk, layer, puzzleScoreWindows(run, shared), library, quiet, scoring));
        if (!library.layers[size_t(layer)].pairs.empty())
            VITRINE_TRY_VOID(
                scorePairs(trunk, layer, puzzleScoreWindows(run, shared), library, quiet, scoring));
        run.job().advance();
    }
    return library.save(libraryFile(shared));
}

Result<void> keepLibrary(RunContext& run, const DistillationRun& shared, const BlockLibrary& library) {
    VITRINE_TRY_VOID(library.save(libraryFile(shared)));
    VITRINE_TRY([[maybe_unused]] const auto stored,
                run.putArtifactFile("library.safetensors", libraryFile(shared),
                                    {.kind = "library",
                                     .mediaType = "application/x-safetensors",
                                     .provenance = {{"model", shared.identity()},
                                                    {"weights", library.modelHash},
                                                    {"calibration", shared.calibrationHash()}}}));
    return {};
}

// Pairs of one layer that searches chose, in order; not the parent's own.
std::vector<BlockChoice> chosenPairs(const Json& rows, size_t layer) {
    std::set<std::pair<int64_t, int64_t>> chosen;
    for (const Json& row : rows) {
        const std::string how = row["how"];
        if ((how == "puzzle" || how == "refined") && layer < row["choice"].size())
            chosen.emplace(row["choice"][layer][0].get<int64_t>(), row["choice"][layer][1].get<int64_t>());
    }
    std::vector<BlockChoice> pairs;
    for (const auto& [attention, feedForward] : chosen)
        if (attention != 0 || feedForward != 0)
            pairs.push_back({attention, feedForward});
    return pairs;
}

}  // namespace

Result<BlockLibrary> makePuzzleLibrary(RunContext& run, const DistillationRun& shared,
                                       const LanguageModel& trunk, const StructureRanking& ranking,
                                       const std::function<Result<void>()>& saveState) {
    VITRINE_TRY(const ScoreOptions scoring, puzzleScoreOptions(run, shared, trunk));
    VITRINE_TRY(BlockLibrary library, openLibrary(run, shared, trunk, ranking, libraryFile(shared)));
    if (!library.scoredBy.empty() && library.scoredBy != scoring.name())
        VITRINE_TRY_VOID(scoreAgain(run, shared, trunk, scoring, library));
    const BlockwiseOptions options = lessonOptions(run, "blockwise_steps");
    run.job().beginStage("teaching blocks", library.depth());
    JobContext quiet(run.job().stopToken(), {});
    for (int64_t layer = 0; layer < library.depth(); ++layer) {
        VITRINE_TRY_VOID(run.pausePoint());
        if (!library.layers[size_t(layer)].scores.defined()) {
            VITRINE_TRY_VOID(distilLayer(trunk, layer, shared.calibration(), options, library, quiet));
            VITRINE_TRY_VOID(
                scoreLayer(trunk, layer, puzzleScoreWindows(run, shared), library, quiet, scoring));
            VITRINE_TRY_VOID(library.save(libraryFile(shared)));
            VITRINE_TRY_VOID(saveState());
        }
        recordScores(run, library.layers[size_t(layer)], layer);
        run.job().advance();
    }
    VITRINE_TRY_VOID(keepLibrary(run, shared, library));
    return library;
}

Result<void> teachPuzzlePairs(RunContext& run, const DistillationRun& shared, const LanguageModel& trunk,
                              const Json& rows, BlockLibrary& library,
                              const std::function<Result<void>()>& saveState) {
    VITRINE_TRY(const ScoreOptions scoring, puzzleScoreOptions(run, shared, trunk));
    const BlockwiseOptions options = lessonOptions(run, "coupled_steps");
    run.job().beginStage("teaching pairs", library.depth());
    JobContext quiet(run.job().stopToken(), {});
    for (int64_t layer = 0; layer < library.depth(); ++layer) {
        VITRINE_TRY_VOID(run.pausePoint());
        LayerVariants& variants = library.layers[size_t(layer)];
        std::vector<BlockChoice> chosen = chosenPairs(rows, size_t(layer));
        std::erase_if(chosen, [&](const BlockChoice& choice) {
            const PairVariant* known = variants.pair(choice);
            return known && std::isfinite(known->score);
        });
        if (!chosen.empty()) {
            VITRINE_TRY_VOID(
                distilPairs(trunk, layer, chosen, shared.calibration(), options, library, quiet));
            VITRINE_TRY_VOID(
                scorePairs(trunk, layer, puzzleScoreWindows(run, shared), library, quiet, scoring));
            VITRINE_TRY_VOID(library.save(libraryFile(shared)));
            VITRINE_TRY_VOID(saveState());
        }
        run.job().advance();
    }
    return keepLibrary(run, shared, library);
}

Result<ScoreOptions> puzzleScoreOptions(RunContext& run, const DistillationRun& shared,
                                        const LanguageModel& trunk) {
    const Json& settings = run.settings();
    ScoreOptions options;
    VITRINE_TRY(options.score, blockScoreFromName(settings["score"]));
    if (const LanguageModel& parent = *shared.teacher(); &parent != &trunk) {
        options.target = &parent;
        options.targetHash = structureFingerprint(parent);
    }
    if (options.score != BlockScore::Task)
        return options;
    auto questions = std::make_shared<std::vector<ChoiceQuestion>>();
    for (const Json& file : settings["questions"]) {
        VITRINE_TRY(auto read, readChoiceQuestions(file.get<std::string>()));
        questions->insert(questions->end(), read.begin(), read.end());
    }
    if (questions->empty())
        return fail(ErrorCode::InvalidArgument, "scores of a task need its questions", "settings/questions",
                    "Name JSONL files as `vitrine choices` reads them");
    VITRINE_TRY(Tokenizer opened, openTokenizer(shared.tokenizerPath()));
    const auto tokenizer = std::make_shared<Tokenizer>(std::move(opened));
    options.task = [questions, tokenizer,
                    stop = run.job().stopToken()](const LanguageModel& model) -> Result<double> {
        JobContext quiet(stop, {});
        VITRINE_TRY(const ChoiceScores scores, scoreChoices(model, *tokenizer, *questions, quiet));
        const double right =
            scores.accuracy * double(scores.questions) + scores.clozeAccuracy * double(scores.clozes);
        return 1 - right / double(scores.questions + scores.clozes);
    };
    return options;
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

}  // namespace vitrine
