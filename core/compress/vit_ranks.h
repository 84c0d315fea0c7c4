// Which structures of a ViT stay, by their ranks or by chance.
#pragma once

#include "core/compress/vit_structures.h"

namespace vitrine {

struct VitChoice {
    at::Tensor blocks;                       // (kept), ascending
    std::vector<int64_t> numbers;            // the same
    std::vector<at::Tensor> heads, neurons;  // by old number of the block: places that stay, ascending
};

// At least one head and one hidden unit stay in every block.
VitChoice chooseStructures(const VitRanking& ranking, const VitStructurePlan& plan);

}  // namespace vitrine
