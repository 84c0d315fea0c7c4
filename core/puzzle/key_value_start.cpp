#include "core/puzzle/key_value_start.h"

#include "core/base/check.h"

#include <algorithm>
#include <array>

namespace vitrine {
namespace {

constexpr std::array<std::pair<const char*, KeyValueStart>, 3> kNames{
    {{"average", KeyValueStart::Average}, {"first", KeyValueStart::First}, {"prune", KeyValueStart::Prune}}};

constexpr const char* kQuery = "self_attn.q_proj.";
constexpr const char* kKey = "self_attn.k_proj.";
constexpr const char* kValue = "self_attn.v_proj.";
constexpr const char* kOut = "self_attn.o_proj.weight";

// Rows (old·headWidth, ...) of `old` heads: the mean or the first of each of `count` runs of neighbours.
at::Tensor mergedHeads(const at::Tensor& rows, int64_t old, int64_t count, int64_t headWidth, bool mean) {
    std::vector<int64_t> shape = rows.sizes().vec();
    std::vector<int64_t> grouped = {count, old / count, headWidth};
    grouped.insert(grouped.end(), shape.begin() + 1, shape.end());
    shape[0] = count * headWidth;
    const at::Tensor groups = rows.reshape(grouped);
    return (mean ? groups.mean(1) : groups.select(1, 0)).reshape(shape).contiguous();
}

// Whole groups of rows (groups·size, ...) in another order; some may be left out.
at::Tensor pickedGroups(const at::Tensor& rows, int64_t groups, const std::vector<int64_t>& order) {
    std::vector<int64_t> shape = rows.sizes().vec();
    std::vector<int64_t> grouped = {groups, shape[0] / groups};
    grouped.insert(grouped.end(), shape.begin() + 1, shape.end());
    shape[0] = int64_t(order.size()) * (shape[0] / groups);
    return rows.reshape(grouped)
        .index_select(0, at::tensor(order, at::kLong).to(rows.device()))
        .reshape(shape);
}

struct Kept {
    std::vector<int64_t> kept;   // key/value heads that stay, ascending
    std::vector<int64_t> order;  // all of them: each kept one, then those that go with it
};

Kept keptHeads(const at::Tensor& scores, int64_t count) {
    const int64_t old = scores.numel();
    Kept heads;
    std::vector<int64_t> removed;
    const at::Tensor ranked = std::get<1>(scores.to(at::kCPU, at::kDouble).sort(true, 0, true)).contiguous();
    heads.kept.assign(ranked.const_data_ptr<int64_t>(), ranked.const_data_ptr<int64_t>() + count);
    std::sort(heads.kept.begin(), heads.kept.end());
    for (int64_t head = 0; head < old; ++head)
        if (!std::binary_search(heads.kept.begin(), heads.kept.end(), head))
            removed.push_back(head);
    const int64_t others = old / count - 1;
    for (int64_t group = 0; group < count; ++group) {
        heads.order.push_back(heads.kept[size_t(group)]);
        heads.order.insert(heads.order.end(), removed.begin() + group * others,
                           removed.begin() + (group + 1) * others);
    }
    return heads;
}

void prune(const AttentionSettings& settings, std::map<std::string, at::Tensor>& weights, int64_t count,
           const at::Tensor& scores) {
    const int64_t old = settings.keyValueHeads, reduction = old / count;
    VITRINE_CHECK(scores.defined() && scores.numel() == old, "a score for each key/value head");
    const Kept heads = keptHeads(scores, count);
    for (auto& [name, weight] : weights) {
        if (name.starts_with(kKey) || name.starts_with(kValue))
            weight = pickedGroups(weight, old, heads.kept);
        else if (name.starts_with(kQuery))
            weight = pickedGroups(weight, old, heads.order);
        else if (name == kOut) {
            at::Tensor columns = pickedGroups(weight.t().contiguous(), old, heads.order);
            const int64_t size = columns.size(0) / old;
            for (int64_t place = 0; place < old; ++place)
                if (place % reduction != 0)
                    columns.narrow(0, place * size, size).zero_();
            weight = columns.t().contiguous();
        }
    }
}

}  // namespace

const char* keyValueStartName(KeyValueStart start) {
    return std::find_if(kNames.begin(), kNames.end(), [&](const auto& each) { return each.second == start; })
        ->first;
}

Result<KeyValueStart> keyValueStartFromName(const std::string& name) {
    for (const auto& [known, start] : kNames)
        if (name == known)
            return start;
    return fail(ErrorCode::InvalidArgument, fmt::format("there is no start \"{}\" of key/value heads", name),
                "key_value_start", "One of average, first, prune");
}

void KeyValueScores::add(const at::Tensor& heads, const at::Tensor& outWeight,
                         const AttentionSettings& settings) {
    const int64_t size = settings.groupSize() * settings.headWidth;
    const at::Tensor x = heads.flatten(0, -2).to(at::kFloat), weight = outWeight.to(at::kFloat);
    std::vector<at::Tensor> norms;
    for (int64_t group = 0; group < settings.keyValueHeads; ++group)
        norms.push_back(x.narrow(1, group * size, size)
                            .matmul(weight.narrow(1, group * size, size).t())
                            .norm(2, 1)
                            .sum(at::kDouble));
    const at::Tensor sum = at::stack(norms).to(at::kCPU);
    sums_ = sums_.defined() ? sums_ + sum : sum;
    tokens_ += double(x.size(0));
}

at::Tensor KeyValueScores::scores() const {
    return sums_.defined() ? sums_ / tokens_ : at::Tensor();
}

void keepKeyValueHeads(AttentionSettings& settings, std::map<std::string, at::Tensor>& weights, int64_t count,
                       KeyValueStart start, const at::Tensor& scores) {
    VITRINE_CHECK(count >= 1 && settings.keyValueHeads % count == 0,
                  "the new heads must divide the old ones");
    if (start == KeyValueStart::Prune) {
        prune(settings, weights, count, scores);
    } else {
        for (const char* role : {kKey, kValue})
            for (auto& [name, weight] : weights)
                if (name.starts_with(role))
                    weight = mergedHeads(weight, settings.keyValueHeads, count, settings.headWidth,
                                         start == KeyValueStart::Average);
    }
    settings.keyValueHeads = count;
}

}  // namespace vitrine
