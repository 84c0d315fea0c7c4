#include "core/distill/random_stream.h"
#include "core/upsampling/attention_downsampler.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

at::Generator stream(const char* purpose) {
    return randomStream(5, 0, purpose);
}

AttentionDownsampler make(DownsamplerKind kind, int64_t channels, int64_t kernel, int64_t stride) {
    DownsamplerOptions options;
    options.kind = kind;
    options.channels = channels;
    options.kernel = kernel;
    options.stride = stride;
    return AttentionDownsampler(options, stream("weights"));
}

at::Tensor noise(at::IntArrayRef shape) {
    return at::randn(shape, stream("noise"), at::TensorOptions());
}

void spread(AttentionDownsampler& module, double deviation) {
    const at::NoGradGuard noGrad;
    for (auto& parameter : module.parameters())
        parameter.copy_(at::randn(parameter.sizes(), stream("spread"), at::TensorOptions()) * deviation);
}

class BothKinds : public ::testing::TestWithParam<DownsamplerKind> {};
INSTANTIATE_TEST_SUITE_P(Downsampler, BothKinds,
                         ::testing::Values(DownsamplerKind::FeatSharp, DownsamplerKind::FeatUp));

TEST_P(BothKinds, ConstantMapsStayAndWeightsSumToOne) {
    AttentionDownsampler module = make(GetParam(), 3, GetParam() == DownsamplerKind::FeatSharp ? 5 : 4, 2);
    spread(module, 0.2);
    const at::Tensor constant = at::full({2, 3, 8, 8}, 1.5f);
    EXPECT_TRUE(at::allclose(module.forward(constant), at::full({}, 1.5f)));
    const at::Tensor weights = module.weights(module.blurred(noise({2, 3, 8, 8})), nullptr);
    EXPECT_TRUE(at::allclose(weights.sum(1), at::ones({})));
}

// By hand: blurred and reflected map, logits by loops, softmax, weighted mean.
TEST(Downsampler, FeatSharpIsWhatItsDefinitionSays) {
    AttentionDownsampler module = make(DownsamplerKind::FeatSharp, 2, 3, 2);
    spread(module, 0.3);
    const at::Tensor map = noise({1, 2, 6, 6});
    const at::Tensor smooth = module.blurred(map);  // (1, 2, 8, 8)
    ASSERT_EQ(smooth.size(2), 8);
    EXPECT_FLOAT_EQ(smooth[0][1][0][3].item<float>(), smooth[0][1][2][3].item<float>());  // reflected
    auto parameters = module.named_parameters();
    const at::Tensor kernel = parameters["attn_kernel"], bias = parameters["kernel_bias"],
                     logitBias = parameters["logit_bias"];
    const at::Tensor out = module.forward(map);
    ASSERT_EQ(out.sizes(), (std::vector<int64_t>{1, 2, 3, 3}));
    for (int64_t row = 0; row < 3; ++row)
        for (int64_t column = 0; column < 3; ++column) {
            const at::Tensor window = smooth[0].narrow(1, 2 * row, 3).narrow(2, 2 * column, 3);
            at::Tensor logits = at::empty({9});
            for (int64_t cell = 0; cell < 9; ++cell)
                logits[cell] = (kernel[cell] * window).sum() + bias[cell] + logitBias[0][cell][0][0];
            const at::Tensor expected = (window.flatten(1) * logits.softmax(0)).sum(1);
            EXPECT_TRUE(at::allclose(out.select(3, column).select(2, row)[0], expected, 1e-4, 1e-5));
        }
}

TEST(Downsampler, FeatUpIsWhatItsDefinitionSays) {
    AttentionDownsampler module = make(DownsamplerKind::FeatUp, 2, 4, 2);
    spread(module, 0.4);
    const at::Tensor map = noise({1, 2, 8, 8}), smooth = module.blurred(map);
    ASSERT_EQ(smooth.size(2), 8);
    auto parameters = module.named_parameters();
    const at::Tensor saliency =
        at::einsum("c,chw->hw", {parameters["attention_net.1.weight"][0], smooth[0]}) +
        parameters["attention_net.1.bias"][0];
    const at::Tensor out = module.forward(map);
    ASSERT_EQ(out.sizes(), (std::vector<int64_t>{1, 2, 3, 3}));
    for (int64_t row = 0; row < 3; ++row)
        for (int64_t column = 0; column < 3; ++column) {
            const at::Tensor logits =
                saliency.narrow(0, 2 * row, 4).narrow(1, 2 * column, 4) * parameters["w"] + parameters["b"];
            const at::Tensor window = smooth[0].narrow(1, 2 * row, 4).narrow(2, 2 * column, 4);
            const at::Tensor expected = (window.flatten(1) * logits.flatten().softmax(0)).sum(1);
            EXPECT_TRUE(at::allclose(out.select(3, column).select(2, row)[0], expected, 1e-4, 1e-5));
        }
}

TEST(Downsampler, TrainingIgnoresAFifthOfTheCells) {
    AttentionDownsampler module = make(DownsamplerKind::FeatSharp, 4, 3, 2);
    spread(module, 0.5);
    {
        const at::NoGradGuard noGrad;
        module.named_parameters()["logit_bias"].zero_();
    }
    const at::Tensor smooth = module.blurred(noise({4, 4, 48, 48}));
    const at::Generator random = stream("dropout");
    const at::Tensor weights = module.weights(smooth, &random);
    // Without what is there and without biases all weights are equal.
    const at::Tensor flat = (weights - 1.0 / 9).abs().amax(1).lt(1e-6).to(at::kFloat);
    EXPECT_NEAR(flat.mean().item<double>(), 0.2, 0.03);
    EXPECT_LT(module.weights(smooth, nullptr).std(1).eq(0).to(at::kFloat).mean().item<double>(), 1e-3);
}

TEST_P(BothKinds, GradientsMatchDifferences) {
    AttentionDownsampler module = make(GetParam(), 2, GetParam() == DownsamplerKind::FeatSharp ? 3 : 4, 2);
    spread(module, 0.3);
    module.to(at::kDouble);
    at::Tensor map = noise({1, 2, 8, 8}).to(at::kDouble).requires_grad_(true);
    const at::Tensor pull = noise({1, 2, 8, 8}).to(at::kDouble);
    const auto loss = [&](const at::Tensor& x) {
        const at::Tensor out = module.forward(x);
        return (out * pull.narrow(2, 0, out.size(2)).narrow(3, 0, out.size(3))).sum();
    };
    loss(map).backward();
    const at::NoGradGuard noGrad;
    constexpr double kStep = 1e-5;
    const auto check = [&](at::Tensor tensor, const std::string& what) {
        const at::Tensor direction =
            at::randn(tensor.sizes(), stream("direction"), tensor.options().requires_grad(false));
        const at::Tensor kept = tensor.detach().clone();
        tensor.copy_(kept + kStep * direction);
        const double above = loss(map).item<double>();
        tensor.copy_(kept - kStep * direction);
        const double below = loss(map).item<double>();
        tensor.copy_(kept);
        const double expected = (above - below) / (2 * kStep);
        const double found = (tensor.grad() * direction).sum().item<double>();
        EXPECT_NEAR(found, expected, 1e-5 * std::max(1.0, std::abs(expected))) << what;
    };
    check(map, "map");
    for (auto& entry : module.named_parameters())
        if (entry.key() != "kernel_bias" || GetParam() == DownsamplerKind::FeatSharp)
            check(entry.value(), entry.key());
}

}  // namespace
}  // namespace vitrine
