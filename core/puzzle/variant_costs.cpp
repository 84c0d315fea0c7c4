#include "core/puzzle/variant_costs.h"

#include "core/base/timing.h"
#include "core/models/language/decoder_block.h"

#include <algorithm>
#include <limits>

namespace vitrine {
namespace {

constexpr TimingOptions kTiming{.rounds = 5, .leastRuns = 1, .sampleMs = 1};

Result<double> medianSeconds(const std::function<void()>& work, JobContext& job) {
    VITRINE_TRY(const std::vector<double> ms,
                medianMs({[&] { return work; }}, kTiming, [&] { return job.checkStop(); }));
    return ms.front() / 1000;
}

// One part alone, the other half taken out.
LayerSettings alone(const PartVariant& variant) {
    LayerSettings settings = variant.settings;
    (variant.part == SubLayer::Attention ? settings.feedForward.kind : settings.attention.kind) =
        SubLayerKind::NoOp;
    return settings;
}

class Timer {
  public:
    Timer(const Decoder& decoder, const DeploymentProfile& profile, JobContext& job)
        : decoder_(decoder), profile_(profile), job_(job) {
        const int64_t half = decoder.config().contextLength / 2;
        prompt_ = profile.prompt > 0 ? profile.prompt : half;
        generated_ = profile.generated > 0 ? profile.generated : half;
    }

    Result<void> measure(const PartVariant& variant, PartCost& cost) {
        const LayerSettings settings = alone(variant);
        const auto found = std::find_if(known_.begin(), known_.end(),
                                        [&](const auto& entry) { return entry.first == settings; });
        if (found != known_.end()) {
            cost.promptSeconds = found->second.promptSeconds;
            cost.tokenSeconds = found->second.tokenSeconds;
            return {};
        }
        // Times do not depend on the values.
        const auto block = decoder_.makeBlock(0, settings);
        const at::NoGradGuard noGrad;
        for (at::Tensor& parameter : block->parameters()) {
            parameter.fill_(0.01);
            parameter.set_requires_grad(false);
        }
        block->joinProjections();
        const bool attention = variant.part == SubLayer::Attention;
        const auto run = [&](const at::Tensor& x, const DecoderPass& pass) {
            return attention ? block->attentionUpdate(x, pass) : block->feedForwardUpdate(x, pass);
        };
        const int64_t width = decoder_.config().width;
        const auto options = at::TensorOptions(decoder_.type()).device(decoder_.device());
        const at::Tensor many = at::randn({profile_.batch, prompt_, width}, options);
        const at::Tensor one = at::randn({profile_.batch, 1, width}, options);
        const int64_t filled = prompt_ + generated_ / 2;
        if ((attention ? settings.attention.kind : settings.feedForward.kind) != SubLayerKind::NoOp) {
            VITRINE_TRY(cost.promptSeconds,
                        medianSeconds(
                            [&] {
                                KeyValueCache cache(prompt_);
                                run(many, decoder_.begin(profile_.batch, prompt_, {.cache = &cache}));
                            },
                            job_));
            KeyValueCache cache(filled + 1);
            const at::Tensor past = at::randn({profile_.batch, filled, width}, options);
            run(past, decoder_.begin(profile_.batch, filled, {.cache = &cache}));
            cache.advance(filled);
            VITRINE_TRY(
                cost.tokenSeconds,
                medianSeconds([&] { run(one, decoder_.begin(profile_.batch, 1, {.cache = &cache})); }, job_));
        }
        known_.emplace_back(settings, cost);
        return {};
    }

    Result<void> measureOuter(PartCost& cost) const {
        const at::NoGradGuard noGrad;
        const at::Tensor ids = at::zeros({profile_.batch, 1}, at::kLong);
        // A prompt needs the logits of its last token alone.
        VITRINE_TRY(cost.promptSeconds,
                    medianSeconds([&] { decoder_.head(decoder_.finalNorm(decoder_.embed(ids))); }, job_));
        cost.tokenSeconds = cost.promptSeconds;
        return {};
    }

