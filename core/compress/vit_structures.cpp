#include "core/compress/vit_structures.h"

#include "core/compress/vit_ranks.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

enum class Axis { None, Heads, PackedHeads, Neurons, PackedNeurons };

// `tensor` ends a name below its block; Packed: queries, keys and values, or gate and value, behind one
// another.
struct AxisUse {
    const char* tensor;
    Axis rows, columns;
};
constexpr AxisUse kUses[] = {
    {"attn.qkv.weight", Axis::PackedHeads, Axis::None},
    {"attn.qkv.bias", Axis::PackedHeads, Axis::None},
    {"attn.proj.weight", Axis::None, Axis::Heads},
    {"mlp.fc1.weight", Axis::Neurons, Axis::None},
    {"mlp.fc1.bias", Axis::Neurons, Axis::None},
    {"mlp.norm.weight", Axis::Neurons, Axis::None},
    {"mlp.norm.bias", Axis::Neurons, Axis::None},
    {"mlp.fc2.weight", Axis::None, Axis::Neurons},
    {"mlp.w12.weight", Axis::PackedNeurons, Axis::None},
    {"mlp.w12.bias", Axis::PackedNeurons, Axis::None},
    {"mlp.w3.weight", Axis::None, Axis::Neurons},
    {"mlp.gate_proj.weight", Axis::Neurons, Axis::None},
    {"mlp.gate_proj.bias", Axis::Neurons, Axis::None},
    {"mlp.up_proj.weight", Axis::Neurons, Axis::None},
    {"mlp.up_proj.bias", Axis::Neurons, Axis::None},
    {"mlp.down_proj.weight", Axis::None, Axis::Neurons},
    {"self_attn.in_proj_weight", Axis::PackedHeads, Axis::None},
    {"self_attn.in_proj_bias", Axis::PackedHeads, Axis::None},
    {"self_attn.out_proj.weight", Axis::None, Axis::Heads},
    {"linear1.weight", Axis::Neurons, Axis::None},
    {"linear1.bias", Axis::Neurons, Axis::None},
    {"linear2.weight", Axis::None, Axis::Neurons},
};
constexpr const char* kPostNormBlocks = "transformer.layers.";
constexpr std::string_view kEmbedder = "patch_generator.embedder.weight";

// What the names of the trunk's blocks begin with, without the number.
template <typename Named>
Result<std::string> blocksPrefix(const Named& tensors) {
    for (const auto& [name, tensor] : tensors) {
        if (name.starts_with(kPostNormBlocks))
            return std::string(kPostNormBlocks);
        if (name.ends_with(kEmbedder))
            return name.substr(0, name.size() - kEmbedder.size()) + "blocks.";
    }
    return fail(ErrorCode::Unsupported, "these tensors have no blocks of a ViT that structures are cut from",
                {}, "ViTs of the families radio and vit_cifar are");
}

// The block that a tensor belongs to and the rest of its name; nothing for those of no block.
std::optional<std::pair<int64_t, std::string>> inBlock(const std::string& name, const std::string& prefix) {
    if (!name.starts_with(prefix))
        return std::nullopt;
    const size_t dot = name.find('.', prefix.size());
    if (dot == std::string::npos || dot == prefix.size() || dot - prefix.size() > 6 ||
        name.find_first_not_of("0123456789", prefix.size()) != dot)
        return std::nullopt;
    return std::pair(std::stoll(name.substr(prefix.size(), dot - prefix.size())), name.substr(dot + 1));
}

at::Tensor packed(const at::Tensor& places, int64_t parts, int64_t size) {
    std::vector<at::Tensor> all;
    for (int64_t part = 0; part < parts; ++part)
        all.push_back(places + part * size);
    return at::cat(all);
}

int64_t partsOf(Axis axis) {
    return axis == Axis::PackedHeads ? 3 : axis == Axis::PackedNeurons ? 2 : 1;
}

// Rows or columns that stay of `size`, of heads (h) out of `headCount` or hidden units (n).
at::Tensor placesOf(Axis axis, int64_t size, const at::Tensor& heads, int64_t headCount,
                    const at::Tensor& neurons) {
    const int64_t parts = partsOf(axis);
    if (axis == Axis::Neurons || axis == Axis::PackedNeurons)
        return packed(neurons, parts, size / parts);
    const int64_t headWidth = size / parts / headCount;
    const at::Tensor channels = (heads.unsqueeze(1) * headWidth + at::arange(headWidth, at::kLong)).flatten();
    return packed(channels, parts, size / parts);
}

at::Tensor indexed(const at::Tensor& tensor, int64_t dimension, const at::Tensor& places) {
    return tensor.index_select(dimension, places).contiguous();
}

