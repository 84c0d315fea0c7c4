// What the masked products of an elastic decoder share with the ElasticObjective that put them there.
#pragma once

#include "core/flextron/elastic_objective.h"

#include <functional>
#include <string>

namespace vitrine {

struct ElasticObjective::State {
    // What the products of o_proj and down_proj multiply their inputs by, by block: undefined where nothing
    // is cut; (neurons or channels), or (B, T, neurons or channels) where routers read the text.
    std::vector<at::Tensor> neurons, heads;
    std::vector<at::Tensor> neuronTable, headTable;  // by block: (shares, neurons or channels)

    // Routers that read the text: q_proj and up_proj show what they see (B, T, width), and the mask of that
    // block's heads or neurons is set before o_proj and down_proj need it. Empty: masks stay as they are.
    std::function<void(int64_t block, bool heads, const at::Tensor& x)> route;
    // Of one training pass, differentiable: parameters that are expected to stay, and squared distance of the
    // probabilities from the largest choices, both sums over blocks of means over tokens.
    at::Tensor expected, apart;
    // Since `follow`: tokens by block and share that they took (depth, shares).
    at::Tensor tookNeurons, tookHeads;
    double likeliest = 0;          // sum over calls of the mean largest probability
    int64_t routings = 0;          // calls
    std::vector<at::Tensor> last;  // of the last pass, by block: which share of neurons (B, T)
};

// -log(-log(u)) of u drawn evenly, a function of seed, step and stream.
at::Tensor gumbelNoise(at::IntArrayRef shape, uint64_t seed, int64_t step, const std::string& stream,
                       at::Device device);

}  // namespace vitrine
