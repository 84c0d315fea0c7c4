#include "core/distill/spectral_weights.h"

#include "core/distill/random_stream.h"
#include "core/distill/student.h"
#include "core/nn/layers.h"

#include <ATen/ops/linalg_svdvals.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

struct Net : torch::nn::Module {
    Net() {
        linear = register_module("linear", std::make_shared<nn::Linear>(6, 4));
        nn::ConvOptions wide;
        wide.kernelHeight = wide.kernelWidth = 3;
        convolution = register_module("convolution", std::make_shared<nn::Conv2d>(2, 5, wide));
        last = register_module("last", std::make_shared<nn::Linear>(4, 1));
        const at::NoGradGuard noGrad;
        const at::Generator random = randomStream(9, 0, "net");
        for (at::Tensor& parameter : parameters())
            parameter.uniform_(-0.4, 0.4, random);
    }
    std::shared_ptr<nn::Linear> linear, last;
    std::shared_ptr<nn::Conv2d> convolution;
};

double spectralNorm(const at::Tensor& weight) {
    return at::linalg_svdvals(weight.detach().flatten(1)).max().item<double>();
}

TEST(SpectralWeights, StartsWhereTheLayersWere) {
    Net net;
    const at::Tensor before = net.linear->weight.detach().clone();
    SpectralWeights spectral(net, "", randomStream(10, 0, "vectors"));
    spectral.apply(false);
    EXPECT_TRUE(at::allclose(net.linear->weight, before, 1e-5, 1e-6));
    EXPECT_EQ(spectral.scales().size(), 2u);  // a single row has no direction to lose
    EXPECT_NEAR(spectral.scales()[0].tensor.item<double>(), spectralNorm(before),
                0.01 * spectralNorm(before));
}

TEST(SpectralWeights, TheScaleIsTheNormWhateverTheOriginal) {
    Net net;
    SpectralWeights spectral(net, "", randomStream(10, 0, "vectors"));
    {
        const at::NoGradGuard noGrad;
        net.named_parameters()["convolution.weight"].mul_(7);
        for (int i = 0; i < 40; ++i)
            spectral.apply(true);
    }
    EXPECT_NEAR(spectralNorm(net.convolution->weight), spectral.scales()[1].tensor.item<double>(), 1e-3);
    EXPECT_TRUE(at::allclose(spectral.folded().at("convolution.weight"), net.convolution->weight));
}

TEST(SpectralWeights, GradientsReachOriginalsAndScalesAndMatchDifferences) {
    Net net;
    SpectralWeights spectral(net, "", randomStream(10, 0, "vectors"));
    const at::Tensor x = at::randn({3, 6}, randomStream(11, 0, "x"), at::TensorOptions());
    spectral.apply(false);
    net.linear->forward(x).square().sum().backward();
    spectral.collect();
    at::Tensor original = net.named_parameters()["linear.weight"];
    at::Tensor scale = spectral.scales()[0].tensor;
    ASSERT_TRUE(original.grad().defined());
    ASSERT_TRUE(scale.grad().defined());
    const auto loss = [&] {
        spectral.apply(false);
        return net.linear->forward(x).square().sum().item<double>();
    };
    const at::NoGradGuard noGrad;
    const double step = 1e-2;
    const auto slope = [&](at::Tensor value) {
        value.add_(step);
        const double above = loss();
        value.sub_(2 * step);
        const double below = loss();
        value.add_(step);
        return (above - below) / (2 * step);
    };
    EXPECT_NEAR(slope(scale), scale.grad().item<double>(), 0.02 * std::abs(scale.grad().item<double>()));
    at::Tensor entry = original[1][2];
    const double expected = original.grad()[1][2].item<double>();
    EXPECT_NEAR(slope(entry), expected, 0.05 * std::abs(expected) + 0.02);
}

