// How well a model does with one block replaced (Puzzle, section 4.1): what a search adds up. The rest of the
// model stays as it is; smaller is better, and the model as it is has 0.
#pragma once

#include "core/puzzle/block_library.h"

#include <functional>

namespace vitrine {

enum class BlockScore {
    Divergence,   // KL(parent‖model) of the next token in nats: the paper's general choice
    Loss,         // nats of the text itself per token, more than without the replacement
    StateCosine,  // 1 - cosine of the streams behind the final norm, model and parent
    StateError,   // mean square of their difference over the parent's mean square
    Task,         // share of a task's questions that go wrong, more than without the replacement
};
const char* blockScoreName(BlockScore score);  // "divergence", "loss", "state_cosine", "state_error", "task"
Result<BlockScore> blockScoreFromName(const std::string& name);

struct ScoreOptions {
    BlockScore score = BlockScore::Divergence;
    // Of Task, needed there: what share of the questions a model answers wrong.
    std::function<Result<double>(const LanguageModel&)> task = {};
    // What models are compared with where that is not the library's parent, but what the parent was cut out
    // of: of the same width and vocabulary, with its structureFingerprint. Scores are then what a replacement
    // adds to the parent's own distance, and may be negative.
    const LanguageModel* target = nullptr;
    std::string targetHash = {};

    std::string name() const;  // BlockLibrary::scoredBy: blockScoreName, and of a target its hash
};

// Scores of all pairs of one layer in the parent, on windows ids (B, T), the same for all. Sets the layer's
// scores and library.scoredBy.
Result<void> scoreLayer(const LanguageModel& parent, int64_t layer, const std::vector<at::Tensor>& windows,
                        BlockLibrary& library, JobContext& job, const ScoreOptions& options = {});
// The same of the layer's pairs that were taught together.
Result<void> scorePairs(const LanguageModel& parent, int64_t layer, const std::vector<at::Tensor>& windows,
                        BlockLibrary& library, JobContext& job, const ScoreOptions& options = {});

// Scores of all pairs of one layer, (attention, feed-forward), in another model than the parent: what
// replacing its block adds to its own. `around` is a model of the library, its other blocks stay.
Result<at::Tensor> scoresAround(const LanguageModel& parent, const LanguageModel& around, int64_t layer,
                                const BlockLibrary& library, const std::vector<at::Tensor>& windows,
                                const ScoreOptions& options, JobContext& job);
// What `model` has as a whole: the divergence, loss, ... of which the scores are differences.
Result<double> scoreModel(const LanguageModel& parent, const LanguageModel& model,
                          const std::vector<at::Tensor>& windows, const ScoreOptions& options,
                          JobContext& job);

}  // namespace vitrine
