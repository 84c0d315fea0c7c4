#include "core/models/aliked/deformable_convolution.h"
#include "core/models/model.h"
#include "tests/core/models/golden_check.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

// Bilinear, zero outside.
double sampled(const at::Tensor& map, double y, double x) {
    const auto rows = map.accessor<double, 2>();
    double sum = 0;
    for (const double top : {std::floor(y), std::floor(y) + 1})
        for (const double left : {std::floor(x), std::floor(x) + 1}) {
            if (top < 0 || left < 0 || top >= double(rows.size(0)) || left >= double(rows.size(1)))
                continue;
            sum += (1 - std::abs(y - top)) * (1 - std::abs(x - left)) * rows[int64_t(top)][int64_t(left)];
        }
    return sum;
}

TEST(DeformableConvolution, FollowsItsDefinition) {
    at::manual_seed(5);
    const auto real = at::TensorOptions().dtype(at::kDouble);
    const at::Tensor x = at::randn({1, 2, 4, 5}, real), offsets = 1.5 * at::randn({1, 18, 4, 5}, real),
                     weight = at::randn({3, 2, 3, 3}, real);
    const at::Tensor result = nn::deformableConvolution(x, offsets, weight);
    ASSERT_EQ(result.sizes(), at::IntArrayRef({1, 3, 4, 5}));
    for (int64_t out = 0; out < 3; ++out)
        for (int64_t row = 0; row < 4; ++row)
            for (int64_t column = 0; column < 5; ++column) {
                double expected = 0;
                for (int64_t point = 0; point < 9; ++point)
                    for (int64_t in = 0; in < 2; ++in)
                        expected += weight[out][in][point / 3][point % 3].item<double>() *
                                    sampled(x[0][in],
                                            double(row + point / 3 - 1) +
                                                offsets[0][2 * point][row][column].item<double>(),
                                            double(column + point % 3 - 1) +
                                                offsets[0][2 * point + 1][row][column].item<double>());
                EXPECT_NEAR(result[0][out][row][column].item<double>(), expected, 1e-9);
            }
}

TEST(Aliked, MatchesTheReference) {
    testing::expectMatchesReferences(testing::dataFolder() / "models" / "aliked");
}

TEST(Aliked, SaysWhichSizesItTakes) {
    const auto model = loadModel(testing::dataFolder() / "models" / "aliked", {});
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_EQ((*model)->family(), "aliked");
    const auto output = (*model)->encoder()->encode(at::rand({1, 3, 40, 64}), {});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().code, ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace vitrine