// Heads that go are 0 in their places; hidden units move together, zeros behind them up to `widest`.
at::Tensor padded(const at::Tensor& tensor, int64_t dimension, Axis axis, const at::Tensor& places,
                  int64_t widest) {
    const at::Tensor cut = indexed(tensor, dimension, places);
    if (axis == Axis::Heads || axis == Axis::PackedHeads)
        return at::zeros_like(tensor).index_copy(dimension, places, cut);
    std::vector<at::Tensor> parts;
    for (const at::Tensor& part : cut.chunk(axis == Axis::PackedNeurons ? 2 : 1, dimension)) {
        auto sizes = part.sizes().vec();
        sizes[size_t(dimension)] = widest - part.size(dimension);
        parts.push_back(at::cat({part, at::zeros(sizes, part.options())}, dimension));
    }
    return at::cat(parts, dimension);
}

// Statistics of intermediate layers have a row for each block.
bool isOfEachBlock(const std::string& name, const at::Tensor& tensor, int64_t depth) {
    return name.find("inter") != std::string::npos && name.find("feature_normalizer.") != std::string::npos &&
           tensor.dim() > 0 && tensor.size(0) == depth && (!name.ends_with("rotation") || tensor.dim() == 3);
}

// Other programs' widths of a gated MLP: (int(int(width · ratio) · 2 / 3) + 7) // 8 · 8.
constexpr int64_t kGatedMultiple = 8;

// The `mlp_ratio` with which they come to `hidden`.
double ratioOf(int64_t hidden, int64_t width, bool gated) {
    const int64_t whole = gated ? (hidden * 3 + 1) / 2 : hidden;
    const double ratio = double(whole) / double(width);
    return int64_t(double(width) * ratio) == whole ? ratio : std::nextafter(ratio, 1e9);
}

bool allEqual(const std::vector<int64_t>& values) {
    return std::all_of(values.begin(), values.end(), [&](int64_t each) { return each == values.front(); });
}

}  // namespace

Result<void> VitStructurePlan::validate(int64_t depth) const {
    if (!(heads > 0 && heads <= 1) || !(neurons > 0 && neurons <= 1))
        return fail(ErrorCode::InvalidArgument,
                    "parts of heads and neurons that stay lie above 0 and at most at 1");
    if (blocks < 0 || blocks >= depth)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} of {} blocks cannot go: at least one stays", blocks, depth));
    return tokens ? tokens->validate() : Result<void>();
}

std::string VitStructurePlan::text() const {
    std::vector<std::string> parts;
    if (heads < 1)
        parts.push_back(fmt::format("heads {:g} %", 100 * heads));
    if (neurons < 1)
        parts.push_back(fmt::format("neurons {:g} %", 100 * neurons));
    if (acrossBlocks && !parts.empty())
        parts.back() += " across blocks";
    if (padded && !parts.empty())
        parts.back() += " padded";
    if (blocks > 0)
        parts.push_back(fmt::format("{} block{} fewer", blocks, blocks > 1 ? "s" : ""));
    if (tokens)
        parts.push_back(
            fmt::format("tokens {:g} % ({})", 100 * tokens->kept, nn::tokenMethodName(tokens->method)));
    return fmt::format("{}{}", random ? "random control " : "",
                       parts.empty() ? "all structures" : fmt::format("{}", fmt::join(parts, ", ")));
}

Result<VitCut> cutVit(const std::map<std::string, at::Tensor>& tensors, const VitRanking& ranking,
                      const VitStructurePlan& plan) {
    const int64_t depth = ranking.blocks.numel();
    VITRINE_TRY_VOID(plan.validate(depth));
    VITRINE_TRY(const std::string prefix, blocksPrefix(tensors));
    const VitChoice choice = chooseStructures(ranking, plan);
    VitCut cut;
    cut.blocks = choice.numbers;
    for (const int64_t block : cut.blocks) {
        cut.heads.push_back((plan.padded ? ranking.heads : choice.heads)[size_t(block)].numel());
        cut.neurons.push_back(choice.neurons[size_t(block)].numel());
    }
    for (const char* name : {"mlp.w12.weight", "mlp.gate_proj.weight"})
        cut.gated = cut.gated || tensors.contains(fmt::format("{}0.{}", prefix, name));
    int64_t widest = *std::max_element(cut.neurons.begin(), cut.neurons.end());
    if (cut.gated)
        widest = (widest + kGatedMultiple - 1) / kGatedMultiple * kGatedMultiple;
    if (plan.padded)
        cut.neurons.assign(cut.neurons.size(), widest);
    for (const auto& [name, tensor] : tensors) {
        const auto place = inBlock(name, prefix);
        if (!place) {
            cut.tensors[name] =
                isOfEachBlock(name, tensor, depth) ? indexed(tensor, 0, choice.blocks) : tensor;
            continue;
        }
        const auto& [block, part] = *place;
        const auto found = std::find(choice.numbers.begin(), choice.numbers.end(), block);
        if (found == choice.numbers.end())
            continue;
        if (plan.padded && part.starts_with("mlp.norm."))
            return fail(ErrorCode::Unsupported, "zeros would be normalised with the hidden units that stay",
                        name, "Leave \"padded\" out for encoders with a norm inside the MLP");
        const at::Tensor &heads = choice.heads[size_t(block)], &neurons = choice.neurons[size_t(block)];
        const int64_t headCount = ranking.heads[size_t(block)].numel();
        const auto fitted = [&](const at::Tensor& whole, int64_t dimension, Axis axis) {
            if (axis == Axis::None)
                return whole;
            const at::Tensor places = placesOf(axis, whole.size(dimension), heads, headCount, neurons);
            return plan.padded ? padded(whole, dimension, axis, places, widest)
                               : indexed(whole, dimension, places);
        };
        at::Tensor smaller = tensor;
        for (const AxisUse& use : kUses)
            if (part == use.tensor) {
                smaller = fitted(tensor, 0, use.rows);
                if (use.columns != Axis::None)
                    smaller = fitted(smaller, 1, use.columns);
            }
        cut.tensors[fmt::format("{}{}.{}", prefix, found - choice.numbers.begin(), part)] = smaller;
    }
    return cut;
}

