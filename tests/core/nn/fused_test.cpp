#include "core/nn/fused.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace vitrine::nn {
namespace {

struct Case {
    int64_t rows, in, out;
};

// Few rows, some and many, odd widths, enough outputs for several threads: every way through.
constexpr Case kCases[] = {{1, 7, 5},    {1, 131, 2051}, {3, 40, 6},    {4, 257, 1030}, {5, 33, 7},
                           {31, 16, 16}, {32, 16, 16},   {197, 96, 33}, {400, 3, 1}};

void expectClose(const at::Tensor& found, const at::Tensor& wanted) {
    ASSERT_EQ(found.sizes(), wanted.sizes());
    EXPECT_LT((found - wanted).abs().max().item<double>(), 1e-5 * (1 + wanted.abs().max().item<double>()));
}

TEST(FusedLinear, AgreesWithTheLayerAndTheActivationApart) {
    at::manual_seed(1);
    for (const Case& size : kCases)
        for (const char* name : {"gelu", "gelu_pytorch_tanh", "relu", "silu", "quick_gelu"}) {
            SCOPED_TRACE(testing::Message()
                         << size.rows << " x " << size.in << " -> " << size.out << " " << name);
            const Activation activation = activationByName(name);
            const at::Tensor x = at::randn({size.rows, size.in}), weight = at::randn({size.out, size.in}),
                             bias = at::randn({size.out});
            expectClose(linear(x, weight, bias), at::linear(x, weight, bias));
            expectClose(nn::linear(x, weight, at::Tensor()), at::linear(x, weight));
            expectClose(linear(x, weight, bias, activation), activation(at::linear(x, weight, bias)));
            expectClose(linear(x.unsqueeze(0), weight, bias, activation),
                        activation(at::linear(x, weight, bias)).unsqueeze(0));
        }
}

TEST(FusedLinear, TakesEveryLayoutAndType) {
    at::manual_seed(2);
    const at::Tensor weight = at::randn({24, 40}), bias = at::randn({24}), wide = at::randn({40, 64});
    const Activation gelu = activationByName("gelu");
    expectClose(linear(wide.t(), weight, bias, gelu),
                at::gelu(at::linear(wide.t().contiguous(), weight, bias)));
    const at::Tensor rows = at::randn({128, 80}).narrow(1, 3, 40);
    expectClose(linear(rows, weight, bias), at::linear(rows.contiguous(), weight, bias));
    expectClose(linear(rows, at::randn({40, 24}).t().copy_(weight), bias), at::linear(rows, weight, bias));
    const auto asHalf = [](const at::Tensor& tensor) { return tensor.to(at::kBFloat16); };
    const at::Tensor half = linear(asHalf(rows), asHalf(weight), asHalf(bias), gelu);
    EXPECT_EQ(half.scalar_type(), at::kBFloat16);
    EXPECT_LT((half.to(at::kFloat) - at::gelu(at::linear(rows, weight, bias))).abs().max().item<double>(),
              0.5);
    EXPECT_EQ(linear(at::zeros({0, 40}), weight, bias).sizes(), at::IntArrayRef({0, 24}));
}

TEST(FusedLinear, RecordsGradientsWhereTheyAreWanted) {
    at::manual_seed(3);
    const at::Tensor x = at::randn({64, 12});
    const at::Tensor weight = at::randn({8, 12}).requires_grad_(), bias = at::randn({8}).requires_grad_();
    linear(x, weight, bias, activationByName("gelu")).sum().backward();
    const at::Tensor found = weight.grad().clone();
    weight.mutable_grad().reset();
    at::gelu(at::linear(x, weight, bias)).sum().backward();
    EXPECT_TRUE(at::equal(found, weight.grad()));
    // A frozen layer passes the gradient of its input on.
    const at::Tensor input = at::randn({64, 12}).requires_grad_();
    linear(input, weight.detach(), bias.detach()).sum().backward();
    EXPECT_TRUE(input.grad().defined());
}

TEST(AddBranch, ScalesTheBranchWhereThereIsAScale) {
    const at::Tensor residual = at::randn({4, 6}), branch = at::randn({4, 6}), scale = at::randn({6});
    expectClose(addBranch(residual, branch.clone(), scale), residual + branch * scale);
    expectClose(addBranch(residual, branch.clone(), at::Tensor()), residual + branch);
}

}  // namespace
}  // namespace vitrine::nn
