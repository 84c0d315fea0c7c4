// Routers that read the text: every token's normed state in front of a sub-layer says, beside the budget, how
// wide that sub-layer is for this token (Flextron's dynamic routers). Attention is causal, and so is what a
// state knows.
#include "core/flextron/elastic_state.h"

#include <cmath>
#include <limits>

namespace vitrine {
namespace {

constexpr double kLeak = 0.1;        // of the leaky ReLU, as in the static routers
constexpr double kLeastNorm = 1e-6;  // of a state
constexpr int kMostSteps = 40;       // of the search for a price

at::Tensor sumOf(const at::Tensor& sum, const at::Tensor& one) {
    return sum.defined() ? sum + one : one;
}

}  // namespace

// Of unit length, so that the routers' first layer weighs a state as it does the code of a budget. What the
// model computes is not bent towards what its routers would like to see.
at::Tensor ElasticObjective::textLogits(double budget, int64_t block, bool heads, const at::Tensor& x) const {
    const at::Tensor seen = x.detach().to(at::kFloat);
    const at::Tensor direction = seen / seen.norm(2, -1, true).clamp_min(kLeastNorm);
    const at::Tensor ofBudget = at::mv(first_, budgetCode(budget)) + firstBias_;
    const at::Tensor hidden =
        at::leaky_relu(at::linear(direction, input_[block][heads ? 1 : 0], ofBudget), kLeak);
    const auto neuronCount = int64_t(options_.space.neuronShares.size()),
               headCount = int64_t(options_.space.headShares.size());
    const int64_t from = block * (neuronCount + headCount) + (heads ? neuronCount : 0),
                  count = heads ? headCount : neuronCount;
    return at::linear(hidden, second_.narrow(0, from, count), secondBias_.narrow(0, from, count));
}

at::Tensor ElasticObjective::textProbabilities(double budget, double scale, int64_t block, bool heads,
                                               const at::Tensor& x) const {
    const at::NoGradGuard plain;
    return (textLogits(budget, block, heads, x) * scale).softmax(-1);
}

// Parameters that the choices of one sub-layer keep.
at::Tensor ElasticObjective::costs(int64_t block, bool heads) const {
    const auto neuronCount = int64_t(options_.space.neuronShares.size());
    const at::Tensor row = parameters_[block];
    return heads ? row.narrow(0, neuronCount, row.size(0) - neuronCount) : row.narrow(0, 0, neuronCount);
}

double ElasticObjective::allParameters() const {
    return (parameters_.select(1, 0).sum() +
            parameters_.select(1, int64_t(options_.space.neuronShares.size())).sum())
        .item<double>();
}

void ElasticObjective::drawByText(double budget, double scale, double tau, int64_t step) {
    state_->expected = state_->apart = at::Tensor();
    state_->route = [this, budget, scale, tau, step, micro = micro_](int64_t block, bool heads,
                                                                     const at::Tensor& x) {
        const at::Tensor logits = textLogits(budget, block, heads, x);
        const at::Tensor noise = gumbelNoise(
            logits.sizes(), options_.seed, step,
            fmt::format("elastic noise {} {} {}", micro, block, heads ? "heads" : "neurons"), x.device());
        const at::Tensor chosen = ((logits * scale + noise) / tau).softmax(-1);  // (B, T, shares)
        State& state = *state_;
        (heads ? state.heads : state.neurons)[size_t(block)] =
            chosen.matmul((heads ? state.headTable : state.neuronTable)[size_t(block)]);
        const at::Tensor mean = chosen.flatten(0, -2).mean(0);
        state.expected = sumOf(state.expected, (mean * costs(block, heads)).sum());
        const at::Tensor whole = at::zeros_like(mean);
        whole[0] = 1;
        state.apart = sumOf(state.apart, (chosen - whole).square().sum(-1).mean());
    };
}

void ElasticObjective::follow(double budget) {
    State& state = *state_;
    const auto depth = config_.depth();
    state.tookNeurons = at::zeros({depth, int64_t(options_.space.neuronShares.size())}, at::kLong);
    state.tookHeads = at::zeros({depth, int64_t(options_.space.headShares.size())}, at::kLong);
    state.likeliest = 0;
    state.routings = 0;
    state.last.assign(size_t(depth), at::Tensor());
    const auto known = prices_.find(budget);
    state.route = [this, budget, all = allParameters(), price = known == prices_.end() ? 0 : known->second](
                      int64_t block, bool heads, const at::Tensor& x) {
        const at::NoGradGuard plain;
        const at::Tensor logits = textLogits(budget, block, heads, x) - costs(block, heads) * (price / all);
        const at::Tensor chosen = logits.argmax(-1);  // (B, T)
        State& now = *state_;
        const at::Tensor& table = (heads ? now.headTable : now.neuronTable)[size_t(block)];
        (heads ? now.heads : now.neurons)[size_t(block)] =
            table.index_select(0, chosen.flatten()).reshape({chosen.size(0), chosen.size(1), -1});
        (heads ? now.tookHeads : now.tookNeurons)
            .select(0, block)
            .add_(chosen.flatten().cpu().bincount({}, logits.size(-1)));
        now.likeliest += (logits * options_.scaleEnd).softmax(-1).amax(-1).mean().item<double>();
        ++now.routings;
        if (!heads)
            now.last[size_t(block)] = chosen.cpu();
    };
}

TextRoutes ElasticObjective::routes() const {
    const State& state = *state_;
    TextRoutes routes;
    if (state.routings == 0)
        return routes;
    routes.tokens = state.tookNeurons[0].sum().item<int64_t>();
    routes.largestProbability = state.likeliest / double(state.routings);
    const bool cutsHeads = options_.space.headShares.size() > 1;
    double kept = 0;
    for (int64_t block = 0; block < config_.depth(); ++block) {
        const auto mean = [&](const at::Tensor& took, const std::vector<double>& shares, bool heads) {
            const at::Tensor part = took[block].to(at::kDouble) / double(routes.tokens);
            kept += (part * costs(block, heads).cpu()).sum().item<double>();
            return (part * at::tensor(shares, at::kDouble)).sum().item<double>();
        };
        routes.neurons.push_back(mean(state.tookNeurons, options_.space.neuronShares, false));
        routes.heads.push_back(cutsHeads ? mean(state.tookHeads, options_.space.headShares, true) : 1);
    }
    routes.size = kept / allParameters();
    return routes;
}

at::Tensor ElasticObjective::lastShares() const {
    const at::Tensor shares = at::tensor(options_.space.neuronShares, at::kFloat);
    std::vector<at::Tensor> rows;
    for (const at::Tensor& chosen : state_->last)
        rows.push_back(shares.index_select(0, chosen[0]));
    return at::stack(rows);
}

double ElasticObjective::followedSize(const Decoder& decoder, const std::vector<at::Tensor>& windows,
                                      double budget) {
    const at::NoGradGuard plain;
    follow(budget);
    for (const at::Tensor& ids : windows)
        decoder.hidden(ids);
    return routes().size;
}

// The dearer a parameter, the smaller the mean size. Doubled until the size lies on the other side, then
// halved in.
void ElasticObjective::meetOnText(const Decoder& decoder, const std::vector<at::Tensor>& windows,
                                  double budget, double size, double tolerance) {
    double& price = prices_[budget] = 0;
    double best = 0, nearest = std::numeric_limits<double>::infinity(), low = 0, high = 0;
    const auto off = [&](double tried) {
        price = tried;
        const double found = followedSize(decoder, windows, budget) / size - 1;
        if (std::abs(found) < nearest) {
            nearest = std::abs(found);
            best = tried;
        }
        return found;
    };
    const double first = off(0), way = first > 0 ? 1 : -1;
    bool crossed = false;
    double far = way;
    for (int step = 0; step < kMostSteps && nearest > tolerance; ++step) {
        const double tried = crossed ? (low + high) / 2 : far;
        const bool still = (off(tried) > 0) == (first > 0);  // on the side where it began
        crossed = crossed || !still;
        (still ? low : high) = tried;
        far *= 2;
    }
    price = best;
}

}  // namespace vitrine
