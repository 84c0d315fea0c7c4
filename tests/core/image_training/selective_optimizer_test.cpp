#include "core/image_training/selective_optimizer.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

using Kind = SelectiveOptimizerOptions::Kind;

struct SelectiveOptimizerTest : ::testing::TestWithParam<Kind> {
    SelectiveOptimizerOptions options() const {
        SelectiveOptimizerOptions chosen;
        chosen.kind = GetParam();
        chosen.weightDecay = 0.1;
        return chosen;
    }
};

// Momentum and weight decay would both move what is not selected.
TEST_P(SelectiveOptimizerTest, WhatIsNotSelectedStandsStillBitByBit) {
    std::vector<at::Tensor> weights{at::randn({4, 5})};
    SelectiveOptimizer optimizer(weights, {true}, options());
    for (int step = 0; step < 3; ++step)
        optimizer.step(weights, {at::randn({4, 5})}, {at::Tensor()}, 0.1);
    const at::Tensor before = weights[0].clone(), chosen = at::rand({4, 5}).lt(0.5);
    for (int step = 0; step < 3; ++step)
        optimizer.step(weights, {at::randn({4, 5})}, {chosen}, 0.1);
    EXPECT_TRUE(at::equal(weights[0].masked_select(chosen.logical_not()),
                          before.masked_select(chosen.logical_not())));
    EXPECT_TRUE(weights[0].ne(before).masked_select(chosen).all().item<bool>());
    const at::Tensor still = weights[0].clone();
    optimizer.step(weights, {at::randn({4, 5})}, {at::empty({0}, at::kBool)}, 0.1);
    EXPECT_TRUE(at::equal(weights[0], still));
}

TEST_P(SelectiveOptimizerTest, AResetWeightMovesAsANewOne) {
    std::vector<at::Tensor> used{at::ones({2})}, fresh{at::ones({2})};
    SelectiveOptimizer optimizer(used, {true}, options()), other(fresh, {true}, options());
    for (int step = 0; step < 5; ++step)
        optimizer.step(used, {at::full({2}, 3.)}, {at::Tensor()}, 0.1);
    used[0].fill_(1);
    optimizer.reset(0, at::tensor(std::vector<int64_t>{1, 0}).to(at::kBool));
    optimizer.step(used, {at::full({2}, -0.5)}, {at::Tensor()}, 0.1);
    other.step(fresh, {at::full({2}, -0.5)}, {at::Tensor()}, 0.1);
    EXPECT_EQ(used[0][0].item<float>(), fresh[0][0].item<float>());
    EXPECT_NE(used[0][1].item<float>(), fresh[0][1].item<float>());
}

TEST_P(SelectiveOptimizerTest, StateGoesRound) {
    std::vector<at::Tensor> a{at::randn({3})};
    SelectiveOptimizer first(a, {true}, options());
    first.step(a, {at::randn({3})}, {at::Tensor()}, 0.1);
    std::map<std::string, at::Tensor> state;
    first.save(state);
    for (auto& [name, tensor] : state)
        tensor = tensor.clone();
    std::vector<at::Tensor> b{a[0].clone()};
    SelectiveOptimizer second(b, {true}, options());
    ASSERT_TRUE(second.restore(state));
    const at::Tensor gradient = at::randn({3});
    first.step(a, {gradient}, {at::Tensor()}, 0.1);
    second.step(b, {gradient}, {at::Tensor()}, 0.1);
    EXPECT_TRUE(at::equal(a[0], b[0]));
    state.erase("optimizer.0.first");
    EXPECT_NE(second.restore(state).error().text().find("optimizer.0.first"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SelectiveOptimizerTest, ::testing::Values(Kind::Sgd, Kind::AdamW));

}  // namespace
}  // namespace vitrine
