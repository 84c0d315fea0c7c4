#include "core/flextron/elastic_objective.h"

#include "core/distill/random_stream.h"
#include "core/flextron/elastic_state.h"
#include "core/language/language_distiller.h"
#include "core/models/language/decoder_block.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kRouterDeviation = 0.1;

double uniform(uint64_t hash) {
    return double(hash >> 11) * 0x1.0p-53;
}

}  // namespace

at::Tensor gumbelNoise(at::IntArrayRef shape, uint64_t seed, int64_t step, const std::string& stream,
                       at::Device device) {
    const at::Tensor even = at::rand(shape, randomStream(seed, step, stream), at::TensorOptions())
                                .clamp(1e-10, 1 - 1e-7)
                                .to(device);
    return -(-even.log()).log();
}

Result<void> ElasticOptions::validate(const DecoderConfig& config) const {
    VITRINE_TRY_VOID(space.validate(config));
    bool descend = !budgets.empty() && budgets[0] == 1;
    for (size_t i = 1; descend && i < budgets.size(); ++i)
        descend = budgets[i] > 0 && budgets[i] < budgets[i - 1];
    if (!descend)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected budgets that descend from 1, found [{}]", fmt::join(budgets, ", ")),
                    "budgets");
    const double least = elasticShare(
        config, space,
        sameChoice(config, {int64_t(space.neuronShares.size()) - 1, int64_t(space.headShares.size()) - 1}));
    if (budgets.back() < least * (1 - deadZone))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the smallest choices keep {:.3f} of the elastic parameters, a budget is {}",
                                least, budgets.back()),
                    "budgets", "Raise the budget, or offer smaller shares.");
    if (readsText && !routed)
        return fail(ErrorCode::InvalidArgument, "there are no routers to read the text", "routers",
                    "Switch routers on, or the reading off.");
    if (!(scaleStart > 0) || !(scaleEnd > 0) || !(tauStart > 0) || !(tauEnd > 0) || !(routerRate > 0) ||
        hidden < 1 || steps < 1 || !(fullShare >= 0) || !(fullShare <= 1))
        return fail(ErrorCode::InvalidArgument,
                    "scales, temperatures, rate, size of the routers and steps must be above 0, the share of "
                    "steps of the whole model in 0 to 1");
    return {};
}

ElasticObjective::ElasticObjective(const ElasticOptions& options, DecoderConfig config)
    : options_(options), config_(std::move(config)), state_(std::make_shared<State>()) {}

Result<std::shared_ptr<ElasticObjective>> ElasticObjective::create(
    Decoder& decoder, std::shared_ptr<const LanguageModel> teacher, const ElasticOptions& options) {
    VITRINE_TRY_VOID(options.validate(decoder.config()));
    std::shared_ptr<ElasticObjective> objective(new ElasticObjective(options, decoder.config()));
    VITRINE_TRY(objective->distillation_,
                distillationObjective(std::move(teacher), decoder.config(), DistillationOptions{}));
    const at::Device device = decoder.device();
    const at::Generator random = randomStream(options.seed, 0, "routers");
    const int64_t codes = int64_t(options.budgets.size()),
                  outputs = decoder.depth() * int64_t(options.space.choices());
    const auto weight = [&](int64_t rows, int64_t columns) {
        return at::empty({rows, columns})
            .normal_(0, kRouterDeviation, random)
            .to(device)
            .set_requires_grad(options.routed);
    };
    objective->first_ = weight(options.hidden, codes);
    objective->second_ = weight(outputs, options.hidden);
    objective->firstBias_ = at::zeros({options.hidden}, device).set_requires_grad(options.routed);
    objective->secondBias_ = at::zeros({outputs}, device).set_requires_grad(options.routed);
    if (options.readsText)
        objective->input_ = at::empty({decoder.depth(), options.space.headShares.size() > 1 ? 2 : 1,
                                       options.hidden, decoder.config().width})
                                .normal_(0, kRouterDeviation, random)
                                .to(device)
                                .set_requires_grad(true);
    objective->parameters_ = elasticParameters(decoder.config(), options.space).to(device);
    objective->attach(decoder);
    objective->settle(sameChoice(decoder.config(), {}));
    return objective;
}

