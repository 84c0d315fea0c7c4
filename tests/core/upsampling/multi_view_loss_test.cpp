#include "core/upsampling/multi_view_loss.h"

#include "core/distill/random_stream.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

at::Tensor uniform(at::IntArrayRef shape) {
    return at::rand(shape, randomStream(6, 0, "loss"), at::TensorOptions());
}

TEST(MultiViewLoss, SeamsLieBetweenTiles) {
    const at::Tensor map = seamWeights(3, 3, 2)[0][0];
    ASSERT_EQ(map.size(0), 9);
    for (int64_t row = 0; row < 9; ++row)
        for (int64_t column = 0; column < 9; ++column) {
            const auto near = [](int64_t at) { return at == 2 || at == 3 || at == 5 || at == 6; };
            EXPECT_EQ(map[row][column].item<float>(), near(row) || near(column) ? 2.f : 1.f);
        }
}

TEST(MultiViewLoss, WeighsPlacesAsStated) {
    ViewComparison view;
    view.predicted = uniform({2, 3, 2, 2});
    view.target = at::zeros({2, 3, 2, 2});
    view.valid = at::ones({2, 2, 2});
    view.valid[1].narrow(0, 0, 1).fill_(0);
    view.valid[1][1][0].fill_(0);  // one place of four is valid: the sum is divided by two
    view.weight = at::full({2, 2, 2}, 1.5f);
    view.uncertainty = uniform({2, 2, 2});
    double expected = 0;
    for (int64_t picture = 0; picture < 2; ++picture) {
        double sum = 0;
        for (int64_t place = 0; place < 4; ++place) {
            const int64_t row = place / 2, column = place % 2;
            const double error =
                view.predicted[picture].select(2, column).select(1, row).square().mean().item<double>();
            sum += view.valid[picture][row][column].item<double>() * 1.5 *
                   std::exp(-view.uncertainty[picture][row][column].item<double>()) * error;
        }
        expected += sum / (picture == 0 ? 4.0 : 2.0) / 2;
    }
    EXPECT_NEAR(featSharpViewLoss(view).item<double>(), expected, 1e-6);
}

TEST(MultiViewLoss, WeightsOfAViewHaveMeanOne) {
    const at::Tensor half =
        at::tensor({0.5, 0.0, 0.5, 0.0, 0.5, 0.5, 0.0, 0.0, 1.0}, at::kFloat).view({1, 3, 3});
    const at::Tensor plain = onViewGrid(seamWeights(4, 2), half, 4, WarpAnchor::OuterEdges);
    ASSERT_EQ(plain.sizes(), (std::vector<int64_t>{1, 4, 4}));
    // The right lower quarter: its left and upper borders touch the seam.
    EXPECT_GT(plain[0][0][0].item<double>(), 1.4);
    EXPECT_FLOAT_EQ(plain[0][3][3].item<float>(), 1.f);
    EXPECT_NEAR(withMeanOne(plain).mean().item<double>(), 1, 1e-6);
}

TEST(MultiViewLoss, FeatUpIsAGaussianLikelihood) {
    const at::Tensor predicted = uniform({1, 2, 2, 2}), target = at::zeros({1, 2, 2, 2});
    const at::Tensor deviation = 0.5 + uniform({1, 1, 2, 2});
    double expected = 0;
    for (int64_t channel = 0; channel < 2; ++channel)
        for (int64_t place = 0; place < 4; ++place) {
            const double error = predicted.flatten(2)[0][channel][place].item<double>();
            const double s = deviation.flatten()[place].item<double>();
            expected += (error * error / (2 * s * s) + std::log(s)) / 8;
        }
    EXPECT_NEAR(featUpViewLoss(predicted, target, deviation).item<double>(), expected, 1e-6);
}

TEST(MultiViewLoss, ProjectionsHaveUnitColumns) {
    const at::Tensor projection = randomProjection(2, 5, 3, randomStream(7, 0, "projection"));
    EXPECT_TRUE(at::allclose(projection.square().sum(1), at::ones({2, 3})));
    const at::Tensor map = uniform({2, 5, 4, 3});
    EXPECT_TRUE(
        at::allclose(project(map, projection), at::einsum("bchw,bcd->bdhw", {map, projection}), 1e-5, 1e-5));
}

TEST(MultiViewLoss, RandomFieldIsTheMeanOverPairs) {
    const at::Tensor picture = uniform({2, 3, 5, 4}), features = uniform({2, 6, 5, 4}) * 2;
    constexpr int64_t samples = 7;
    // The same draws: rows first, then columns.
    const at::Generator random = randomStream(8, 0, "places");
    const at::Tensor row = at::randint(0, 5, {samples}, random, at::TensorOptions().dtype(at::kLong));
    const at::Tensor column = at::randint(0, 4, {samples}, random, at::TensorOptions().dtype(at::kLong));
    double expected = 0;
    for (int64_t b = 0; b < 2; ++b)
        for (int64_t i = 0; i < samples; ++i)
            for (int64_t j = 0; j < samples; ++j) {
                const auto apart = [&](const at::Tensor& map) {
                    const auto at = [&](int64_t k) {
                        return map[b].select(2, column[k].item<int64_t>()).select(1, row[k].item<int64_t>());
                    };
                    return (at(i) - at(j)).square().sum().item<double>();
                };
                const double y = (row[i] - row[j]).item<double>() / 5,
                             x = (column[i] - column[j]).item<double>() / 4;
                const double place = y * y + x * x;
                const double alike =
                    10 * std::exp(-place / 0.2 - apart(picture) / 0.3) + 3 * std::exp(-place / 0.01);
                expected += apart(features) * alike / double(2 * samples * samples);
            }
    EXPECT_NEAR(sampledCrf(picture, features, samples, randomStream(8, 0, "places")).item<double>(), expected,
                1e-4 * expected);
}

TEST(MultiViewLoss, RandomFieldPullsLikePlacesTogether) {
    // Left half black, right half white; features that follow the picture cost less than ones across it.
    at::Tensor picture = at::zeros({1, 3, 16, 16});
    picture.narrow(3, 8, 8).fill_(1);
    const at::Tensor along = picture.narrow(1, 0, 1), across = along.transpose(2, 3).contiguous();
    const auto field = [&](const at::Tensor& features) {
        return sampledCrf(picture, features, 400, randomStream(8, 0, "places")).item<double>();
    };
    EXPECT_LT(field(along), 0.5 * field(across));
    EXPECT_NEAR(field(at::ones({1, 1, 16, 16})), 0, 1e-5);
}

}  // namespace
}  // namespace vitrine
