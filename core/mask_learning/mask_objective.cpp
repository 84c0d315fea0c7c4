#include "core/mask_learning/mask_objective.h"

#include "core/base/hash.h"
#include "core/compress/compression_driver.h"
#include "core/compress/decoder_blocks.h"
#include "core/distill/random_stream.h"

#include <algorithm>
#include <utility>

namespace vitrine {

// What the layers' products look at. Weights are masked inside the product, so that a block that is computed
// again for its gradient draws the same noise again.
struct MaskObjective::State {
    bool soft = false;
    bool hard = false;  // of the samples
    double kappa = 1, tau = 1;
    std::vector<int64_t> seeds;      // by layer
    std::vector<at::Tensor> chosen;  // by layer, masked weights; empty while sampling
    // By layer, the masked weights that the products took last, with their graph; nothing else is kept where
    // this is empty.
    std::vector<at::Tensor> samples;
};

Result<void> MaskLearningOptions::validate() const {
    VITRINE_TRY_VOID(schedule.validate());
    if (steps < 1)
        return fail(ErrorCode::InvalidArgument, fmt::format("{} steps", steps), "steps");
    if (!(deviation > 0) || !(priorStrength >= 0) || !(rateFactor > 0))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected a deviation and a rate factor above 0 and no negative strength of "
                                "the prior, found {}, {} and {}",
                                deviation, rateFactor, priorStrength));
    return {};
}

LanguageTrainingOptions withMaskTrainingRates(LanguageTrainingOptions options) {
    options.learningRate = 5e-5;
    options.finalRate = 5e-6;
    options.warmup = 0;
    options.beta1 = 0.9;
    options.beta2 = 0.95;
    options.epsilon = 1e-5;
    options.weightDecay = 0.1;
    options.clipNorm = 1;
    return options;
}

MaskObjective::MaskObjective(const MaskLearningOptions& options, LearnedMasks masks, std::string priorHash)
    : options_(options),
      masks_(std::make_shared<LearnedMasks>(std::move(masks))),
      state_(std::make_shared<State>()),
      priorHash_(std::move(priorHash)) {}

Result<std::shared_ptr<MaskObjective>> MaskObjective::create(Decoder& decoder,
                                                             const MaskLearningOptions& options,
                                                             const NamedTensors& prior) {
    VITRINE_TRY_VOID(options.validate());
    std::vector<MaskedLayer> layers;
    std::vector<std::shared_ptr<DecoderLinear>> linears;
    CompressionPlan plan;
    plan.skip = options.skip;
    for (const auto& linear : decoder.linears())
        if (const std::string name = decoder.linearName(linear->place()); !plan.skips(name)) {
            layers.push_back({name, linear->weight});
            linears.push_back(linear);
        }
    VITRINE_TRY(LearnedMasks masks,
                LearnedMasks::create(std::move(layers), options.pattern, options.seed, options.deviation));
    std::string priorHash;
    if (!prior.empty()) {
        VITRINE_TRY_VOID(masks.applyPrior(prior, options.priorStrength));
        VITRINE_TRY(const MaskSet set, masks.maskSet());
        Sha256 hash;
        for (const std::string& name : set.names()) {
            VITRINE_TRY(const at::Tensor mask, set.mask(name));
            hash.update(std::as_bytes(std::span(mask.const_data_ptr<uint8_t>(), size_t(mask.numel()))));
        }
        priorHash = hash.hexDigest();
    }
    std::shared_ptr<MaskObjective> objective(new MaskObjective(options, std::move(masks), priorHash));
    objective->linears_ = std::move(linears);
    for (size_t index = 0; index < objective->linears_.size(); ++index)
        objective->linears_[index]->replaceProduct([masks = objective->masks_, state = objective->state_,
                                                    index](const at::Tensor& x, const nn::Linear& own) {
            if (!state->soft)
                return at::linear(x, state->chosen[index], own.bias);
            const at::Tensor weight =
                masks->sampled(index, state->seeds[index], state->kappa, state->tau, state->hard);
            if (!state->samples.empty())
                state->samples[index] = weight;
            return at::linear(x, weight, own.bias);
        });
    objective->settle();
    return objective;
}

MaskObjective::~MaskObjective() {
    for (const auto& linear : linears_)
        linear->replaceProduct({});
}

double MaskObjective::progress(int64_t step) const {
    return std::clamp(double(step) / double(std::max<int64_t>(1, options_.steps)), 0.0, 1.0);
}