void ElasticObjective::attach(Decoder& decoder) {
    State& state = *state_;
    for (int64_t block = 0; block < decoder.depth(); ++block) {
        std::vector<at::Tensor> neurons, heads;
        for (const double share : options_.space.neuronShares)
            neurons.push_back(neuronMask(config_, block, share));
        for (const double share : options_.space.headShares)
            heads.push_back(headMask(config_, block, share));
        state.neuronTable.push_back(at::stack(neurons).to(decoder.device()));
        state.headTable.push_back(at::stack(heads).to(decoder.device()));
        for (const LinearRole role : {LinearRole::Out, LinearRole::Down}) {
            const auto linear = decoder.block(block)->linear(role);
            linear->replaceProduct([held = state_, block, role](const at::Tensor& x, const nn::Linear& own) {
                const at::Tensor& mask =
                    (role == LinearRole::Out ? held->heads : held->neurons)[size_t(block)];
                return at::linear(mask.defined() ? x * mask.to(x.scalar_type()) : x, own.weight, own.bias);
            });
            masked_.push_back(linear);
        }
        if (options_.readsText)
            showText(*decoder.block(block));
    }
    state.neurons.resize(size_t(decoder.depth()));
    state.heads.resize(size_t(decoder.depth()));
}

void ElasticObjective::showText(const DecoderBlock& block) {
    for (const LinearRole role : {LinearRole::Query, LinearRole::Up}) {
        const bool heads = role == LinearRole::Query;
        if (heads && options_.space.headShares.size() == 1)
            continue;
        const auto linear = block.linear(role);
        linear->replaceProduct(
            [held = state_, index = block.index(), heads](const at::Tensor& x, const nn::Linear& own) {
                if (held->route)
                    held->route(index, heads, x);
                return at::linear(x, own.weight, own.bias);
            });
        masked_.push_back(linear);
    }
}

ElasticObjective::~ElasticObjective() {
    for (const auto& linear : masked_)
        linear->replaceProduct({});
}

double ElasticObjective::progress(int64_t step) const {
    return std::clamp(double(step) / double(options_.steps), 0.0, 1.0);
}

void ElasticObjective::settle(const ElasticChoice& choice) {
    state_->route = {};
    for (size_t block = 0; block < state_->neurons.size(); ++block) {
        const BlockChoice& one = choice.at(block);
        state_->neurons[block] = one.neurons ? state_->neuronTable[block][one.neurons] : at::Tensor();
        state_->heads[block] = one.heads ? state_->headTable[block][one.heads] : at::Tensor();
    }
}

// A function of (seed, step, micro-batch) and the routers alone.
ElasticObjective::Draw ElasticObjective::draw(int64_t step) {
    micro_ = step == lastStep_ ? micro_ + 1 : 0;
    lastStep_ = step;
    const auto hash = [&](const char* what) {
        return randomHash(options_.seed, step, fmt::format("elastic {} {}", what, micro_));
    };
    const auto count = int64_t(options_.space.neuronShares.size()),
               heads = int64_t(options_.space.headShares.size());
    Draw draw;
    const bool full = options_.budgets.size() == 1 || uniform(hash("full")) < options_.fullShare;
    if (!options_.routed) {
        const int64_t n = full ? 0 : int64_t(hash("neurons") % uint64_t(count)),
                      h = full ? 0 : int64_t(hash("heads") % uint64_t(heads));
        const ElasticChoice choice = sameChoice(config_, {n, h});
        draw.budget = elasticShare(config_, options_.space, choice);
        settle(choice);
        return draw;
    }
    if (!full)
        draw.budget = options_.budgets[1 + size_t(hash("budget") % (options_.budgets.size() - 1))];
    const double scale = options_.scaleStart + (options_.scaleEnd - options_.scaleStart) * progress(step);
    const double tau = options_.tauStart + (options_.tauEnd - options_.tauStart) * progress(step);
    if (options_.readsText) {
        drawByText(draw.budget, scale, tau, step);
        return draw;
    }
    const at::Tensor logits = routerLogits(draw.budget);
    const at::Tensor noise = gumbelNoise(logits.sizes(), options_.seed, step,
                                         fmt::format("elastic noise {}", micro_), logits.device());
    draw.probabilities = split((logits * scale + noise) / tau, false);
    for (int64_t block = 0; block < config_.depth(); ++block) {
        const at::Tensor one = draw.probabilities[block];
        state_->neurons[size_t(block)] =
            at::mv(state_->neuronTable[size_t(block)].t(), one.narrow(0, 0, count));
        state_->heads[size_t(block)] =
            heads > 1 ? at::mv(state_->headTable[size_t(block)].t(), one.narrow(0, count, heads))
                      : at::Tensor();
    }
    return draw;
}

