#include "core/flextron/elastic_space.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

Result<void> checkShares(const std::vector<double>& shares, const char* where) {
    bool good = !shares.empty() && shares[0] == 1;
    for (size_t i = 0; good && i < shares.size(); ++i)
        good = shares[i] > 0 && (i == 0 || shares[i] < shares[i - 1]);
    if (good)
        return {};
    return fail(ErrorCode::InvalidArgument,
                fmt::format("expected shares that descend from 1 and stay above 0, found [{}]",
                            fmt::join(shares, ", ")),
                where);
}

int64_t frontOf(int64_t count, double share) {
    return std::clamp<int64_t>(int64_t(std::ceil(share * double(count) - 1e-9)), 1, count);
}

}  // namespace

Result<void> ElasticSpace::validate(const DecoderConfig& config) const {
    VITRINE_TRY_VOID(checkShares(neuronShares, "neuron shares"));
    VITRINE_TRY_VOID(checkShares(headShares, "head shares"));
    for (int64_t block = 0; block < config.depth(); ++block) {
        const LayerSettings& layer = config.layers[size_t(block)];
        if (layer.attention.kind != SubLayerKind::Standard ||
            layer.feedForward.kind != SubLayerKind::Standard)
            return fail(ErrorCode::Unsupported, "an elastic model needs attention and neurons in every block",
                        fmt::format("block {}", block));
    }
    return {};
}

int64_t neuronsOf(const DecoderConfig& config, int64_t block, double share) {
    return frontOf(config.layers[size_t(block)].feedForward.intermediate, share);
}

int64_t headsPerGroupOf(const DecoderConfig& config, int64_t block, double share) {
    return frontOf(config.layers[size_t(block)].attention.groupSize(), share);
}

at::Tensor neuronMask(const DecoderConfig& config, int64_t block, double share) {
    at::Tensor mask = at::zeros({config.layers[size_t(block)].feedForward.intermediate});
    mask.narrow(0, 0, neuronsOf(config, block, share)).fill_(1);
    return mask;
}

at::Tensor headMask(const DecoderConfig& config, int64_t block, double share) {
    const AttentionSettings& a = config.layers[size_t(block)].attention;
    at::Tensor mask = at::zeros({a.keyValueHeads, a.groupSize(), a.headWidth});
    mask.narrow(1, 0, headsPerGroupOf(config, block, share)).fill_(1);
    return mask.flatten();
}

at::Tensor elasticParameters(const DecoderConfig& config, const ElasticSpace& space) {
    const auto neuronCount = int64_t(space.neuronShares.size());
    at::Tensor table = at::zeros({config.depth(), int64_t(space.choices())});
    for (int64_t block = 0; block < config.depth(); ++block) {
        const LayerSettings& layer = config.layers[size_t(block)];
        const int64_t perNeuron = config.width * (layer.feedForward.gated ? 3 : 2);
        for (int64_t c = 0; c < neuronCount; ++c)
            table[block][c] = double(perNeuron * neuronsOf(config, block, space.neuronShares[size_t(c)]));
        if (space.headShares.size() > 1)
            for (size_t c = 0; c < space.headShares.size(); ++c)
                table[block][neuronCount + int64_t(c)] =
                    double(2 * config.width * layer.attention.headWidth * layer.attention.keyValueHeads *
                           headsPerGroupOf(config, block, space.headShares[c]));
    }
    return table;
}

double elasticShare(const DecoderConfig& config, const ElasticSpace& space, const ElasticChoice& choice) {
    const at::Tensor table = elasticParameters(config, space);
    const auto neuronCount = int64_t(space.neuronShares.size());
    double kept = 0, all = 0;
    for (int64_t block = 0; block < config.depth(); ++block) {
        const BlockChoice& one = choice[size_t(block)];
        kept +=
            table[block][one.neurons].item<double>() + table[block][neuronCount + one.heads].item<double>();
        all += table[block][0].item<double>() + table[block][neuronCount].item<double>();
    }
    return kept / all;
}

ElasticChoice sameChoice(const DecoderConfig& config, BlockChoice choice) {
    return ElasticChoice(size_t(config.depth()), choice);
}

Result<std::unique_ptr<LanguageModel>> cutModel(const LanguageModel& sorted, const ElasticSpace& space,
                                                const ElasticChoice& choice) {
    const DecoderConfig& config = sorted.config();
    SlicePlan plan = wholePlan(config);
    for (int64_t block = 0; block < config.depth(); ++block) {
        LayerSlice& layer = plan.layers[size_t(block)];
        const BlockChoice& one = choice.at(size_t(block));
        const AttentionSettings& a = config.layers[size_t(block)].attention;
        layer.neurons =
            at::arange(neuronsOf(config, block, space.neuronShares.at(size_t(one.neurons))), at::kLong);
        layer.heads =
            at::arange(a.queryHeads, at::kLong)
                .reshape({a.keyValueHeads, a.groupSize()})
                .narrow(1, 0, headsPerGroupOf(config, block, space.headShares.at(size_t(one.heads))))
                .flatten();
    }
    return sliceModel(sorted, plan);
}

}  // namespace vitrine
