#include "core/puzzle/block_scores.h"

#include "core/language/language_distiller.h"
#include "core/models/language/decoder_block.h"

#include <algorithm>
#include <array>

namespace vitrine {
namespace {

constexpr std::array<std::pair<const char*, BlockScore>, 5> kNames{{{"divergence", BlockScore::Divergence},
                                                                    {"loss", BlockScore::Loss},
                                                                    {"state_cosine", BlockScore::StateCosine},
                                                                    {"state_error", BlockScore::StateError},
                                                                    {"task", BlockScore::Task}}};

using MakeBlock = std::function<std::shared_ptr<DecoderBlock>(size_t)>;

// What models have on one window; hidden (B, T, width) are streams behind their final norm.
class Measure {
  public:
    // `targetHidden`: of the model that they are compared with.
    Measure(const Decoder& target, BlockScore score, const at::Tensor& ids, const at::Tensor& targetHidden)
        : score_(score), ids_(ids), target_(targetHidden) {
        if (score == BlockScore::Divergence)
            logits_ = target.head(targetHidden).flatten(0, 1);
    }
    double of(const Decoder& model, const at::Tensor& hidden) const {
        switch (score_) {
            case BlockScore::Loss: {
                const int64_t count = ids_.size(1) - 1;
                return model.lossesOf(hidden.narrow(1, 0, count), ids_.narrow(1, 1, count))
                    .mean()
                    .item<double>();
            }
            case BlockScore::StateCosine:
                return stateDistance(hidden, target_, StateLoss::Cosine).item<double>();
            case BlockScore::StateError:
                return stateDistance(hidden, target_, StateLoss::MeanSquare).item<double>();
            default:  // a task is not measured on windows
                return logitDistance(model.head(hidden).flatten(0, 1), logits_, {}).item<double>();
        }
    }

