#include "core/puzzle/variant_costs.h"

#include "core/models/language/decoder_block.h"

#include <algorithm>
#include <chrono>

namespace vitrine {
namespace {

constexpr int kRuns = 5;

double medianSeconds(const std::function<void()>& work) {
    work();
    std::vector<double> seconds;
    for (int run = 0; run < kRuns; ++run) {
        const auto begin = std::chrono::steady_clock::now();
        work();
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    std::nth_element(seconds.begin(), seconds.begin() + kRuns / 2, seconds.end());
    return seconds[kRuns / 2];
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
    Timer(const Decoder& decoder, const DeploymentProfile& profile) : decoder_(decoder), profile_(profile) {
        const int64_t half = decoder.config().contextLength / 2;
        prompt_ = profile.prompt > 0 ? profile.prompt : half;
        generated_ = profile.generated > 0 ? profile.generated : half;
    }

    void measure(const PartVariant& variant, PartCost& cost) {
        const LayerSettings settings = alone(variant);
        const auto found = std::find_if(known_.begin(), known_.end(),
                                        [&](const auto& entry) { return entry.first == settings; });
        if (found != known_.end()) {
            cost.promptSeconds = found->second.promptSeconds;
            cost.tokenSeconds = found->second.tokenSeconds;
            return;
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
            cost.promptSeconds = medianSeconds([&] {
                KeyValueCache cache(prompt_);
                run(many, decoder_.begin(profile_.batch, prompt_, {.cache = &cache}));
            });
            KeyValueCache cache(filled + 1);
            const at::Tensor past = at::randn({profile_.batch, filled, width}, options);
            run(past, decoder_.begin(profile_.batch, filled, {.cache = &cache}));
            cache.advance(filled);
            cost.tokenSeconds =
                medianSeconds([&] { run(one, decoder_.begin(profile_.batch, 1, {.cache = &cache})); });
        }
        known_.emplace_back(settings, cost);
    }

    void measureOuter(PartCost& cost) const {
        const at::NoGradGuard noGrad;
        const at::Tensor ids = at::zeros({profile_.batch, 1}, at::kLong);
        // A prompt needs the logits of its last token alone.
        cost.tokenSeconds = cost.promptSeconds =
            medianSeconds([&] { decoder_.head(decoder_.finalNorm(decoder_.embed(ids))); });
    }

  private:
    const Decoder& decoder_;
    DeploymentProfile profile_;
    int64_t prompt_ = 0, generated_ = 0;
    std::vector<std::pair<LayerSettings, PartCost>> known_;
};

PartCost plainCost(const DecoderConfig& config, const PartVariant& variant,
                   const DeploymentProfile& profile) {
    const StructureCost cost = layerCost(config, alone(variant), profile);
    return {double(cost.parameters), cost.bytes(), 0, 0};
}

Json partJson(const PartCost& cost) {
    return {{"parameters", cost.parameters},
            {"bytes", cost.bytes},
            {"prompt_seconds", cost.promptSeconds},
            {"token_seconds", cost.tokenSeconds}};
}

void addTo(PartCost& sum, const PartCost& cost) {
    sum.parameters += cost.parameters;
    sum.bytes += cost.bytes;
    sum.promptSeconds += cost.promptSeconds;
    sum.tokenSeconds += cost.tokenSeconds;
}

}  // namespace

std::vector<std::vector<double>> LibraryCosts::pairs(double PartCost::*what) const {
    std::vector<std::vector<double>> rows;
    for (const LayerCosts& layer : layers) {
        std::vector<double> row;
        for (const PartCost& attention : layer.attention)
            for (const PartCost& feedForward : layer.feedForward)
                row.push_back(attention.*what + feedForward.*what);
        rows.push_back(std::move(row));
    }
    return rows;
}

PartCost LibraryCosts::of(const std::vector<BlockChoice>& choices) const {
    PartCost sum = outer;
    for (size_t i = 0; i < choices.size(); ++i) {
        addTo(sum, layers.at(i).attention.at(size_t(choices[i].attention)));
        addTo(sum, layers.at(i).feedForward.at(size_t(choices[i].feedForward)));
    }
    return sum;
}

Json LibraryCosts::json() const {
    Json list = Json::array();
    for (const LayerCosts& layer : layers) {
        Json entry = {{"attention", Json::array()}, {"feed_forward", Json::array()}};
        for (const PartCost& cost : layer.attention)
            entry["attention"].push_back(partJson(cost));
        for (const PartCost& cost : layer.feedForward)
            entry["feed_forward"].push_back(partJson(cost));
        list.push_back(std::move(entry));
    }
    return {{"batch", profile.batch}, {"outer", partJson(outer)}, {"layers", std::move(list)}};
}

Result<LibraryCosts> libraryCosts(const LanguageModel& parent, const BlockLibrary& library,
                                  const DeploymentProfile& profile, bool timed, JobContext& job) {
    const DecoderConfig& config = parent.config();
    if (profile.batch < 1 || profile.tokensOf(config) > config.contextLength)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} sequences of {} tokens are asked for; the context holds {}",
                                profile.batch, profile.tokensOf(config), config.contextLength),
                    "settings/profile");
    LibraryCosts costs;
    costs.profile = profile;
    const StructureCost outer = outerCost(config, profile);
    costs.outer = {double(outer.parameters), outer.weightBytes, 0, 0};
    Timer timer(parent.decoder(), profile);
    job.beginStage(timed ? "timing blocks" : "costs of blocks", library.depth());
    for (const LayerVariants& layer : library.layers) {
        VITRINE_TRY_VOID(job.checkStop());
        LayerCosts entry;
        for (const auto* parts : {&layer.attention, &layer.feedForward})
            for (const PartVariant& variant : *parts) {
                PartCost cost = plainCost(config, variant, profile);
                if (timed)
                    timer.measure(variant, cost);
                (variant.part == SubLayer::Attention ? entry.attention : entry.feedForward).push_back(cost);
            }
        costs.layers.push_back(std::move(entry));
        job.advance();
    }
    if (timed)
        timer.measureOuter(costs.outer);
    return costs;
}