Result<std::vector<TouchedTensor>> vitDependencyGroup(const StoredShapes& stored, VitAxis axis,
                                                      int64_t headWidth, int64_t block, int64_t index) {
    VITRINE_TRY(const std::string prefix, blocksPrefix(stored));
    const int64_t size = axis == VitAxis::Heads ? headWidth : 1;
    std::vector<TouchedTensor> group;
    for (const auto& [name, shape] : stored) {
        const auto place = inBlock(name, prefix);
        if (!place || place->first != block)
            continue;
        for (const AxisUse& use : kUses) {
            if (place->second != use.tensor)
                continue;
            for (const auto& [dimension, along] : {std::pair{0, use.rows}, std::pair{1, use.columns}}) {
                const bool heads = along == Axis::Heads || along == Axis::PackedHeads;
                if (along == Axis::None || heads != (axis == VitAxis::Heads))
                    continue;
                const int64_t each = shape.at(size_t(dimension)) / partsOf(along);
                if (index < 0 || (index + 1) * size > each)
                    return fail(
                        ErrorCode::InvalidArgument,
                        fmt::format("there is no number {} of {} in block {}", index, each / size, block));
                TouchedTensor touched{name, shape, dimension, {}};
                for (int64_t part = 0; part < partsOf(along); ++part)
                    touched.places.emplace_back(part * each + index * size, size);
                group.push_back(std::move(touched));
            }
        }
    }
    if (group.empty())
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no block {}", block));
    return group;
}

bool opensElsewhere(const VitCut& cut, int64_t heads) {
    return allEqual(cut.neurons) && allEqual(cut.heads) && cut.heads.front() == heads &&
           (!cut.gated || cut.neurons.front() % kGatedMultiple == 0);
}

Json cutConfig(const Json& config, const VitCut& cut, int64_t heads, int64_t width) {
    Json smaller = config;
    const auto depth = int64_t(cut.blocks.size());
    const bool published = config.contains("args") && config["args"].is_object();
    if (published) {
        Json& sizes = smaller["args"]["model_kwargs"];
        if (!sizes.is_object())
            sizes = Json::object();
        sizes["depth"] = depth;
        sizes["num_heads"] = heads;
        if (allEqual(cut.neurons))
            sizes["mlp_ratio"] = ratioOf(cut.neurons.front(), width, cut.gated);
    } else {
        // Also where they were left out: other programs would take their own defaults.
        smaller["num_hidden_layers"] = depth;
        smaller["num_attention_heads"] = heads;
        if (allEqual(cut.neurons))
            smaller["mlp_ratio"] = ratioOf(cut.neurons.front(), width, cut.gated);
    }
    const char* statistics = "inter_feature_normalizer_config";
    if (config.contains(statistics) && config[statistics].is_object() &&
        config[statistics].contains("num_intermediates"))
        smaller[statistics]["num_intermediates"] = depth;
    return smaller;
}

double vitOperations(const BlockModel& blocks, int64_t before, const std::vector<int64_t>& tokens) {
    double operations = 0;
    auto now = double(before);
    for (int64_t block = 0; block < blocks.depth(); ++block) {
        const auto behind = double(tokens[size_t(block)]);
        for (const BlockLinear& linear : blocks.linears(block)) {
            operations += 2 * double(linear.weight.numel()) * (linear.group < 2 ? now : behind);
            if (linear.group == 1)  // queries with keys, attention with values
                operations += 4 * now * now * double(linear.weight.size(1));
        }
        now = behind;
    }
    return operations;
}

}  // namespace vitrine