  private:
    BlockScore score_;
    at::Tensor ids_, target_, logits_;
};

const LanguageModel& targetOf(const LanguageModel& parent, const ScoreOptions& options) {
    return options.target ? *options.target : parent;
}

Result<void> checkTask(const ScoreOptions& options) {
    if (options.score == BlockScore::Task && !options.task)
        return fail(ErrorCode::InvalidArgument, "scores of a task need its questions", "score",
                    "Give questions");
    return {};
}

Result<std::vector<double>> taskScores(const LanguageModel& around, int64_t layer, size_t count,
                                       const MakeBlock& make, const ScoreOptions& options, JobContext& job) {
    VITRINE_TRY(const double own, options.task(around));
    const auto model = around.clone();
    model->decoder().setTrainable(false);
    std::vector<double> scores;
    for (size_t i = 0; i < count; ++i) {
        VITRINE_TRY_VOID(job.checkStop());
        model->decoder().setBlock(layer, make(i));
        VITRINE_TRY(const double value, options.task(*model));
        scores.push_back(value - own);
    }
    return scores;
}

// Of `count` blocks in the place of one of `around`.
Result<std::vector<double>> replaceOne(const LanguageModel& parent, const LanguageModel& around,
                                       int64_t layer, size_t count, const MakeBlock& make,
                                       const std::vector<at::Tensor>& windows, const ScoreOptions& options,
                                       JobContext& job) {
    const at::NoGradGuard noGrad;
    VITRINE_TRY_VOID(checkTask(options));
    if (options.score == BlockScore::Task)
        return taskScores(around, layer, count, make, options, job);
    if (windows.empty())
        return fail(ErrorCode::InvalidArgument, "there is no text to score blocks on", "windows");
    const Decoder& decoder = around.decoder();
    std::vector<double> scores(count, 0.0);
    for (const at::Tensor& ids : windows) {
        const DecoderPass pass = decoder.begin(ids);
        at::Tensor front = decoder.embed(ids);
        for (int64_t i = 0; i < layer; ++i)
            front = decoder.runBlock(i, front, pass);
        const auto hiddenFrom = [&](at::Tensor x) {
            for (int64_t i = layer + 1; i < decoder.depth(); ++i)
                x = decoder.runBlock(i, x, pass);
            return decoder.finalNorm(x);
        };
        const at::Tensor own = hiddenFrom(decoder.runBlock(layer, front, pass));
        const LanguageModel& target = targetOf(parent, options);
        const Measure measure(target.decoder(), options.score, ids,
                              &target == &around ? own : target.decoder().hidden(ids));
        const double without = measure.of(decoder, own);
        for (size_t i = 0; i < count; ++i) {
            VITRINE_TRY_VOID(job.checkStop());
            const double value = measure.of(decoder, hiddenFrom(make(i)->forward(front, pass)));
            scores[i] += (value - without) / double(windows.size());
        }
    }
    return scores;
}

}  // namespace

const char* blockScoreName(BlockScore score) {
    return std::find_if(kNames.begin(), kNames.end(), [&](const auto& each) { return each.second == score; })
        ->first;
}

Result<BlockScore> blockScoreFromName(const std::string& name) {
    for (const auto& [known, score] : kNames)
        if (name == known)
            return score;
    return fail(ErrorCode::InvalidArgument, fmt::format("there is no score \"{}\" of blocks", name), "score",
                "One of divergence, loss, state_cosine, state_error, task");
}

std::string ScoreOptions::name() const {
    return blockScoreName(score) + (targetHash.empty() ? std::string() : " to " + targetHash);
}

Result<at::Tensor> scoresAround(const LanguageModel& parent, const LanguageModel& around, int64_t layer,
                                const BlockLibrary& library, const std::vector<at::Tensor>& windows,
                                const ScoreOptions& options, JobContext& job) {
    VITRINE_TRY_VOID(library.checkModel(parent));
    const LayerVariants& variants = library.layers.at(size_t(layer));
    const size_t rows = variants.attention.size(), columns = variants.feedForward.size();
    const auto make = [&](size_t pair) {
        return makeVariantBlock(parent.decoder(), layer, variants, choiceOf(int64_t(pair), columns),
                                PartsTaught::Alone);
    };
    VITRINE_TRY(const auto scores,
                replaceOne(parent, around, layer, rows * columns, make, windows, options, job));
    return at::tensor(scores, at::kDouble).view({int64_t(rows), int64_t(columns)});
}

Result<void> scoreLayer(const LanguageModel& parent, int64_t layer, const std::vector<at::Tensor>& windows,
                        BlockLibrary& library, JobContext& job, const ScoreOptions& options) {
    VITRINE_TRY(const at::Tensor scores, scoresAround(parent, parent, layer, library, windows, options, job));
    scores[0][0].zero_();  // the parent's own: nothing but rounding
    library.layers[size_t(layer)].scores = scores;
    library.scoredBy = options.name();
    return {};
}

Result<void> scorePairs(const LanguageModel& parent, int64_t layer, const std::vector<at::Tensor>& windows,
                        BlockLibrary& library, JobContext& job, const ScoreOptions& options) {
    VITRINE_TRY_VOID(library.checkModel(parent));
    LayerVariants& variants = library.layers.at(size_t(layer));
    const auto make = [&](size_t pair) {
        return makeVariantBlock(parent.decoder(), layer, variants, variants.pairs[pair].choice,
                                PartsTaught::Together);
    };
    VITRINE_TRY(const auto scores,
                replaceOne(parent, parent, layer, variants.pairs.size(), make, windows, options, job));
    for (size_t i = 0; i < scores.size(); ++i)
        variants.pairs[i].score = scores[i];
    return {};
}

Result<double> scoreModel(const LanguageModel& parent, const LanguageModel& model,
                          const std::vector<at::Tensor>& windows, const ScoreOptions& options,
                          JobContext& job) {
    const at::NoGradGuard noGrad;
    VITRINE_TRY_VOID(checkTask(options));
    if (options.score == BlockScore::Task)
        return options.task(model);
    double sum = 0;
    for (const at::Tensor& ids : windows) {
        VITRINE_TRY_VOID(job.checkStop());
        const Decoder& target = targetOf(parent, options).decoder();
        const Measure measure(target, options.score, ids, target.hidden(ids));
        sum += measure.of(model.decoder(), model.decoder().hidden(ids)) / double(windows.size());
    }
    return sum;
}

}  // namespace vitrine