ArchitectureProblem architectureProblem(const BlockLibrary& library, const LibraryCosts& costs,
                                        const ArchitectureLimits& limits) {
    ArchitectureProblem problem;
    for (const LayerVariants& layer : library.layers) {
        const at::Tensor scores = layer.scores.contiguous();
        problem.scores.emplace_back(scores.const_data_ptr<double>(),
                                    scores.const_data_ptr<double>() + scores.numel());
    }
    const auto add = [&](const char* name, double PartCost::*what, double limit) {
        if (limit > 0)
            problem.budgets.push_back(
                {name, costs.pairs(what), limit - costs.outer.*what, costs.outer.*what});
    };
    add("parameters", &PartCost::parameters, limits.parameters);
    add("bytes", &PartCost::bytes, limits.bytes);
    add("seconds of the prompt", &PartCost::promptSeconds, limits.promptSeconds);
    const DeploymentProfile& profile = costs.profile;
    double perToken = 0;  // the tighter of the two
    if (limits.generateSeconds > 0 && profile.generated > 0)
        perToken = limits.generateSeconds / double(profile.generated);
    if (limits.tokensPerSecond > 0) {
        const double wanted = double(profile.batch) / limits.tokensPerSecond;
        perToken = perToken > 0 ? std::min(perToken, wanted) : wanted;
    }
    add("seconds of a token", &PartCost::tokenSeconds, perToken);
    return problem;
}

std::vector<BlockChoice> choicesOf(const BlockLibrary& library, const std::vector<int64_t>& pairs) {
    std::vector<BlockChoice> choices;
    for (size_t i = 0; i < pairs.size(); ++i) {
        const auto columns = int64_t(library.layers.at(i).feedForward.size());
        choices.push_back({pairs[i] / columns, pairs[i] % columns});
    }
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