  private:
    const Decoder& decoder_;
    DeploymentProfile profile_;
    JobContext& job_;
    int64_t prompt_ = 0, generated_ = 0;
    std::vector<std::pair<LayerSettings, PartCost>> known_;
};

PartCost plainCost(const DecoderConfig& config, const PartVariant& variant,
                   const DeploymentProfile& profile) {
    const StructureCost cost = layerCost(config, alone(variant), profile);
    return {.parameters = double(cost.parameters), .bytes = cost.bytes(), .cacheBytes = cost.cacheBytes};
}

}  // namespace

Result<LibraryCosts> libraryCosts(const LanguageModel& parent, const BlockLibrary& library,
                                  const DeploymentProfile& profile, bool timed, JobContext& job,
                                  const std::vector<LayerSettings>& removed) {
    const DecoderConfig& config = parent.config();
    if (profile.batch < 1 || profile.tokensOf(config) > config.contextLength)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} sequences of {} tokens are asked for; the context holds {}",
                                profile.batch, profile.tokensOf(config), config.contextLength),
                    "settings/profile");
    LibraryCosts costs;
    costs.profile = profile;
    const int64_t half = config.contextLength / 2;
    costs.use = {profile.batch, profile.prompt > 0 ? profile.prompt : half,
                 profile.generated > 0 ? profile.generated : half};
    costs.context = config.contextLength;
    const StructureCost outer = outerCost(config, profile);
    costs.outer = {.parameters = double(outer.parameters), .bytes = outer.weightBytes};
    Timer timer(parent.decoder(), profile, job);
    job.beginStage(timed ? "timing blocks" : "costs of blocks", library.depth());
    const auto add = [&](LayerCosts& entry, const PartVariant& variant) -> Result<void> {
        PartCost cost = plainCost(config, variant, profile);
        if (timed) {
            VITRINE_TRY_VOID(timer.measure(variant, cost));
        }
        (variant.part == SubLayer::Attention ? entry.attention : entry.feedForward).push_back(cost);
        return {};
    };
    for (const LayerVariants& layer : library.layers) {
        VITRINE_TRY_VOID(job.checkStop());
        LayerCosts entry;
        if (!layer.attention.empty())
            entry.window = layer.attention.front().settings.attention.window;
        for (const auto* parts : {&layer.attention, &layer.feedForward})
            for (const PartVariant& variant : *parts) {
                VITRINE_TRY_VOID(add(entry, variant));
            }
        costs.layers.push_back(std::move(entry));
        job.advance();
    }
    for (const LayerSettings& layer : removed) {
        LayerCosts entry;
        entry.window = layer.attention.window;
        for (const SubLayer part : {SubLayer::Attention, SubLayer::FeedForward}) {
            PartVariant own;
            own.part = part;
            own.settings = layer;
            VITRINE_TRY_VOID(add(entry, own));
        }
        costs.removed.push_back(std::move(entry));
    }
    if (timed) {
        VITRINE_TRY_VOID(timer.measureOuter(costs.outer));
    }
    return costs;
}

std::vector<std::vector<double>> pairScores(const BlockLibrary& library) {
    std::vector<std::vector<double>> rows;
    for (const LayerVariants& layer : library.layers) {
        const at::Tensor scores = layer.scores.contiguous();
        rows.emplace_back(scores.const_data_ptr<double>(), scores.const_data_ptr<double>() + scores.numel());
    }
    return rows;
}

ArchitectureProblem architectureProblem(const BlockLibrary& library, const LibraryCosts& costs,
                                        const ArchitectureLimits& limits) {
    return architectureProblem(pairScores(library), costs, limits);
}

ArchitectureProblem pairProblem(const BlockLibrary& library, const LibraryCosts& costs,
                                const ArchitectureLimits& limits) {
    std::vector<std::vector<double>> rows;
    for (const LayerVariants& layer : library.layers) {
        const size_t columns = layer.feedForward.size();
        std::vector<double> row(layer.attention.size() * columns, std::numeric_limits<double>::quiet_NaN());
        row[0] = 0;
        for (const PairVariant& pair : layer.pairs)
            row.at(size_t(pair.choice.attention) * columns + size_t(pair.choice.feedForward)) = pair.score;
        rows.push_back(std::move(row));
    }
    return architectureProblem(std::move(rows), costs, limits);
}

std::vector<BlockChoice> choicesOf(const BlockLibrary& library, const std::vector<int64_t>& pairs) {
    std::vector<BlockChoice> choices;
    for (size_t i = 0; i < pairs.size(); ++i)
        choices.push_back(choiceOf(pairs[i], library.layers.at(i).feedForward.size()));
    return choices;
}

std::vector<int64_t> pairsOf(const BlockLibrary& library, const std::vector<BlockChoice>& choices) {
    std::vector<int64_t> pairs;
    for (size_t i = 0; i < choices.size(); ++i)
        pairs.push_back(choices[i].attention * int64_t(library.layers.at(i).feedForward.size()) +
                        choices[i].feedForward);
    return pairs;
}

}  // namespace vitrine
