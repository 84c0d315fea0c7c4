#include "core/mask_learning/learned_masks.h"

#include "core/distill/random_stream.h"
#include "kernels/compression_operators.h"
#include "kernels/sparse24/sparse24.h"

namespace vitrine {
namespace {

constexpr int64_t kGroup = 4;

// Part of the weights whose place in the mask differs: choices (o, k/4) of the same candidates.
double changedPart(const at::Tensor& a, const at::Tensor& b, const at::Tensor& candidates) {
    const at::Tensor distance =
        (candidates.unsqueeze(0) - candidates.unsqueeze(1)).abs().sum(-1);  // (c, c) of 0, 2, 4
    const at::Tensor index = a.to(at::kLong) * candidates.size(0) + b.to(at::kLong);
    return distance.flatten().index_select(0, index.flatten()).sum().item<double>() /
           double(kGroup * a.numel());
}

}  // namespace

Result<void> MaskSchedule::validate() const {
    const auto wrong = [](const char* what, double start, double end) {
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} must stay above 0, found {} to {}", what, start, end), "schedule");
    };
    if (!(kappaStart > 0) || !(kappaEnd > 0))
        return wrong("the scale of the logits (kappa)", kappaStart, kappaEnd);
    if (!(tauStart > 0) || !(tauEnd > 0))
        return wrong("the temperature (tau)", tauStart, tauEnd);
    if (!(regularizer >= 0))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the reward of large weights must not be negative, found {}", regularizer),
                    "schedule");
    return {};
}

at::Tensor maskCandidates(const SparsityPattern& pattern) {
    if (pattern.n == 1)
        return at::eye(kGroup, at::kByte);
    const at::Tensor candidates = at::zeros({kernels::kPatterns24, kGroup}, at::kByte);
    for (int64_t k = 0; k < kernels::kPatterns24; ++k)
        for (int64_t column = 0; column < kGroup; ++column)
            candidates[k][column] = int64_t(kernels::keptBits24(unsigned(k)) >> column & 1U);
    return candidates;
}

Result<LearnedMasks> LearnedMasks::create(std::vector<MaskedLayer> layers, const SparsityPattern& pattern,
                                          uint64_t seed, double deviation) {
    if (pattern.kind != SparsityPattern::Kind::NOfM || pattern.m != kGroup || pattern.n < 1 || pattern.n > 2)
        return fail(ErrorCode::Unsupported, "masks are learnt as 2:4 or 1:4, found " + pattern.text(),
                    "pattern");
    if (layers.empty())
        return fail(ErrorCode::InvalidArgument, "there is no layer to learn a mask for", {},
                    "Leave fewer layers out.");
    LearnedMasks masks;
    masks.pattern_ = pattern;
    for (size_t index = 0; index < layers.size(); ++index) {
        const MaskedLayer& layer = layers[index];
        if (const auto fits = pattern.checkFits(layer.weight.sizes()); !fits)
            return fail(fits.error().in(layer.name));
        const at::Generator random = randomStream(seed, int64_t(index), "mask logits");
        at::Tensor logits =
            at::empty({layer.weight.size(0), layer.weight.size(1) / kGroup, masks.candidates()}, at::kFloat)
                .normal_(0, deviation, random)
                .to(layer.weight.device());
        masks.logits_.push_back(logits.set_requires_grad(true));
    }
    masks.layers_ = std::move(layers);
    for (size_t index = 0; index < masks.size(); ++index)
        masks.start_.push_back(masks.choices(index));
    masks.last_ = masks.start_;
    return masks;
}

Result<void> LearnedMasks::applyPrior(const NamedTensors& masks, double strength) {
    const at::NoGradGuard plain;
    std::vector<at::Tensor> priors;
    for (const MaskedLayer& layer : layers_) {
        const auto found = masks.find(layer.name);
        if (found == masks.end())
            return fail(ErrorCode::NotFound, "the masks to begin with have none for this layer", layer.name,
                        "Take masks of the same model, made with the same layers left out.");
        if (found->second.sizes() != layer.weight.sizes())
            return fail(
                ErrorCode::ShapeMismatch,
                fmt::format("the mask to begin with is {} x {}, the weight {} x {}", found->second.size(0),
                            found->second.size(1), layer.weight.size(0), layer.weight.size(1)),
                layer.name);
        priors.push_back(found->second);
    }
    for (size_t index = 0; index < size(); ++index) {
        at::Tensor logits = logits_[index].detach();
        const at::Tensor candidates = maskCandidates(pattern_).to(logits.device(), at::kFloat);
        const at::Tensor shared =
            priors[index].to(logits.device(), at::kFloat).reshape({-1, kGroup}).matmul(candidates.t());
        // The deviation is that of the logits as drawn: taken before the shift.
        const double unit = strength * logits.std().item<double>();
        logits.add_((shared - shared.mean(-1, true)).reshape(logits.sizes()), unit);
        start_[index] = choices(index);
    }
    last_ = start_;
    return {};
}

