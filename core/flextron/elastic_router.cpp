// What the routers of an ElasticObjective say for a budget, and the choice that it becomes.
#include "core/flextron/elastic_objective.h"

#include <cmath>
#include <limits>
#include <optional>

namespace vitrine {

namespace {

constexpr double kLeak = 0.1;  // of the leaky ReLU

}  // namespace

// One-hot over the budgets; between two of them their mixture.
at::Tensor ElasticObjective::budgetCode(double budget) const {
    const std::vector<double>& budgets = options_.budgets;
    at::Tensor code = at::zeros({int64_t(budgets.size())});
    size_t below = 0;
    while (below + 1 < budgets.size() && budgets[below] > budget)
        ++below;
    if (below == 0 || budgets[below] >= budget) {
        code[int64_t(below)] = 1;
    } else {
        const double part = (budget - budgets[below]) / (budgets[below - 1] - budgets[below]);
        code[int64_t(below) - 1] = part;
        code[int64_t(below)] = 1 - part;
    }
    return code.to(first_.device());
}

at::Tensor ElasticObjective::routerLogits(double budget) const {
    const at::Tensor hidden = at::leaky_relu(at::mv(first_, budgetCode(budget)) + firstBias_, kLeak);
    return (at::mv(second_, hidden) + secondBias_).reshape({config_.depth(), -1});
}

// Softmax over the shares of neurons and over those of heads.
at::Tensor ElasticObjective::split(const at::Tensor& values, bool logarithm) const {
    const auto count = int64_t(options_.space.neuronShares.size());
    const auto part = [&](const at::Tensor& one) { return logarithm ? one.log_softmax(1) : one.softmax(1); };
    return at::cat({part(values.narrow(1, 0, count)), part(values.narrow(1, count, values.size(1) - count))},
                   1);
}

at::Tensor ElasticObjective::probabilities(double budget, double scale) const {
    const at::NoGradGuard plain;
    return split(routerLogits(budget) * scale, false);
}

double ElasticObjective::largestProbability(double budget) const {
    if (!options_.routed)
        return 1;
    const at::Tensor all = probabilities(budget, options_.scaleEnd);
    const auto count = int64_t(options_.space.neuronShares.size());
    const double neurons = std::get<0>(all.narrow(1, 0, count).max(1)).mean().item<double>();
    const double heads = std::get<0>(all.narrow(1, count, all.size(1) - count).max(1)).mean().item<double>();
    return options_.space.headShares.size() > 1 ? (neurons + heads) / 2 : neurons;
}

ElasticChoice ElasticObjective::choiceFor(double budget) const {
    const auto count = int64_t(options_.space.neuronShares.size());
    if (!options_.routed) {
        ElasticChoice best = sameChoice(config_, {count - 1, int64_t(options_.space.headShares.size()) - 1});
        double size = 0;
        for (int64_t n = 0; n < count; ++n)
            for (int64_t h = 0; h < int64_t(options_.space.headShares.size()); ++h) {
                const ElasticChoice one = sameChoice(config_, {n, h});
                const double share = elasticShare(config_, options_.space, one);
                if (share <= budget * (1 + 1e-9) && share > size) {
                    best = one;
                    size = share;
                }
            }
        return best;
    }
    const at::Tensor all = probabilities(budget, 1);
    const at::Tensor neurons = all.narrow(1, 0, count).argmax(1).cpu(),
                     heads = all.narrow(1, count, all.size(1) - count).argmax(1).cpu();
    ElasticChoice choice;
    for (int64_t block = 0; block < config_.depth(); ++block)
        choice.push_back({neurons[block].item<int64_t>(), heads[block].item<int64_t>()});
    meetBudget(choice, budget);
    return choice;
}

void ElasticObjective::meetBudget(ElasticChoice& choice, double budget) const {
    const auto count = int64_t(options_.space.neuronShares.size()),
               heads = int64_t(options_.space.headShares.size());
    const at::NoGradGuard plain;
    const at::Tensor likelihood = split(routerLogits(budget), true).cpu();
    const auto off = [&](const ElasticChoice& one) {
        return std::abs(elasticShare(config_, options_.space, one) / budget - 1);
    };
    for (double now = off(choice); now > options_.deadZone;) {
        const int64_t by = elasticShare(config_, options_.space, choice) > budget ? 1 : -1;
        std::optional<ElasticChoice> best;
        double least = std::numeric_limits<double>::infinity();
        for (size_t block = 0; block < choice.size(); ++block)
            for (const bool neuron : {true, false}) {
                ElasticChoice one = choice;
                int64_t& index = neuron ? one[block].neurons : one[block].heads;
                const int64_t first = neuron ? 0 : count, from = index;
                index += by;
                if (index < 0 || index >= (neuron ? count : heads) || off(one) >= now)
                    continue;
                const at::Tensor row = likelihood[int64_t(block)];
                const double loss = row[first + from].item<double>() - row[first + index].item<double>();
                if (loss < least) {
                    least = loss;
                    best = std::move(one);
                }
            }
        if (!best)
            return;
        choice = *best;
        now = off(choice);
    }
}

}  // namespace vitrine
