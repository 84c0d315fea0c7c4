#include "core/distill/optimizer.h"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

namespace vitrine {
namespace {

at::Tensor leaf() {
    at::manual_seed(5);
    return at::randn({4, 6}).set_requires_grad(true);
}

void takeSteps(Optimizer& optimizer, const at::Tensor& weight, int count) {
    for (int step = 0; step < count; ++step) {
        optimizer.clearGradients();
        (weight.square() * at::arange(24).view({4, 6})).sum().backward();
        optimizer.step(0.01);
    }
}

TEST(Optimizer, AdamWIsPyTorchs) {
    const at::Tensor ours = leaf(), theirs = leaf();
    Optimizer optimizer({{"weight", ours}}, {.kind = OptimizerKind::AdamW, .weightDecay = 0.1});
    takeSteps(optimizer, ours, 20);
    torch::optim::AdamW reference({theirs}, torch::optim::AdamWOptions(0.01).weight_decay(0.1));
    for (int step = 0; step < 20; ++step) {
        reference.zero_grad();
        (theirs.square() * at::arange(24).view({4, 6})).sum().backward();
        reference.step();
    }
    EXPECT_TRUE(at::allclose(ours, theirs, 1e-5, 1e-6));
}

// Values of torch.optim.NAdam(lr=0.01) after three steps of d/dw (w²) from w = 1.
TEST(Optimizer, NAdamTakesTheReferenceSteps) {
    at::Tensor weight = at::ones({1}).set_requires_grad(true);
    Optimizer optimizer({{"weight", weight, 1, false}}, {.kind = OptimizerKind::NAdam, .weightDecay = 0});
    double expected = 1, first = 0, second = 0, product = 1;
    for (int step = 1; step <= 3; ++step) {
        const auto momentum = [](int t) { return 0.9 * (1 - 0.5 * std::pow(0.96, t * 0.004)); };
        const double gradient = 2 * expected;
        product *= momentum(step);
        first = 0.9 * first + 0.1 * gradient;
        second = 0.999 * second + 0.001 * gradient * gradient;
        const double root = std::sqrt(second / (1 - std::pow(0.999, step))) + 1e-8;
        expected -= 0.01 * (1 - momentum(step)) / (1 - product) * gradient / root;
        expected -= 0.01 * momentum(step + 1) / (1 - product * momentum(step + 1)) * first / root;
        optimizer.clearGradients();
        weight.square().sum().backward();
        optimizer.step(0.01);
    }
    EXPECT_NEAR(weight.item<double>(), expected, 1e-6);
}

TEST(Optimizer, LambStepIsTheWeightNormTimesTheRate) {
    const at::Tensor weight = leaf();
    const at::Tensor before = weight.detach().clone();
    Optimizer optimizer({{"weight", weight}}, {.kind = OptimizerKind::Lamb, .weightDecay = 0});
    takeSteps(optimizer, weight, 1);
    EXPECT_NEAR((weight - before).norm().item<double>(), 0.01 * before.norm().item<double>(), 1e-5);
}

TEST(Optimizer, RestoredStateGoesOnBitByBit) {
    for (const OptimizerKind kind : {OptimizerKind::AdamW, OptimizerKind::Lamb, OptimizerKind::NAdam}) {
        const at::Tensor unbroken = leaf(), broken = leaf();
        Optimizer whole({{"weight", unbroken}}, {.kind = kind}), start({{"weight", broken}}, {.kind = kind});
        takeSteps(whole, unbroken, 7);
        takeSteps(start, broken, 3);
        Optimizer resumed({{"weight", broken}}, {.kind = kind});
        ASSERT_TRUE(resumed.restore(start.state()));
        takeSteps(resumed, broken, 4);
        EXPECT_TRUE(at::equal(unbroken, broken)) << optimizerName(kind);
    }
}

TEST(Optimizer, ClippingScalesToTheLimitAndLeavesBadGradientsAlone) {
    const at::Tensor weight = leaf();
    Optimizer optimizer({{"weight", weight}}, {});
    weight.sum().backward();
    EXPECT_NEAR(optimizer.clipGradients(1), std::sqrt(24.0), 1e-5);
    EXPECT_NEAR(weight.grad().norm().item<double>(), 1, 1e-5);
    weight.mutable_grad()[1][2] = std::nan("");
    EXPECT_TRUE(std::isnan(optimizer.clipGradients(1)));
    EXPECT_EQ(optimizer.firstBadGradient(), "weight");
}

TEST(CosineRate, WarmsUpAndEndsAtTheFinalRate) {
    EXPECT_DOUBLE_EQ(cosineRate(0, 10, 100, 1.0), 0.1);
    EXPECT_DOUBLE_EQ(cosineRate(9, 10, 100, 1.0), 1.0);
    EXPECT_NEAR(cosineRate(100, 10, 100, 1.0, 0.01), 0.01, 1e-12);
}

}  // namespace
}  // namespace vitrine