TEST(SpectralWeights, StateIsWholeAndChecked) {
    Net first, second;
    SpectralWeights from(first, "", randomStream(10, 0, "vectors")),
        to(second, "", randomStream(12, 0, "others"));
    {
        const at::NoGradGuard noGrad;
        from.scales()[0].tensor.fill_(3);
        first.named_parameters()["linear.weight"].copy_(second.named_parameters()["linear.weight"]);
    }
    auto state = from.state();
    ASSERT_TRUE(to.restore(state));
    EXPECT_TRUE(to.folded().at("linear.weight").equal(from.folded().at("linear.weight")));
    state.erase("spectral.convolution.weight.u");
    const auto refused = to.restore(state);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("convolution.weight.u"), std::string::npos);
}

TEST(SpectralWeights, SeveralBackwardPassesAddUp) {
    Net net;
    SpectralWeights spectral(net, "", randomStream(10, 0, "vectors"));
    const at::Tensor x = at::randn({3, 6}, randomStream(11, 0, "x"), at::TensorOptions());
    at::Tensor original = net.named_parameters()["linear.weight"];
    spectral.apply(false);
    net.linear->forward(x).square().sum().backward();
    spectral.collect();
    const at::Tensor once = original.grad().clone();
    original.mutable_grad() = at::Tensor();
    spectral.apply(false);
    for (const double share : {0.25, 0.75})
        (net.linear->forward(x).square().sum() * share).backward();
    spectral.collect();
    EXPECT_TRUE(at::allclose(original.grad(), once, 1e-5, 1e-6));
}

// A student's blocks: queries, keys and values have norms of their own, heads keep plain weights.
TEST(SpectralWeights, PartsOfAttentionHaveNormsOfTheirOwn) {
    StudentOptions options;
    options.width = 24;
    options.depth = 2;
    options.headCount = 2;
    options.teachers = {{"teacher", 8, 12}};
    const auto student = makeStudent(options, 4);
    SpectralOptions wanted;
    wanted.separateParts = true;
    wanted.wanted = takesSpectralWeights;
    SpectralWeights spectral(*student, "", randomStream(3, 0, "vectors"), wanted);
    // The patch embedding; of each block three parts of qkv, proj, fc1 and fc2.
    ASSERT_EQ(spectral.scales().size(), 1u + 2u * 6u);
    const std::string name = "radio_model.model.blocks.1.attn.qkv.weight";
    {
        const at::NoGradGuard noGrad;
        student->named_parameters()[name].narrow(0, 24, 24).mul_(
            5);  // the keys' directions stay what they were
        for (const OptimizedParameter& scale : spectral.scales())
            if (scale.name.find(name) != std::string::npos)
                scale.tensor.fill_(scale.name.find("parts.0") != std::string::npos   ? 0.5
                                   : scale.name.find("parts.1") != std::string::npos ? 1.5
                                                                                     : 2.5);
        for (int i = 0; i < 60; ++i)
            spectral.apply(true);
    }
    const at::Tensor folded = spectral.folded().at(name);
    for (const int64_t part : {0, 1, 2})
        EXPECT_NEAR(spectralNorm(folded.narrow(0, 24 * part, 24)), 0.5 + double(part), 0.02) << part;
    for (const OptimizedParameter& each : spectral.scales()) {
        EXPECT_TRUE(each.decays);
        EXPECT_EQ(each.name.find(".adaptors."), std::string::npos) << each.name;
    }
    // What is computed with: weights in use for originals, scales left out.
    std::vector<OptimizedParameter> parameters = trainedParameters(*student);
    const size_t plain = parameters.size();
    for (const OptimizedParameter& scale : spectral.scales())
        parameters.push_back(scale);
    const auto used = spectral.inUse(parameters);
    ASSERT_EQ(used.size(), plain);
    for (size_t i = 0; i < plain; ++i)
        if (used[i].name == name) {
            EXPECT_FALSE(used[i].tensor.is_same(parameters[i].tensor));
            EXPECT_TRUE(at::allclose(used[i].tensor, folded));
        }
}

}  // namespace
}  // namespace vitrine