// Fresh noise for every micro-batch of a step, by (seed, step, layer) alone.
void MaskObjective::draw(int64_t step) {
    micro_ = step == lastStep_ ? micro_ + 1 : 0;
    lastStep_ = step;
    state_->soft = true;
    state_->hard = options_.hard;
    state_->kappa = options_.schedule.kappa(progress(step));
    state_->tau = options_.schedule.tau(progress(step));
    state_->chosen.clear();
    state_->seeds.clear();
    for (size_t index = 0; index < masks_->size(); ++index)
        state_->seeds.push_back(
            int64_t(randomHash(options_.seed, step, fmt::format("mask {} {}", index, micro_)) >> 1));
}

void MaskObjective::settle() {
    state_->soft = false;
    state_->chosen.clear();
    for (size_t index = 0; index < masks_->size(); ++index)
        state_->chosen.push_back(masks_->masked(index));
}

Result<ObjectiveLoss> MaskObjective::loss(const Decoder& student, const at::Tensor& ids, int64_t step,
                                          bool recompute) {
    draw(step);
    const double reward = options_.schedule.regularizerAt(progress(step));
    // Blocks that are computed again for their gradients leave no graph to go on from.
    if (reward > 0 && !recompute)
        state_->samples.resize(masks_->size());
    const int64_t length = ids.size(1) - 1;
    const at::Tensor hidden = student.hidden(ids.narrow(1, 0, length), {.recompute = recompute});
    ObjectiveLoss loss{student.lossesOf(hidden, ids.narrow(1, 1, length)).mean(), {}};
    loss.parts["cross entropy"] = loss.total.item<double>();
    const std::vector<at::Tensor> samples = std::exchange(state_->samples, {});
    if (reward > 0) {
        at::Tensor kept;
        for (size_t index = 0; index < masks_->size(); ++index) {
            const at::Tensor sample =
                samples.empty()
                    ? masks_->sampled(index, state_->seeds[index], state_->kappa, state_->tau, options_.hard)
                    : samples[index];
            const at::Tensor one = sample.to(at::kFloat).square().sum();
            kept = kept.defined() ? kept + one : one;
        }
        loss.parts["kept weight"] = kept.item<double>();
        loss.total = loss.total - reward * kept;
    }
    return loss;
}

std::vector<OptimizedParameter> MaskObjective::parameters() const {
    std::vector<OptimizedParameter> parameters;
    for (size_t index = 0; index < masks_->size(); ++index)
        parameters.push_back(
            {masks_->layer(index).name + ".logits", masks_->logits(index), options_.rateFactor, true});
    return parameters;
}

std::string MaskObjective::fingerprint() const {
    const MaskSchedule& s = options_.schedule;
    return fmt::format("masks {} {} {} {} {} {} {} {} {} {} {} prior {} skip {}", options_.pattern.text(),
                       s.kappaStart, s.kappaEnd, s.tauStart, s.tauEnd, s.regularizer, options_.deviation,
                       options_.priorStrength, options_.hard, options_.seed, options_.rateFactor, priorHash_,
                       fmt::join(options_.skip, ","));
}

double MaskObjective::softLoss(const Decoder& student, const at::Tensor& ids, int64_t step) {
    const at::NoGradGuard plain;
    const int64_t lastStep = lastStep_, micro = micro_;
    draw(step);
    const double loss = student.tokenLosses(ids).mean().item<double>();
    lastStep_ = lastStep;
    micro_ = micro;
    settle();
    return loss;
}

double MaskObjective::hardLoss(const Decoder& student, const at::Tensor& ids) {
    const at::NoGradGuard plain;
    settle();
    return student.tokenLosses(ids).mean().item<double>();
}

Result<NamedTensors> oneShotMasks(LanguageModel& model, std::vector<at::Tensor> batches, PruneMethod method,
                                  const SparsityPattern& pattern, const std::vector<std::string>& skip,
                                  uint64_t seed, JobContext& job) {
    CompressionPlan plan;
    plan.prune = method;
    plan.pattern = pattern;
    plan.skip = skip;
    plan.seed = seed;
    plan.measureErrors = false;
    DecoderBlocks blocks(model.decoder(), std::move(batches));
    NamedTensors masks;
    VITRINE_TRY([[maybe_unused]] const DriverReport report,
                compressModel(blocks, plan, job, [&](CompressedLayer&& layer) -> Result<void> {
                    masks[layer.report.name] = layer.mask;
                    return {};
                }));
    return masks;
}

Result<NamedTensors> masksFromFile(const std::filesystem::path& file) {
    VITRINE_TRY(const MaskSet set, MaskSet::load(file));
    NamedTensors masks;
    for (const std::string& name : set.names()) {
        const std::string suffix = ".weight";
        const std::string layer = name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
        VITRINE_TRY(masks[layer], set.mask(name));
    }
    return masks;
}

}  // namespace vitrine
