#include "core/flextron/loss_surrogate.h"

#include "core/distill/optimizer.h"
#include "core/distill/random_stream.h"

#include <cmath>

namespace vitrine {
namespace {

constexpr size_t kLeastSamples = 4;
constexpr int64_t kDescentSteps = 200;
constexpr double kDescentRate = 0.1, kSizeWeight = 5;

int64_t neuronCount(const ElasticSpace& space) {
    return int64_t(space.neuronShares.size());
}

}  // namespace

at::Tensor LossSurrogate::code(const ElasticChoice& choice) const {
    at::Tensor code = at::zeros({config_.depth(), int64_t(space_.choices())});
    for (int64_t block = 0; block < config_.depth(); ++block) {
        code[block][choice[size_t(block)].neurons] = 1;
        code[block][neuronCount(space_) + choice[size_t(block)].heads] = 1;
    }
    return code.flatten();
}

// codes (N, depth · choices) -> (N), standardised.
at::Tensor LossSurrogate::output(const at::Tensor& codes) const {
    const at::Tensor hidden = at::gelu(at::linear(codes, first_, firstBias_));
    return at::linear(hidden, second_, secondBias_).squeeze(1);
}

Result<LossSurrogate> LossSurrogate::fit(const DecoderConfig& config, const ElasticSpace& space,
                                         const std::vector<SurrogateSample>& samples,
                                         const SurrogateOptions& options) {
    VITRINE_TRY_VOID(space.validate(config));
    if (samples.size() < kLeastSamples)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} measured choices are too few to predict others", samples.size()),
                    "surrogate", fmt::format("Measure {} at least.", kLeastSamples));
    LossSurrogate surrogate;
    surrogate.config_ = config;
    surrogate.space_ = space;
    std::vector<at::Tensor> codes;
    std::vector<double> losses;
    for (const SurrogateSample& sample : samples) {
        if (int64_t(sample.choice.size()) != config.depth() || !std::isfinite(sample.loss))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("a choice of {} blocks with a loss of {}; the model has {} blocks",
                                    sample.choice.size(), sample.loss, config.depth()),
                        "surrogate");
        codes.push_back(surrogate.code(sample.choice));
        losses.push_back(sample.loss);
    }
    const at::Tensor x = at::stack(codes), y = at::tensor(losses).to(at::kFloat);
    surrogate.mean_ = y.mean().item<double>();
    surrogate.scale_ = std::max(1e-6, y.std().item<double>());
    const at::Tensor target = (y - surrogate.mean_) / surrogate.scale_;
    const at::Generator random = randomStream(options.seed, 0, "loss surrogate");
    const auto weight = [&](int64_t rows, int64_t columns) {
        return at::empty({rows, columns}).normal_(0, std::sqrt(1.0 / double(columns)), random);
    };
    surrogate.first_ = weight(options.hidden, x.size(1)).set_requires_grad(true);
    surrogate.firstBias_ = at::zeros({options.hidden}).set_requires_grad(true);
    surrogate.second_ = weight(1, options.hidden).set_requires_grad(true);
    surrogate.secondBias_ = at::zeros({1}).set_requires_grad(true);
    Optimizer optimizer({{"first", surrogate.first_},
                         {"first bias", surrogate.firstBias_, 1, false},
                         {"second", surrogate.second_},
                         {"second bias", surrogate.secondBias_, 1, false}},
                        {.kind = OptimizerKind::AdamW, .weightDecay = 0.1});
    for (int64_t step = 0; step < options.steps; ++step) {
        optimizer.clearGradients();
        (surrogate.output(x) - target).square().mean().backward();
        optimizer.step(cosineRate(step, 10, options.steps, options.learningRate));
    }
    for (at::Tensor* part :
         {&surrogate.first_, &surrogate.firstBias_, &surrogate.second_, &surrogate.secondBias_})
        *part = part->detach();
    return surrogate;
}

double LossSurrogate::predict(const ElasticChoice& choice) const {
    return mean_ + scale_ * output(code(choice).unsqueeze(0)).item<double>();
}

