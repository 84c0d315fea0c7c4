// Norm and rotation in one pass over memory against what LibTorch composes, with their gradients.
#include "core/models/language/rms_norm.h"
#include "core/models/language/rotary_tables.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

struct Gradients {
    at::Tensor value;
    std::vector<at::Tensor> of;
};

// `compute` of leaves, and the gradients of a fixed weighted sum of what it gives.
template <class Compute>
Gradients gradientsOf(std::vector<at::Tensor> leaves, const Compute& compute) {
    for (at::Tensor& leaf : leaves)
        leaf = leaf.clone().requires_grad_(true);
    Gradients result;
    const at::Tensor y = compute(leaves);
    const at::Tensor weights = at::linspace(-1, 2, y.numel()).view(y.sizes());
    (y * weights).sum().backward();
    result.value = y.detach();
    for (const at::Tensor& leaf : leaves)
        result.of.push_back(leaf.grad());
    return result;
}

void expectSame(const Gradients& found, const Gradients& expected) {
    EXPECT_TRUE(found.value.allclose(expected.value, 1e-5, 1e-6));
    ASSERT_EQ(found.of.size(), expected.of.size());
    for (size_t i = 0; i < found.of.size(); ++i)
        EXPECT_TRUE(found.of[i].allclose(expected.of[i], 1e-4, 1e-5))
            << "gradient " << i << " off by " << (found.of[i] - expected.of[i]).abs().max().item<double>();
}

TEST(RmsNorm, GivesValuesAndGradientsOfLibTorchs) {
    at::manual_seed(3);
    // Narrower than the sums that run side by side, no multiple of them, more rows than one piece holds.
    for (const auto& [rows, width] : {std::pair{1, 5}, {7, 24}, {130, 37}, {200, 64}}) {
        const std::vector<at::Tensor> leaves{at::randn({rows, width}), at::randn({width})};
        expectSame(gradientsOf(leaves, [](const auto& in) { return rmsNorm(in[0], in[1], 1e-5); }),
                   gradientsOf(leaves, [](const auto& in) {
                       return at::rms_norm(in[0], {in[1].size(0)}, in[1], 1e-5);
                   }));
    }
    // Rows of a larger tensor, and a weight that is not learnt.
    const at::Tensor wide = at::randn({4, 6, 20}), weight = at::randn({10});
    const auto part = [](const at::Tensor& x) { return x.narrow(2, 5, 10).transpose(0, 1); };
    expectSame(
        gradientsOf({wide}, [&](const auto& in) { return rmsNorm(part(in[0]), weight, 1e-5); }),
        gradientsOf({wide}, [&](const auto& in) { return at::rms_norm(part(in[0]), {10}, weight, 1e-5); }));
    EXPECT_EQ(rmsNorm(at::zeros({0, 10}), weight, 1e-5).size(0), 0);
    // float64 takes LibTorch's way.
    EXPECT_EQ(rmsNorm(wide.to(at::kDouble).narrow(2, 0, 10), weight.to(at::kDouble), 1e-5).scalar_type(),
              at::kDouble);
}

at::Tensor composed(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) {
    const int64_t half = cosine.size(3);
    const at::Tensor first = x.narrow(3, 0, half), second = x.narrow(3, half, half);
    return at::cat({first * cosine - second * sine, second * cosine + first * sine,
                    x.narrow(3, 2 * half, x.size(3) - 2 * half)},
                   3);
}

TEST(Rotation, GivesValuesAndGradientsOfItsDefinition) {
    at::manual_seed(4);
    for (const double part : {1.0, 0.5}) {
        RotaryTables tables({.base = 100, .partial = part}, 8);
        const auto [cosine, sine] = tables.range(3, 6, at::kFloat, at::kCPU);
        const at::Tensor x = at::randn({2, 6, 5, 8});
        const auto turned = [&, cosine = cosine, sine = sine](const at::Tensor& in) {
            return rotate(in, cosine, sine, false);
        };
        const auto expected = [&, cosine = cosine, sine = sine](const at::Tensor& in) {
            return composed(in, cosine, sine);
        };
        expectSame(gradientsOf({x}, [&](const auto& in) { return turned(in[0]); }),
                   gradientsOf({x}, [&](const auto& in) { return expected(in[0]); }));
        // A part of the heads of a larger tensor, as of a joined projection; what was given stays as it was.
        const at::Tensor before = x.clone();
        expectSame(gradientsOf({x}, [&](const auto& in) { return turned(in[0].narrow(2, 1, 3)); }),
                   gradientsOf({x}, [&](const auto& in) { return expected(in[0].narrow(2, 1, 3)); }));
        EXPECT_TRUE(turned(x).allclose(expected(x), 1e-6, 1e-6));
        EXPECT_TRUE(x.equal(before));
    }
}

}  // namespace
}  // namespace vitrine
