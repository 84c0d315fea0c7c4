#include "core/structured/head_merge.h"

#include "core/models/language/decoder_block.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr std::pair<HeadMerge, const char*> kNames[] = {
    {HeadMerge::None, "none"}, {HeadMerge::Residual, "residual"}, {HeadMerge::Outputs, "outputs"}};

// One key/value group of a block: its heads in order of importance, the first `kept` of which stay.
struct Group {
    std::vector<int64_t> heads;
    int64_t kept = 0;
};

Result<std::vector<Group>> groupsOf(const LayerSlice& layer, const SlicePlan& order,
                                    const AttentionSettings& attention) {
    const std::string where = fmt::format("block {}", layer.source);
    const auto sorted = std::find_if(order.layers.begin(), order.layers.end(),
                                     [&](const LayerSlice& each) { return each.source == layer.source; });
    if (sorted == order.layers.end() || !sorted->heads.defined() ||
        sorted->heads.numel() != attention.queryHeads)
        return fail(ErrorCode::InvalidArgument, "the order of all query heads is missing", where,
                    "Give the sorted plan of the model");
    const int64_t size = attention.groupSize(), kept = layer.heads.numel() / attention.keyValueHeads;
    std::vector<Group> groups;
    for (int64_t group = 0; group < attention.keyValueHeads; ++group) {
        const at::Tensor all = sorted->heads.narrow(0, group * size, size).contiguous();
        if (!all.narrow(0, 0, kept).equal(layer.heads.narrow(0, group * kept, kept)))
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("the query heads that stay in group {} are not the front of the order", group),
                where, "Make both plans with the same options");
        const int64_t* data = all.const_data_ptr<int64_t>();
        groups.push_back({{data, data + size}, kept});
    }
    return groups;
}

// Rows of a head in a matrix or vector (heads · headWidth, ...).
at::Tensor rows(const at::Tensor& weight, int64_t head, int64_t headWidth) {
    return weight.narrow(0, head * headWidth, headWidth);
}

void takeResiduals(DecoderBlock& block, const Group& group) {
    const int64_t headWidth = block.settings().attention.headWidth;
    const auto query = block.linear(LinearRole::Query);
    for (const at::Tensor& weight : {query->weight, query->bias}) {
        if (!weight.defined())
            continue;
        for (const MergedHeads& pair : residualPairs(group.kept, int64_t(group.heads.size()))) {
            at::Tensor kept = rows(weight, group.heads[size_t(pair.kept)], headWidth);
            kept.add_(kept - rows(weight, group.heads[size_t(pair.gone)], headWidth));
        }
    }
}

void takeOutputs(DecoderBlock& block, const Group& group) {
    const int64_t headWidth = block.settings().attention.headWidth;
    const auto query = block.linear(LinearRole::Query);
    const at::Tensor columns = block.linear(LinearRole::Out)->weight.t();
    const auto queriesOf = [&](int64_t place) {
        at::Tensor all = rows(query->weight, group.heads[size_t(place)], headWidth).flatten();
        if (query->bias.defined())
            all = at::cat({all, rows(query->bias, group.heads[size_t(place)], headWidth)});
        return all.to(at::kDouble);
    };
    for (int64_t gone = group.kept; gone < int64_t(group.heads.size()); ++gone) {
        const at::Tensor queries = queriesOf(gone);
        int64_t nearest = 0;
        double most = -2;
        for (int64_t kept = 0; kept < group.kept; ++kept) {
            const double alike = at::cosine_similarity(queries, queriesOf(kept), 0).item<double>();
            if (alike > most) {
                most = alike;
                nearest = kept;
            }
        }
        rows(columns, group.heads[size_t(nearest)], headWidth)
            .add_(rows(columns, group.heads[size_t(gone)], headWidth));
    }
}

}  // namespace

const char* headMergeName(HeadMerge merge) {
    for (const auto& [value, name] : kNames)
        if (value == merge)
            return name;
    return "";
}

Result<HeadMerge> headMergeFromName(const std::string& name) {
    for (const auto& [value, known] : kNames)
        if (name == known)
            return value;
    return fail(ErrorCode::InvalidArgument, fmt::format("heads cannot be merged by \"{}\"", name), {},
                "Known: none, residual, outputs");
}

std::vector<MergedHeads> residualPairs(int64_t kept, int64_t all) {
    std::vector<MergedHeads> pairs;
    for (int64_t i = std::max<int64_t>(0, 2 * kept - all) + 1; i <= kept; ++i)
        if (kept < all)
            pairs.push_back({i - 1, 2 * kept - i});
    return pairs;
}

Result<std::unique_ptr<LanguageModel>> mergeHeads(const LanguageModel& model, const SlicePlan& plan,
                                                  const SlicePlan& order, HeadMerge how) {
    const at::NoGradGuard noGrad;
    VITRINE_TRY_VOID(slicedConfig(model.config(), plan));
    auto merged = model.clone();
    if (how == HeadMerge::None)
        return merged;
    for (const LayerSlice& layer : plan.layers) {
        DecoderBlock& block = *merged->decoder().block(layer.source);
        const AttentionSettings& attention = block.settings().attention;
        if (!layer.heads.defined() || !layer.attention || attention.kind != SubLayerKind::Standard)
            continue;
        VITRINE_TRY(const auto groups, groupsOf(layer, order, attention));
        for (const Group& group : groups)
            how == HeadMerge::Residual ? takeResiduals(block, group) : takeOutputs(block, group);
    }
    merged->decoder().joinProjections();
    return merged;
}

}  // namespace vitrine
