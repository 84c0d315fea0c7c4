#include "core/compress/vit_structures.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

std::string prefixOf(int64_t block) {
    return fmt::format("transformer.layers.{}.", block);
}

// Indices of the best `count` scores, in ascending order.
at::Tensor best(const at::Tensor& scores, int64_t count) {
    return std::get<0>(std::get<1>(scores.topk(count)).sort());
}

int64_t kept(double part, int64_t count) {
    return std::clamp<int64_t>(std::llround(part * double(count)), 1, count);
}

// Sum over columns of |W|² of each input.
at::Tensor columnNorms(const at::Tensor& weight) {
    return weight.detach().to(at::kFloat).square().sum(0).sqrt();
}

// Rows or columns of heads (head, channel) that stay, of one of the three packed projections.
at::Tensor channelsOf(const at::Tensor& heads, int64_t headWidth) {
    return (heads.unsqueeze(1) * headWidth + at::arange(headWidth, at::kLong)).flatten();
}

}  // namespace

Result<void> VitStructurePlan::validate(int64_t depth) const {
    if (!(heads > 0 && heads <= 1) || !(neurons > 0 && neurons <= 1))
        return fail(ErrorCode::InvalidArgument,
                    "parts of heads and neurons that stay lie above 0 and at most at 1");
    if (blocks < 0 || blocks >= depth)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} of {} blocks cannot go: at least one stays", blocks, depth));
    return {};
}

std::string VitStructurePlan::text() const {
    std::vector<std::string> parts;
    if (heads < 1)
        parts.push_back(fmt::format("heads {:g} %", 100 * heads));
    if (neurons < 1)
        parts.push_back(fmt::format("neurons {:g} %", 100 * neurons));
    if (blocks > 0)
        parts.push_back(fmt::format("{} block{} fewer", blocks, blocks > 1 ? "s" : ""));
    return fmt::format("{}{}", random ? "random control " : "",
                       parts.empty() ? "all structures" : fmt::format("{}", fmt::join(parts, ", ")));
}

Result<VitRanking> rankVit(BlockModel& blocks, int64_t heads, JobContext& job) {
    const at::NoGradGuard plain;
    const int64_t depth = blocks.depth();
    std::vector<at::Tensor> attended{size_t(depth)}, hidden{size_t(depth)};
    at::Tensor change = at::zeros({depth}, at::kDouble);
    job.beginStage("ranking structures", blocks.batches());
    for (int64_t batch = 0; batch < blocks.batches(); ++batch) {
        VITRINE_TRY_VOID(job.checkStop());
        at::Tensor stream = blocks.firstStream(batch);
        for (int64_t block = 0; block < depth; ++block) {
            const auto sink = [&](int group, const at::Tensor& input) {
                at::Tensor* sum = group == 1   ? &attended[size_t(block)]
                                  : group == 3 ? &hidden[size_t(block)]
                                               : nullptr;
                if (!sum)
                    return;
                const at::Tensor squares = input.to(at::kFloat).square().flatten(0, -2).sum(0);
                *sum = sum->defined() ? *sum + squares : squares;
            };
            const at::Tensor next = blocks.runBlock(block, batch, stream, sink);
            change[block] += 1 - at::cosine_similarity(stream, next, -1, 1e-8).mean().item<double>();
            stream = next;
        }
        job.advance();
    }
    VitRanking ranking;
    ranking.blocks = change / double(std::max<int64_t>(1, blocks.batches()));
    for (int64_t block = 0; block < depth; ++block) {
        for (const BlockLinear& linear : blocks.linears(block)) {
            if (linear.group == 1) {
                const at::Tensor channels = attended[size_t(block)].sqrt() * columnNorms(linear.weight);
                ranking.heads.push_back(channels.view({heads, -1}).square().sum(1).sqrt());
            } else if (linear.group == 3) {
                ranking.neurons.push_back(hidden[size_t(block)].sqrt() * columnNorms(linear.weight));
            }
        }
    }
    return ranking;
}

Result<std::map<std::string, at::Tensor>> cutVit(const std::map<std::string, at::Tensor>& tensors,
                                                 const VitRanking& ranking, const VitStructurePlan& plan,
                                                 int64_t heads) {
    const int64_t depth = ranking.blocks.numel();
    VITRINE_TRY_VOID(plan.validate(depth));
    const auto random = at::detail::createCPUGenerator(plan.seed);
    const auto scoresOf = [&](const at::Tensor& scores) {
        return plan.random ? at::rand(scores.sizes(), random, at::TensorOptions()) : scores;
    };
    const at::Tensor stay = best(scoresOf(ranking.blocks), depth - plan.blocks);
    std::map<std::string, at::Tensor> cut;
    for (const auto& [name, tensor] : tensors)
        if (!name.starts_with("transformer.layers."))
            cut[name] = tensor;
    for (int64_t place = 0; place < stay.numel(); ++place) {
        const int64_t block = stay[place].item<int64_t>();
        const at::Tensor headScores = ranking.heads[size_t(block)];
        const at::Tensor neuronScores = ranking.neurons[size_t(block)];
        const at::Tensor keptHeads = best(scoresOf(headScores), kept(plan.heads, heads));
        const at::Tensor neurons = best(scoresOf(neuronScores), kept(plan.neurons, neuronScores.numel()));
        for (const auto& [name, tensor] : tensors) {
            if (!name.starts_with(prefixOf(block)))
                continue;
            const std::string part = name.substr(prefixOf(block).size());
            at::Tensor smaller = tensor;
            if (part.starts_with("self_attn.in_proj")) {
                const int64_t inner = tensor.size(0) / 3;
                const at::Tensor rows = channelsOf(keptHeads, inner / heads);
                smaller = tensor.index_select(0, at::cat({rows, rows + inner, rows + 2 * inner}));
            } else if (part == "self_attn.out_proj.weight") {
                smaller = tensor.index_select(1, channelsOf(keptHeads, tensor.size(1) / heads));
            } else if (part.starts_with("linear1.")) {
                smaller = tensor.index_select(0, neurons);
            } else if (part == "linear2.weight") {
                smaller = tensor.index_select(1, neurons);
            }
            cut[prefixOf(place) + part] = smaller.contiguous();
        }
    }
    return cut;
}

}  // namespace vitrine
