// What students that give maps in place of tokens compute: all but the ViT. For distill/*.cpp.
#pragma once

#include "core/distill/student.h"

namespace vitrine {

struct StudentMaps {
    // Everything on the way, in order, as a message calls it ("block 3 of 17").
    std::vector<std::pair<std::string, at::Tensor>> parts;
    at::Tensor features;  // (B, D, h, w)
    at::Tensor summary;   // (B, S)
};

// Null for a ViT.
const std::vector<RadioAdaptorConfig>* mapAdaptors(const torch::nn::Module& student);
// `student` has such an adaptor.
const Adaptor& mapAdaptor(const torch::nn::Module& student, const std::string& name);
// pixels (B, 3, H, W) in [0, 1].
StudentMaps runMaps(const torch::nn::Module& student, const at::Tensor& pixels, bool recompute = false);

}  // namespace vitrine
