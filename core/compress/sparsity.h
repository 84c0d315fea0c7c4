// Which weights of a linear layer stay: patterns, scores and masks (magnitude, Wanda of Sun et al. 2024,
// random), all without changing the weights that stay. Weights are (o, k): outputs x inputs; groups run along
// the inputs.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <string>

namespace vitrine {

struct SparsityPattern {
    enum class Kind {
        NOfM,         // n of every m neighbouring inputs stay
        Unstructured  // a part of the weights goes, in every row alike or (SparseGPT) in every block of
                      // columns
    };
    Kind kind = Kind::NOfM;
    int64_t n = 2, m = 4;
    double pruned = 0.5;  // Unstructured: part that goes, in [0, 1)

    static SparsityPattern nOfM(int64_t n, int64_t m) {
        return {Kind::NOfM, n, m, 1 - double(n) / double(m)};
    }
    static SparsityPattern unstructured(double pruned) { return {Kind::Unstructured, 0, 0, pruned}; }
    // "2:4", "4:8", "50%".
    std::string text() const;
    static Result<SparsityPattern> fromText(const std::string& text);

    Result<void> validate() const;
    // ShapeMismatch where the inputs of a weight (o, k) do not fall into whole groups.
    Result<void> checkFits(at::IntArrayRef shape) const;
    bool is24() const { return kind == Kind::NOfM && n == 2 && m == 4; }
    double keptPart() const { return kind == Kind::NOfM ? double(n) / double(m) : 1 - pruned; }
    bool operator==(const SparsityPattern&) const = default;
};

// Mask uint8 (o, k) of ones where a weight stays, from scores (o, k) or, for Wanda, |weight| times a norm for
// each input (k). NaN scores go first; of equal ones the lower index stays in groups, and the higher one in
// rows. Errors: those of the pattern; ShapeMismatch for a norm of another size.
Result<at::Tensor> maskFromScores(const at::Tensor& scores, const SparsityPattern& pattern);
Result<at::Tensor> magnitudeMask(const at::Tensor& weight, const SparsityPattern& pattern);
Result<at::Tensor> wandaMask(const at::Tensor& weight, const at::Tensor& inputNorm,
                             const SparsityPattern& pattern);
// The control of every experiment: any weights, the same for the same seed.
Result<at::Tensor> randomMask(at::IntArrayRef shape, const SparsityPattern& pattern, uint64_t seed);

// Rows whose `prunedPerRow` smallest scores are 0 in the mask, the others 1; scores f32 (o, k).
at::Tensor rowMask(const at::Tensor& scores, int64_t prunedPerRow);

}  // namespace vitrine