double LossSurrogate::error(const std::vector<SurrogateSample>& samples) const {
    double square = 0;
    for (const SurrogateSample& sample : samples)
        square += std::pow(predict(sample.choice) - sample.loss, 2);
    return std::sqrt(square / double(std::max<size_t>(1, samples.size())));
}

ElasticChoice LossSurrogate::descend(double budget) const {
    const at::Tensor parameters = elasticParameters(config_, space_);
    const auto count = neuronCount(space_), all = int64_t(space_.choices());
    const double whole = (parameters.select(1, 0).sum() + parameters.select(1, count).sum()).item<double>();
    at::Tensor logits = at::zeros({config_.depth(), all}).set_requires_grad(true);
    Optimizer optimizer({{"logits", logits, 1, false}}, {.kind = OptimizerKind::AdamW, .weightDecay = 0});
    for (int64_t step = 0; step < kDescentSteps; ++step) {
        const at::Tensor p = at::cat(
            {logits.narrow(1, 0, count).softmax(1), logits.narrow(1, count, all - count).softmax(1)}, 1);
        optimizer.clearGradients();
        (output(p.reshape({1, -1})).sum() +
         kSizeWeight * ((p * parameters).sum() / (budget * whole) - 1).abs())
            .backward();
        optimizer.step(kDescentRate);
    }
    const at::Tensor neurons = logits.narrow(1, 0, count).argmax(1),
                     heads = logits.narrow(1, count, all - count).argmax(1);
    ElasticChoice choice;
    for (int64_t block = 0; block < config_.depth(); ++block)
        choice.push_back({neurons[block].item<int64_t>(), heads[block].item<int64_t>()});
    return choice;
}

// One block of another width, or two.
std::vector<ElasticChoice> LossSurrogate::neighbours(const ElasticChoice& choice) const {
    std::vector<ElasticChoice> singles;
    const auto change = [&](const ElasticChoice& from, std::vector<ElasticChoice>& list) {
        for (size_t block = 0; block < from.size(); ++block)
            for (const int64_t by : {-1, 1}) {
                ElasticChoice one = from;
                one[block].neurons += by;
                if (one[block].neurons >= 0 && one[block].neurons < neuronCount(space_))
                    list.push_back(one);
                one = from;
                one[block].heads += by;
                if (one[block].heads >= 0 && one[block].heads < int64_t(space_.headShares.size()))
                    list.push_back(one);
            }
    };
    change(choice, singles);
    std::vector<ElasticChoice> list = singles;
    for (const ElasticChoice& single : singles)
        change(single, list);
    return list;
}

std::optional<ElasticChoice> LossSurrogate::bestFor(double budget, double tolerance) const {
    // First into the budget, then to the least loss.
    const auto rank = [&](const ElasticChoice& choice) {
        const double off = std::abs(elasticShare(config_, space_, choice) / budget - 1);
        return std::pair(off <= tolerance ? 0.0 : off, predict(choice));
    };
    ElasticChoice best = descend(budget);
    auto value = rank(best);
    for (bool better = true; better;) {
        better = false;
        const ElasticChoice from = best;
        for (const ElasticChoice& one : neighbours(from))
            if (const auto found = rank(one); found < value) {
                best = one;
                value = found;
                better = true;
            }
    }
    return value.first == 0 ? std::optional(best) : std::nullopt;
}

std::vector<ElasticChoice> randomChoices(const DecoderConfig& config, const ElasticSpace& space,
                                         int64_t count, uint64_t seed) {
    std::vector<ElasticChoice> choices;
    for (int64_t index = 0; index < count; ++index) {
        ElasticChoice choice;
        for (int64_t block = 0; block < config.depth(); ++block) {
            const auto draw = [&](const char* axis, size_t size) {
                return int64_t(randomHash(seed, index, fmt::format("{} {}", axis, block)) % size);
            };
            choice.push_back(
                {draw("neurons", space.neuronShares.size()), draw("heads", space.headShares.size())});
        }
        choices.push_back(std::move(choice));
    }
    return choices;
}

}  // namespace vitrine
