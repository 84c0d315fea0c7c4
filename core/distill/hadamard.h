// Orthonormal Hadamard matrices: rotations whose entries are all +-1/sqrt(n), so that whatever is rotated is
// spread evenly over the channels (PHI-S, Ranzinger et al. 2024, appendix on Hadamard matrices).
//
// Construction for order n, as published: a power of two gives Sylvester's matrix; otherwise n = 2^i m with
// the largest i for which m has Paley's construction of type I (m - 1 a prime = 3 mod 4) or type II (m / 2 -
// 1 a prime = 1 mod 4), and H = Sylvester(2^i) kron Paley(m). Where neither exists (52, and every n > 2 that
// is not a multiple of 4) the rotation is a random orthogonal one, which equalises only approximately:
// `exact()` says so.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace vitrine {

enum class HadamardFamily { Sylvester, PaleyOne, PaleyTwo, RandomOrthogonal };

// How an order is built up.
struct HadamardPlan {
    int64_t order = 1;
    int64_t sylvesterOrder = 1;  // 2^i
    int64_t coreOrder = 1;       // m; 1 for powers of two, the order itself where it is random
    HadamardFamily family = HadamardFamily::Sylvester;

    bool exact() const { return family != HadamardFamily::RandomOrthogonal; }
    // "Sylvester(64) x Paley I(20)", for people.
    std::string text() const;
};

// order >= 1. Never fails: the last resort is RandomOrthogonal.
HadamardPlan hadamardPlan(int64_t order);
// True if the construction above gives a Hadamard matrix of this order.
bool hadamardOrderExists(int64_t order);

// The matrix with entries +1 and -1, (order, order) int8, in the row order and signs of the construction.
// Unsupported where hadamardOrderExists is false.
Result<at::Tensor> hadamardSigns(int64_t order);

// An orthonormal matrix H of a plan, applied without building it: Sylvester's factor costs additions only.
class HadamardRotation {
  public:
    // `seed` matters where the order does not exist: the rotation is then Q of the QR decomposition of a
    // random matrix of +-1 (R with a positive diagonal, so that it is unique). InvalidArgument for order < 1.
    static Result<HadamardRotation> make(int64_t order, uint64_t seed = 0);

    const HadamardPlan& plan() const { return plan_; }
    // (order, order) float64; H Hᵀ = I.
    at::Tensor matrix() const;
    // x (..., order), floating, any device -> every vector v becomes H v; f64 for f64 input, else f32.
    // Differentiable.
    at::Tensor rotate(const at::Tensor& x) const;
    // ... becomes Hᵀ v.
    at::Tensor rotateBack(const at::Tensor& x) const;

  private:
    at::Tensor apply(const at::Tensor& x, const at::Tensor& core) const;

    HadamardPlan plan_;
    at::Tensor core_;  // (coreOrder, coreOrder) float64, orthonormal; undefined for 1
};

}  // namespace vitrine
