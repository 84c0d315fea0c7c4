// What is done to the linear layers of a model.
#pragma once

#include "core/compress/low_bit_matrix.h"
#include "core/compress/low_rank.h"
#include "core/compress/sparsity.h"

#include <optional>
#include <string>
#include <vector>

namespace vitrine {

enum class PruneMethod {
    None,
    Random,  // the control
    Magnitude,
    Wanda,
    SparseGptMask,  // the mask alone, weights as they were
    SparseGpt
};
const char* pruneMethodName(
    PruneMethod method);  // "none", "random", "magnitude", "wanda", "sparsegpt_mask", ...
Result<PruneMethod> pruneMethodFromName(const std::string& name);

enum class RoundingMethod { Nearest, Gptq };

struct CompressionPlan {
    PruneMethod prune = PruneMethod::SparseGpt;
    SparsityPattern pattern = SparsityPattern::nOfM(2, 4);
    std::optional<LowBitFormatSpec> quantization;
    RoundingMethod rounding = RoundingMethod::Gptq;
    double damping = 0.01;
    bool actOrder = false;  // of GPTQ and unstructured SparseGPT
    std::optional<LowRankMethod> lowRank;
    int64_t rank = 0;                               // with lowRank: 1 to the smaller side of every layer
    std::optional<LowBitFormatSpec> adapterFormat;  // low-rank factors are quantised too
    bool trueSequential = false;    // {q,k,v}, {o}, {gate,up}, {down} one after another, each calibrated anew
    bool measureErrors = true;      // relative output errors; needs the full second moments
    std::vector<std::string> skip;  // layers whose name holds one of these stay as they are
    uint64_t seed = 0;              // of Random

    Result<void> validate() const;
    bool prunes() const { return prune != PruneMethod::None; }
    bool sweeps() const;  // SparseGPT, its mask or GPTQ
    bool needsFullMoments() const;
    bool skips(const std::string& layer) const;
    // "sparsegpt 2:4 + int4 (gptq, groups of 64) + eora rank 32, true sequential"
    std::string text() const;
};

}  // namespace vitrine