at::Tensor ElasticObjective::budgetLoss(const Draw& draw) const {
    const auto count = int64_t(options_.space.neuronShares.size());
    if (draw.budget == 1 && options_.readsText)
        return options_.anchor * state_->apart / double(options_.space.choices());
    if (draw.budget == 1) {
        at::Tensor wanted = at::zeros_like(draw.probabilities);
        wanted.select(1, 0).fill_(1);
        wanted.select(1, count).fill_(1);
        return options_.anchor * (draw.probabilities - wanted).square().mean(1).sum();
    }
    const at::Tensor kept = options_.readsText ? state_->expected : (draw.probabilities * parameters_).sum();
    const at::Tensor off = (kept / (draw.budget * allParameters()) - 1).abs();
    return at::where(off < options_.deadZone, at::zeros_like(off), off);
}

Result<ObjectiveLoss> ElasticObjective::loss(const Decoder& student, const at::Tensor& ids, int64_t step,
                                             bool recompute) {
    if (recompute && options_.routed)
        return fail(ErrorCode::Unsupported, "routers cannot be trained with recomputed activations",
                    "settings/recompute", "Switch it off.");
    const Draw drawn = draw(step);
    VITRINE_TRY(ObjectiveLoss loss, distillation_->loss(student, ids, step, recompute));
    loss.parts["divergence"] = loss.total.item<double>();
    loss.parts["budget"] = drawn.budget;
    if (options_.routed) {
        const at::Tensor off = budgetLoss(drawn);
        loss.parts["budget missed"] = off.item<double>();
        loss.total = loss.total + options_.budgetWeight * off;
    }
    return loss;
}

std::vector<OptimizedParameter> ElasticObjective::parameters() const {
    if (!options_.routed)
        return {};
    std::vector<OptimizedParameter> list{{"router.0.weight", first_, options_.routerRate, false},
                                         {"router.0.bias", firstBias_, options_.routerRate, false},
                                         {"router.1.weight", second_, options_.routerRate, false},
                                         {"router.1.bias", secondBias_, options_.routerRate, false}};
    // A step of Adam is as long for each number: many small inputs would move a neuron further than one code.
    if (options_.readsText)
        list.push_back(
            {"router.text.weight", input_, options_.routerRate / std::sqrt(double(config_.width)), false});
    return list;
}

std::string ElasticObjective::fingerprint() const {
    const ElasticOptions& o = options_;
    return fmt::format("elastic [{}] [{}] [{}] {} {} {} {} {} {} {} {} {} {} {} {} {}{}",
                       fmt::join(o.space.neuronShares, ","), fmt::join(o.space.headShares, ","),
                       fmt::join(o.budgets, ","), o.fullShare, o.hidden, o.scaleStart, o.scaleEnd, o.tauStart,
                       o.tauEnd, o.deadZone, o.budgetWeight, o.anchor, o.routerRate, o.seed, o.routed,
                       distillation_->fingerprint(), o.readsText ? " reads text" : "");
}

Result<std::unique_ptr<LanguageModel>> sortedModel(const LanguageModel& model,
                                                   const std::vector<at::Tensor>& batches, JobContext& job) {
    VITRINE_TRY(const StructureRanking ranking, rankStructures(model, batches, {}, job));
    VITRINE_TRY(SlicePlan plan, sortedPlan(model.config(), ranking, {}));
    plan.channels = at::Tensor();  // the stream stays as it is
    return sliceModel(model, plan);
}

}  // namespace vitrine
