// Which structures stay, by a ranking.
#include "core/distill/random_stream.h"
#include "core/structured/slicer.h"

#include <algorithm>

namespace vitrine {
namespace {

class Planner {
  public:
    Planner(const DecoderConfig& config, const StructureRanking& ranking, const SelectionOptions& options)
        : config_(config), ranking_(ranking), options_(options) {}

    Result<SlicePlan> plan(const StructureSizes& sizes, bool sortAll) const {
        if (ranking_.depth() != config_.depth() || ranking_.width() != config_.width)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the ranking is of {} blocks and width {}, the model has {} and {}",
                                    ranking_.depth(), ranking_.width(), config_.depth(), config_.width),
                        "ranking", "Rank the structures of this model");
        SlicePlan plan = wholePlan(config_);
        if (sizes.width > 0 || sortAll) {
            VITRINE_TRY(plan.channels, best(ranking_.channelScores(options_.aggregation),
                                            sizes.width > 0 ? sizes.width : config_.width, "channels"));
        }
        for (LayerSlice& layer : plan.layers) {
            VITRINE_TRY_VOID(choose(layer, sizes, sortAll));
        }
        if (sizes.depth > 0) {
            VITRINE_TRY_VOID(dropBlocks(plan, sizes.depth));
        }
        return plan;
    }

  private:
    Result<void> choose(LayerSlice& layer, const StructureSizes& sizes, bool sortAll) const {
        const LayerSettings& settings = config_.layers[size_t(layer.source)];
        if ((sizes.intermediate > 0 || sortAll) && settings.feedForward.kind == SubLayerKind::Standard) {
            const int64_t count =
                sizes.intermediate > 0 ? sizes.intermediate : settings.feedForward.intermediate;
            VITRINE_TRY(layer.neurons,
                        best(ranking_.neuronScores(layer.source, options_.aggregation, options_.neuronScore),
                             count, fmt::format("neurons of block {}", layer.source)));
        }
        if ((sizes.heads > 0 || sortAll) && settings.attention.kind == SubLayerKind::Standard) {
            const int64_t count = sizes.heads > 0 ? sizes.heads : settings.attention.queryHeads;
            VITRINE_TRY(layer.heads, bestHeads(layer.source, settings.attention, count));
        }
        return {};
    }

    // Indices of the `count` best scores, best first.
    Result<at::Tensor> best(const at::Tensor& scores, int64_t count, const std::string& what) const {
        if (!scores.defined())
            return fail(ErrorCode::InvalidArgument, "the ranking has no scores of the " + what, "ranking");
        if (count < 1 || count > scores.numel())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} of the {} are to stay; there are {}", count, what, scores.numel()),
                        "sizes");
        return order(scores, what).narrow(0, 0, count).clone();
    }

    at::Tensor order(const at::Tensor& scores, const std::string& what) const {
        if (options_.selection == Selection::Random)
            return at::randperm(scores.numel(), randomStream(options_.seed, 0, "slice " + what),
                                at::TensorOptions(at::kLong));
        // Stable: equal scores keep their order.
        const bool descending = options_.selection == Selection::Importance;
        return std::get<1>(scores.sort(true, 0, descending));
    }

    Result<at::Tensor> bestHeads(int64_t block, const AttentionSettings& attention, int64_t count) const {
        const std::string what = fmt::format("query heads of block {}", block);
        if (count % attention.keyValueHeads != 0 || count < 1 || count > attention.queryHeads)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} of the {} {} are to stay, shared by {} key/value heads", count,
                                    attention.queryHeads, what, attention.keyValueHeads),
                        "sizes", fmt::format("Keep a multiple of {}", attention.keyValueHeads));
        const at::Tensor scores = ranking_.headScores(block, options_.aggregation);
        const int64_t group = attention.groupSize(), each = count / attention.keyValueHeads;
        std::vector<at::Tensor> kept;
        for (int64_t g = 0; g < attention.keyValueHeads; ++g) {
            VITRINE_TRY(const at::Tensor inside,
                        best(scores.narrow(0, g * group, group), each, fmt::format("{}, group {}", what, g)));
            kept.push_back(inside + g * group);
        }
        return at::cat(kept);
    }

    Result<void> dropBlocks(SlicePlan& plan, int64_t depth) const {
        const auto found = ranking_.blocks.find(options_.blockMetric);
        if (found == ranking_.blocks.end())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the ranking has no influence of blocks by \"{}\"", options_.blockMetric),
                        "ranking", "Rank with that metric, or take cosine, relative_l1 or relative_l2");
        VITRINE_TRY(const at::Tensor kept, best(found->second, depth, "blocks"));
        std::vector<LayerSlice> layers;
        for (const LayerSlice& layer : plan.layers)
            if (kept.eq(layer.source).any().item<bool>())
                layers.push_back(layer);
        plan.layers = std::move(layers);
        return {};
    }

    const DecoderConfig& config_;
    const StructureRanking& ranking_;
    const SelectionOptions& options_;
};

}  // namespace

Json StructureSizes::json() const {
    return {{"width", width}, {"heads", heads}, {"intermediate", intermediate}, {"depth", depth}};
}

Result<SlicePlan> planFor(const DecoderConfig& config, const StructureRanking& ranking,
                          const StructureSizes& sizes, const SelectionOptions& options) {
    return Planner(config, ranking, options).plan(sizes, false);
}

Result<SlicePlan> sortedPlan(const DecoderConfig& config, const StructureRanking& ranking,
                             const SelectionOptions& options) {
    return Planner(config, ranking, options).plan({}, true);
}

}  // namespace vitrine
