#include "core/structured/structure_search.h"

#include <algorithm>
#include <limits>

namespace vitrine {
namespace {

Result<void> checkSizes(const DecoderConfig& config, const SearchGrid& grid) {
    const LayerSettings& layer = config.layers.front();
    const auto check = [](const std::vector<int64_t>& values, int64_t most,
                          const char* where) -> Result<void> {
        for (const int64_t value : values)
            if (value < 1 || value > most)
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("the model has {}, a candidate asks for {}", most, value),
                            std::string("settings/grid/") + where);
        return {};
    };
    VITRINE_TRY_VOID(check(grid.widths, config.width, "width"));
    VITRINE_TRY_VOID(check(grid.heads, layer.attention.queryHeads, "heads"));
    VITRINE_TRY_VOID(check(grid.intermediates, layer.feedForward.intermediate, "intermediate"));
    VITRINE_TRY_VOID(check(grid.depths, config.depth(), "depth"));
    for (const int64_t heads : grid.heads)
        if (heads % layer.attention.keyValueHeads != 0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} query heads cannot share {} key/value heads evenly", heads,
                                    layer.attention.keyValueHeads),
                        "settings/grid/heads");
    return {};
}

DecoderConfig resized(const DecoderConfig& config, const StructureSizes& sizes) {
    DecoderConfig result = config;
    result.width = sizes.width;
    result.layers.resize(size_t(sizes.depth));
    for (LayerSettings& layer : result.layers) {
        layer.attention.queryHeads = sizes.heads;
        layer.feedForward.intermediate = sizes.intermediate;
    }
    return result;
}

std::vector<int64_t> orOwn(const std::vector<int64_t>& values, int64_t own) {
    return values.empty() ? std::vector<int64_t>{own} : values;
}

// How much of the nearest limit a candidate takes; above 1: too large.
double useOf(const StructureCost& cost, const SearchBudget& budget) {
    double use = 0;
    if (budget.parameters > 0)
        use = std::max(use, double(cost.parameters) / double(budget.parameters));
    if (budget.bytes > 0)
        use = std::max(use, cost.bytes() / budget.bytes);
    return use;
}

}  // namespace

Result<std::vector<SearchCandidate>> searchCandidates(const DecoderConfig& config, const SearchGrid& grid,
                                                      const SearchBudget& budget, int64_t count) {
    if (config.layers.empty() || !config.uniform())
        return fail(ErrorCode::Unsupported, "the search cuts models whose layers are alike", "settings/grid",
                    "Search layer by layer with a run of puzzle");
    VITRINE_TRY_VOID(checkSizes(config, grid));
    const LayerSettings& layer = config.layers.front();
    std::vector<SearchCandidate> all;
    for (const int64_t width : orOwn(grid.widths, config.width))
        for (const int64_t heads : orOwn(grid.heads, layer.attention.queryHeads))
            for (const int64_t neurons : orOwn(grid.intermediates, layer.feedForward.intermediate))
                for (const int64_t depth : orOwn(grid.depths, config.depth())) {
                    const StructureSizes sizes{width, heads, neurons, depth};
                    all.push_back({sizes, structureCost(resized(config, sizes), budget.profile)});
                }
    std::stable_sort(all.begin(), all.end(), [](const SearchCandidate& a, const SearchCandidate& b) {
        return a.cost.parameters > b.cost.parameters;
    });
    const SearchCandidate smallest = all.back();
    const bool limited = budget.parameters > 0 || budget.bytes > 0;
    std::erase_if(all, [&](const SearchCandidate& candidate) {
        const double use = useOf(candidate.cost, budget);
        return limited && (use > 1 || use < budget.leastShare);
    });
    if (all.empty())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("no candidate lies within {:.0f} to 100 % of the budget of {} parameters and "
                                "{:.0f} bytes; the smallest has {} parameters and {:.0f} bytes",
                                100 * budget.leastShare, budget.parameters, budget.bytes,
                                smallest.cost.parameters, smallest.cost.bytes()),
                    "settings/budget", "Widen the grid or the budget, or lower the least share");
    if (int64_t(all.size()) > count)
        all.resize(size_t(std::max<int64_t>(1, count)));
    return all;
}

int64_t rankFlips(const std::vector<double>& before, const std::vector<double>& after) {
    int64_t flips = 0;
    for (size_t i = 0; i < before.size(); ++i)
        for (size_t j = i + 1; j < std::min(before.size(), after.size()); ++j)
            flips += (before[i] - before[j]) * (after[i] - after[j]) < 0;
    return flips;
}

}  // namespace vitrine
