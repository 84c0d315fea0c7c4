// Weights for a convolutional student to start from.
#pragma once

#include "core/models/efficientnet/network.h"
#include "core/nn/weights.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine::testing {

// A small network of the family, with statistics as a trained one has them.
inline void writeSmallEfficientNet(const std::filesystem::path& file) {
    const at::NoGradGuard noGrad;
    std::vector<efficientnet::BlockShape> blocks;
    int64_t in = 4;
    const std::vector<int64_t> strides{1, 2, 2, 2, 1, 2, 1};
    for (size_t stage = 0; stage < strides.size(); ++stage) {
        const int64_t out = in + 2, expanded = stage == 0 ? in : 2 * in;
        blocks.push_back({in, out, expanded, stage % 2 == 0 ? 3 : 5, strides[stage]});
        in = out;
    }
    efficientnet::Network network(blocks, 4, 24, 0);
    at::manual_seed(4);
    std::map<std::string, at::Tensor> tensors;
    for (auto& entry : network.named_parameters()) {
        at::Tensor& tensor = entry.value();
        if (tensor.dim() > 1)
            tensor.normal_(0, std::sqrt(2.0 / double(tensor[0].numel())));
        else
            tensor.fill_(entry.key().ends_with("weight") ? 1 : 0.1);
        tensors[entry.key()] = tensor;
    }
    for (auto& entry : network.named_buffers())
        tensors[entry.key()] = entry.value().fill_(entry.key().ends_with("running_var") ? 0.5 : 0.05);
    ASSERT_TRUE(writeTensors(file, tensors));
}

}  // namespace vitrine::testing