at::Tensor LearnedMasks::sampled(size_t index, int64_t seed, double kappa, double tau, bool hard) const {
    const at::Tensor& weight = layers_[index].weight;
    const at::Tensor grouped =
        weight.detach().to(at::kFloat).reshape({weight.size(0), weight.size(1) / kGroup, kGroup});
    return kernels::gumbelMask(logits_[index], grouped, seed, kappa, tau, hard)
        .reshape(weight.sizes())
        .to(weight.scalar_type());
}

at::Tensor LearnedMasks::choices(size_t index) const {
    return logits_[index].detach().argmax(-1).to(at::kByte);
}

at::Tensor LearnedMasks::mask(size_t index) const {
    const at::Tensor chosen = choices(index);
    return maskCandidates(pattern_)
        .to(chosen.device())
        .index_select(0, chosen.flatten().to(at::kLong))
        .reshape(layers_[index].weight.sizes());
}

at::Tensor LearnedMasks::masked(size_t index) const {
    const at::Tensor weight = layers_[index].weight.detach();
    return weight * mask(index).to(weight.scalar_type());
}

Result<MaskSet> LearnedMasks::maskSet() const {
    MaskSet set;
    NamedTensors weights;
    for (size_t index = 0; index < size(); ++index) {
        const std::string name = layers_[index].name + ".weight";
        VITRINE_TRY_VOID(set.set(name, mask(index).cpu()));
        weights[name] = layers_[index].weight.detach().cpu();
    }
    set.fingerprint = weightFingerprint(weights);
    return set;
}

std::vector<MaskDiagnosis> LearnedMasks::diagnose(double kappa) {
    const at::NoGradGuard plain;
    std::vector<MaskDiagnosis> list;
    MaskDiagnosis all;
    all.patterns.assign(size_t(candidates()), 0);
    double groups = 0, square = 0;
    for (size_t index = 0; index < size(); ++index) {
        const at::Tensor& logits = logits_[index];
        const at::Tensor table = maskCandidates(pattern_).to(logits.device(), at::kFloat);
        const at::Tensor chosen = choices(index);
        const at::Tensor logarithms = (logits.detach() * kappa).log_softmax(-1);
        MaskDiagnosis one;
        one.layer = layers_[index].name;
        one.flipped = changedPart(chosen, last_[index], table);
        one.fromStart = changedPart(chosen, start_[index], table);
        one.largestProbability = std::get<0>(logarithms.max(-1)).exp().mean().item<double>();
        one.entropy = -(logarithms.exp() * logarithms).sum(-1).mean().item<double>();
        one.mean = logits.mean().item<double>();
        one.deviation = logits.std().item<double>();
        const at::Tensor counts = at::bincount(chosen.flatten().to(at::kLong), {}, candidates()).cpu();
        for (int64_t k = 0; k < candidates(); ++k) {
            one.patterns.push_back(counts[k].item<int64_t>());
            all.patterns[size_t(k)] += one.patterns.back();
        }
        const double count = double(chosen.numel());
        groups += count;
        all.flipped += count * one.flipped;
        all.fromStart += count * one.fromStart;
        all.largestProbability += count * one.largestProbability;
        all.entropy += count * one.entropy;
        all.mean += count * one.mean;
        square += count * (one.deviation * one.deviation + one.mean * one.mean);
        last_[index] = chosen;
        list.push_back(std::move(one));
    }
    for (double* value : {&all.flipped, &all.fromStart, &all.largestProbability, &all.entropy, &all.mean})
        *value /= groups;
    all.deviation = std::sqrt(std::max(0.0, square / groups - all.mean * all.mean));
    list.push_back(std::move(all));
    return list;
}

void LearnedMasks::forgetFlips() {
    for (size_t index = 0; index < size(); ++index)
        last_[index] = choices(index);
}

}  // namespace vitrine
