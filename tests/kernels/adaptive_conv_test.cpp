#include "kernels/operators.h"
#include "tests/kernels/kernel_checks.h"

#include <torch/csrc/autograd/autograd.h>

namespace vitrine::kernels {
namespace {

struct Sizes {
    int64_t batch, channels, height, width, rows, columns;
};
const Sizes kSizes[] = {{2, 4, 6, 19, 5, 5},  {1, 9, 3, 7, 3, 7},  {1, 1, 1, 1, 1, 2},   {2, 3, 2, 33, 7, 7},
                        {1, 17, 9, 16, 2, 8}, {3, 8, 5, 67, 1, 1}, {1, 3, 1, 130, 7, 11}};

at::Tensor plainConv(const at::Tensor& input, const at::Tensor& filters) {
    const int64_t rows = filters.size(3), columns = filters.size(4);
    const auto windows =
        at::im2col(input, {rows, columns}, {1, 1}, {0, 0}, {1, 1})
            .reshape({input.size(0), input.size(1), rows * columns, filters.size(1), filters.size(2)});
    return (windows * filters.flatten(3).permute({0, 3, 1, 2}).unsqueeze(1)).sum(2);
}

TensorList inputsOf(const Sizes& s) {
    return {at::randn({s.batch, s.channels, s.height + s.rows - 1, s.width + s.columns - 1}, at::kDouble),
            at::randn({s.batch, s.height, s.width, s.rows, s.columns}, at::kDouble)};
}

TEST(AdaptiveConv, AgreesWithThePlainDefinitionInBothDirections) {
    at::manual_seed(1);
    for (const auto& device : testedDevices())
        for (const auto& sizes : kSizes)
            for (const auto type : {at::kDouble, at::kFloat}) {
                const double tolerance = type == at::kDouble ? 1e-13 : 2e-6;
                TensorList given, rounded;
                for (const auto& input : inputsOf(sizes)) {
                    given.push_back(input.to(device, type));
                    rounded.push_back(given.back().cpu().to(at::kDouble));
                }
                const auto grad =
                    at::randn({sizes.batch, sizes.channels, sizes.height, sizes.width}, at::kDouble).to(type);
                const auto run = [](const TensorList& in) { return adaptiveConv(in[0], in[1]); };
                const auto plain = [](const TensorList& in) { return plainConv(in[0], in[1]); };
                poisonFreeBlocks(grad.to(device));
                EXPECT_LE(errorAgainst(run(given), plain(rounded)), tolerance)
                    << sizes.width << " on " << device;
                const auto found = gradientsOf(run, given, grad.to(device));
                const auto expected = gradientsOf(plain, rounded, grad.to(at::kDouble));
                for (size_t index = 0; index < found.size(); ++index)
                    EXPECT_LE(errorAgainst(found[index], expected[index]), tolerance)
                        << "gradient " << index << ", width " << sizes.width << " on " << device;
            }
}

TEST(AdaptiveConv, SpreadAndProductsAreItsGradients) {
    at::manual_seed(2);
    for (const auto& sizes : kSizes) {
        const auto inputs = inputsOf(sizes);
        const auto grad = at::randn({sizes.batch, sizes.channels, sizes.height, sizes.width}, at::kDouble);
        const auto grads =
            gradientsOf([](const TensorList& in) { return plainConv(in[0], in[1]); }, inputs, grad);
        EXPECT_LE(errorAgainst(adaptiveConvSpread(grad, inputs[1]), grads[0]), 1e-13);
        EXPECT_LE(errorAgainst(neighbourProducts(grad, inputs[0]), grads[1]), 1e-13);
    }
}

TEST(AdaptiveConv, EveryPartOfTheFormAgreesWithDifferenceQuotients) {
    at::manual_seed(3);
    for (const auto& device : testedDevices()) {
        const auto on = [&](at::IntArrayRef shape) { return at::randn(shape, at::kDouble).to(device); };
        const auto input = on({2, 3, 10, 13}), filters = on({2, 4, 7, 7, 7}), centre = on({2, 3, 4, 7});
        EXPECT_LE(differenceQuotientError([](const auto& in) { return adaptiveConv(in[0], in[1]); },
                                          {input, filters}),
                  1e-8);
        EXPECT_LE(differenceQuotientError([](const auto& in) { return adaptiveConvSpread(in[0], in[1]); },
                                          {centre, filters}),
                  1e-8);
        EXPECT_LE(differenceQuotientError([](const auto& in) { return neighbourProducts(in[0], in[1]); },
                                          {centre, input}),
                  1e-8);
    }
}

TEST(AdaptiveConv, SecondDerivativesExist) {
    at::manual_seed(4);
    const auto filters = at::randn({1, 4, 5, 3, 3}, at::kDouble),
               direction = at::randn({1, 2, 6, 7}, at::kDouble);
    // The gradient of Σ conv² along a direction, itself differentiated.
    const auto derivative = [&](const TensorList& in) {
        auto input = in[0];
        if (!input.requires_grad())
            input = input.detach().requires_grad_();
        const at::AutoGradMode withGradients(true);
        const auto sum = adaptiveConv(input, filters).square().sum();
        return torch::autograd::grad({sum}, {input}, {}, true, true)[0];
    };
    EXPECT_LE(differenceQuotientError(derivative, {at::randn({1, 2, 6, 7}, at::kDouble)}), 1e-7);
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

TEST(AdaptiveConv, MismatchedPartsAreNamed) {
    const auto message = [](const std::function<void()>& call) {
        try {
            call();
        } catch (const c10::Error& error) {
            return std::string(error.what_without_backtrace());
        }
        return std::string("no error");
    };
    EXPECT_NE(message([] {
                  adaptiveConvSpread(at::zeros({1, 2, 4, 4}), at::zeros({1, 4, 5, 3, 3}));
              }).find("filters"),
              std::string::npos);
    EXPECT_NE(message([] {
                  neighbourProducts(at::zeros({1, 2, 4, 4}), at::zeros({1, 2, 3, 9}));
              }).find("at least as large"),
              std::string::npos);
}

}  // namespace
}  // namespace vitrine::kernels
