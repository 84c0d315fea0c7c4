#include "core/claims/task_adapter.h"

#include "core/compress/decoder_blocks.h"
#include "core/compress/low_rank.h"

namespace vitrine {
namespace {

using Statistics = std::map<int, LinearStatistics>;  // by group

Result<Statistics> seenBy(BlockModel& model, int64_t block, const std::vector<at::Tensor>& streams,
                          JobContext& job) {
    Statistics statistics;
    for (const BlockLinear& linear : model.linears(block))
        statistics.try_emplace(linear.group, linear.weight.size(1));
    Result<void> state;
    for (size_t batch = 0; batch < streams.size(); ++batch) {
        VITRINE_TRY_VOID(job.checkStop());
        model.runBlock(block, int64_t(batch), streams[batch], [&](int group, const at::Tensor& x) {
            if (const auto added = statistics.at(group).add(x); !added && state)
                state = fail(added.error().in(fmt::format("block {}", block)));
        });
    }
    if (!state)
        return fail(state.error());
    return statistics;
}

}  // namespace

Result<std::unique_ptr<LanguageModel>> withAdapter(const LanguageGround& ground, LanguageModel& compressed,
                                                   int64_t rank, int64_t windows, uint64_t seed,
                                                   JobContext& job) {
    const at::NoGradGuard plain;
    auto adapted = ground.model->clone();  // dense in front of each block's paths: errors are its own
    DecoderBlocks blocks(adapted->decoder(), ground.calibration(windows, seed));
    const DecoderBlocks given(compressed.decoder(), {});
    std::vector<at::Tensor> streams;
    for (int64_t batch = 0; batch < blocks.batches(); ++batch)
        streams.push_back(blocks.firstStream(batch));
    for (int64_t block = 0; block < blocks.depth(); ++block) {
        VITRINE_TRY(const Statistics statistics, seenBy(blocks, block, streams, job));
        const auto dense = blocks.linears(block), small = given.linears(block);
        for (size_t index = 0; index < dense.size(); ++index) {
            const at::Tensor& left = small[index].weight;
            const auto path = compensate(dense[index].weight - left, statistics.at(dense[index].group),
                                         LowRankMethod::Eora, rank);
            if (!path)
                return fail(path.error().in(dense[index].name));
            at::Tensor weight = dense[index].weight;
            weight.set_data(foldedWeight(left, *path).contiguous());
        }
        blocks.finishBlock(block);
        for (size_t batch = 0; batch < streams.size(); ++batch)
            streams[batch] = blocks.runBlock(block, int64_t(batch), streams[batch], {});
    }
    return adapted;
}

}  // namespace vitrine
