#include "core/compress/vit_ranks.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

// Places of the best `count` scores, in ascending order.
at::Tensor best(const at::Tensor& scores, int64_t count) {
    return std::get<0>(std::get<1>(scores.topk(count)).sort());
}

int64_t kept(double part, int64_t count) {
    return std::clamp<int64_t>(std::llround(part * double(count)), 1, count);
}

// The norm of each column of a weight, its rows times the LayerScale behind it.
at::Tensor columnNorms(const BlockLinear& linear) {
    at::Tensor weight = linear.weight.detach().to(at::kFloat);
    if (linear.outputScale.defined())
        weight = weight * linear.outputScale.detach().to(at::kFloat).unsqueeze(1);
    return weight.square().sum(0).sqrt();
}

// What stays of each list; `across`: of all lists together, no list empty.
std::vector<at::Tensor> bestOfLists(const std::vector<at::Tensor>& lists, double part, bool across) {
    std::vector<at::Tensor> chosen;
    if (!across) {
        for (const at::Tensor& scores : lists)
            chosen.push_back(best(scores, kept(part, scores.numel())));
        return chosen;
    }
    std::vector<at::Tensor> raised;  // the best of each list is above all others
    int64_t total = 0;
    for (const at::Tensor& scores : lists) {
        raised.push_back(scores.to(at::kDouble).clone());
        raised.back()[scores.argmax().item<int64_t>()] = std::numeric_limits<double>::infinity();
        total += scores.numel();
    }
    const int64_t count = std::max(kept(part, total), int64_t(lists.size()));
    const at::Tensor stays = at::zeros({total}, at::kBool).index_fill(0, best(at::cat(raised), count), 1);
    int64_t start = 0;
    for (const at::Tensor& scores : lists) {
        chosen.push_back(stays.narrow(0, start, scores.numel()).nonzero().flatten());
        start += scores.numel();
    }
    return chosen;
}

}  // namespace

Result<VitRanking> rankVit(BlockModel& blocks, int64_t headWidth, JobContext& job) {
    const at::NoGradGuard plain;
    const int64_t depth = blocks.depth();
    std::vector<at::Tensor> attended{size_t(depth)}, hidden{size_t(depth)};
    at::Tensor change = at::zeros({depth}, at::kDouble), sizes = at::zeros({depth}, at::kDouble);
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
            sizes[block] += stream.to(at::kFloat).square().sum().item<double>();
            stream = next;
        }
        job.advance();
    }
    VitRanking ranking;
    ranking.blocks = change / double(std::max<int64_t>(1, blocks.batches()));
    for (int64_t block = 0; block < depth; ++block) {
        const double size = std::max(1e-12, std::sqrt(sizes[block].item<double>()));
        for (const BlockLinear& linear : blocks.linears(block)) {
            if (linear.group == 1) {
                const at::Tensor channels = attended[size_t(block)].sqrt() * columnNorms(linear) / size;
                ranking.heads.push_back(channels.view({-1, headWidth}).square().sum(1).sqrt().cpu());
            } else if (linear.group == 3) {
                ranking.neurons.push_back((hidden[size_t(block)].sqrt() * columnNorms(linear) / size).cpu());
            }
        }
    }
    return ranking;
}

VitChoice chooseStructures(const VitRanking& ranking, const VitStructurePlan& plan) {
    const auto random = at::detail::createCPUGenerator(plan.seed);
    const auto scoresOf = [&](const at::Tensor& scores) {
        return plan.random ? at::rand(scores.sizes(), random, at::TensorOptions()) : scores;
    };
    const auto chosen = [&](const std::vector<at::Tensor>& lists, double part,
                            const std::vector<int64_t>& numbers) {
        std::vector<at::Tensor> scores, places(lists.size());
        for (const int64_t block : numbers)
            scores.push_back(scoresOf(lists[size_t(block)]));
        const auto stays = bestOfLists(scores, part, plan.acrossBlocks);
        for (size_t index = 0; index < numbers.size(); ++index)
            places[size_t(numbers[index])] = stays[index];
        return places;
    };
    VitChoice choice;
    choice.blocks = best(scoresOf(ranking.blocks), ranking.blocks.numel() - plan.blocks);
    choice.numbers.assign(choice.blocks.const_data_ptr<int64_t>(),
                          choice.blocks.const_data_ptr<int64_t>() + choice.blocks.numel());
    choice.heads = chosen(ranking.heads, plan.heads, choice.numbers);
    choice.neurons = chosen(ranking.neurons, plan.neurons, choice.numbers);
    return choice;
}

}  // namespace vitrine
