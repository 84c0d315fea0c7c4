#include "core/sparse_training/latency_budget.h"

#include "core/base/check.h"
#include "core/puzzle/architecture_solver.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

namespace vitrine {
namespace {

// What all scores sum to for the solver, whose tolerances are absolute.
constexpr double kScoreSum = 1e4;
constexpr double kSlack = 1e-9;  // relative: of sums of times

Result<void> checkOptions(const ClassifierNetwork& network, const LatencyOptions& options) {
    if (!(options.part > 0 && options.part <= 1))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a latency is a part of the dense network's, above 0 and at most 1; this is "
                                "{}",
                                options.part),
                    "settings.latency");
    if (options.group < 1)
        return fail(ErrorCode::InvalidArgument, "a group has at least one channel", "settings.group");
    if (network.channelGroups().empty())
        return fail(ErrorCode::Unsupported, "the network has no inner channels that could be cut out",
                    "settings.network", "Train a ResNet or a ViT");
    return options.table.checkFits(network, options.group);
}

}  // namespace

Result<LatencyBudget> LatencyBudget::create(const ClassifierNetwork& network, const LatencyOptions& options) {
    VITRINE_TRY_VOID(checkOptions(network, options));
    LatencyBudget budget;
    budget.part_ = options.part;
    budget.group_ = options.group;
    budget.outsideMs_ = options.table.outsideMs;
    std::set<size_t> seen;
    for (const ChannelGroup& channels : network.channelGroups()) {
        budget.steps_.push_back(channelSteps(channels.channels, options.group));
        std::vector<double> costs(budget.steps_.back().size(), 0);
        for (const ChannelGroup::Member& member : channels.members) {
            const ClassifierParameter& parameter = network.parameters()[member.parameter];
            if (!parameter.prunable)
                continue;
            // Else its time would not be a sum over layers.
            VITRINE_CHECK(seen.insert(member.parameter).second, "a weight loses the channels of one layer");
            const LayerLatency* layer = options.table.find(parameter.name);
            for (size_t step = 0; step < costs.size(); ++step) {
                const int64_t count = budget.steps_.back()[step];
                costs[step] += member.dimension == 0 ? *layer->at(parameter.shape[1], count)
                                                     : *layer->at(count, parameter.shape[0]);
            }
        }
        budget.costs_.push_back(std::move(costs));
    }
    std::vector<int64_t> whole;
    for (const auto& steps : budget.steps_)
        whole.push_back(steps.back());
    budget.denseMs_ = budget.predictedMs(whole);
    const double least = budget.leastMs(whole);
    if (!(budget.denseMs_ > 0 && least > 0))
        return fail(ErrorCode::InvalidFile,
                    fmt::format("the latency table says that the network takes {:.4g} ms, and {:.4g} ms at "
                                "least",
                                budget.denseMs_, least),
                    "settings.latency_table", "Measure it again");
    if (least > budget.limitMs() * (1 + kSlack))
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("{:.3g} % of the dense network's {:.4g} ms are {:.4g} ms, but it takes {:.4g} ms "
                        "({:.3g} %) with as few groups of {} channels as can be",
                        100 * options.part, budget.denseMs_, budget.limitMs(), least,
                        100 * least / budget.denseMs_, options.group),
            "settings.latency",
            fmt::format("Raise it to {:.3g} or more, or make groups smaller (settings.group)",
                        std::ceil(1000 * least / budget.denseMs_) / 1000));
    return budget;
}

double LatencyBudget::cost(size_t layer, int64_t channels) const {
    const auto& steps = steps_[layer];
    const auto found = std::find(steps.begin(), steps.end(), channels);
    VITRINE_CHECK(found != steps.end(), "channels stay in whole groups");
    return costs_[layer][size_t(found - steps.begin())];
}

double LatencyBudget::predictedMs(const std::vector<int64_t>& channels) const {
    double sum = outsideMs_;
    for (size_t layer = 0; layer < steps_.size(); ++layer)
        sum += cost(layer, channels[layer]);
    return sum;
}

double LatencyBudget::leastMs(const std::vector<int64_t>& most) const {
    double sum = outsideMs_;
    for (size_t layer = 0; layer < steps_.size(); ++layer) {
        double least = std::numeric_limits<double>::infinity();
        for (size_t step = 0; step < steps_[layer].size() && steps_[layer][step] <= most[layer]; ++step)
            least = std::min(least, costs_[layer][step]);
        sum += least;
    }
    return sum;
}

std::vector<int64_t> LatencyBudget::evenCounts(double limitMs) const {
    std::set<double, std::greater<>> parts;
    for (const auto& steps : steps_)
        for (const int64_t count : steps)
            parts.insert(double(count) / double(steps.back()));
    for (const double part : parts) {
        std::vector<int64_t> counts;
        for (const auto& steps : steps_) {
            int64_t count = steps.front();
            for (const int64_t step : steps)
                if (double(step) <= part * double(steps.back()) * (1 + 1e-9))
                    count = step;
            counts.push_back(count);
        }
        if (predictedMs(counts) <= limitMs * (1 + kSlack))
            return counts;
    }
    std::vector<int64_t> counts;
    for (size_t layer = 0; layer < steps_.size(); ++layer) {
        const auto& costs = costs_[layer];
        counts.push_back(steps_[layer][size_t(std::min_element(costs.begin(), costs.end()) - costs.begin())]);
    }
    return counts;
}

Result<std::vector<int64_t>> LatencyBudget::choose(const std::vector<LatencyCandidates>& layers,
                                                   double limitMs) const {
    VITRINE_CHECK(layers.size() == steps_.size(), "there are candidates for every layer");
    double all = 0;
    for (const LatencyCandidates& layer : layers)
        for (const double score : layer.scores)
            all += score;
    const double scale = all > 0 ? kScoreSum / all : 0;
    // One group after another, the best first: a layer's variants are how many channels it has.
    ArchitectureProblem problem;
    for (size_t layer = 0; layer < layers.size(); ++layer) {
        std::vector<double> sums{0};
        for (const double score : layers[layer].scores)
            sums.push_back(sums.back() + score);
        std::vector<double> row;
        for (const int64_t count : steps_[layer]) {
            const int64_t more = count - layers[layer].kept;
            const bool possible = more >= 0 && more < int64_t(sums.size());
            row.push_back(possible ? -scale * sums[size_t(more)] : std::numeric_limits<double>::quiet_NaN());
        }
        problem.scores.push_back(std::move(row));
    }
    problem.budgets.push_back({"milliseconds of latency", costs_, limitMs - outsideMs_, outsideMs_});
    VITRINE_TRY(const ArchitectureSolution solution, solveArchitecture(problem));
    // A time limit that struck would make runs differ.
    if (!solution.proven)
        return fail(ErrorCode::Unsupported,
                    fmt::format("the best channels were not found within {} s", problem.seconds),
                    "settings.group", "Make groups larger");
    std::vector<int64_t> counts;
    for (size_t layer = 0; layer < steps_.size(); ++layer)
        counts.push_back(steps_[layer][size_t(solution.choice[layer])]);
    return counts;
}

}  // namespace vitrine
