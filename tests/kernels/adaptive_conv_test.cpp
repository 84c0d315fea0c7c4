#include "kernels/operators.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace vitrine::kernels {
namespace {

TEST(AdaptiveConv, GradientsAgreeWithThoseOfThePlainDefinition) {
    at::manual_seed(1);
    for (const auto& [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{{5, 5}, {3, 7}, {1, 2}}) {
        auto input = at::randn({2, 4, 6 + rows - 1, 19 + columns - 1}, at::kDouble).requires_grad_();
        auto filters = at::randn({2, 6, 19, rows, columns}, at::kDouble).requires_grad_();
        const auto grad = at::randn({2, 4, 6, 19}, at::kDouble);
        const auto plain = [&] {
            const auto windows = at::im2col(input, {rows, columns}, {1, 1}, {0, 0}, {1, 1})
                                     .reshape({2, 4, rows * columns, 6, 19});
            return (windows * filters.flatten(3).permute({0, 3, 1, 2}).unsqueeze(1)).sum(2);
        };
        const auto expected = plain();
        expected.backward(grad);
        const auto expectedInput = input.grad().clone(), expectedFilters = filters.grad().clone();
        input.mutable_grad().reset();
        filters.mutable_grad().reset();

        const auto found = adaptiveConv(input, filters);
        EXPECT_TRUE(at::allclose(found, expected, 1e-12, 1e-12));
        found.backward(grad);
        EXPECT_TRUE(at::allclose(input.grad(), expectedInput, 1e-12, 1e-12));
        EXPECT_TRUE(at::allclose(filters.grad(), expectedFilters, 1e-12, 1e-12));
    }
}

TEST(AdaptiveConv, FirstElementByHand) {
    const auto input = at::arange(6, at::kFloat).reshape({1, 1, 2, 3});
    auto filters = at::zeros({1, 1, 2, 2, 2});
    filters[0][0][0] = at::tensor({1.f, 10.f, 100.f, 1000.f}).reshape({2, 2});
    filters[0][0][1] = at::tensor({0.f, 0.f, 0.f, 2.f}).reshape({2, 2});
    const auto out = adaptiveConv(input, filters);
    EXPECT_FLOAT_EQ(out[0][0][0][0].item<float>(), 0 * 1 + 1 * 10 + 3 * 100 + 4 * 1000);
    EXPECT_FLOAT_EQ(out[0][0][0][1].item<float>(), 2 * 5);
}

}  // namespace
}  // namespace vitrine::kernels
