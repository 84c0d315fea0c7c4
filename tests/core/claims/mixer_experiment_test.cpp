// The mixers of MambaVision's ablation: what must hold of them exactly, and a short version of the
// experiment.
#include "core/claims/mamba_vision_experiments.h"
#include "core/claims/mixer_network.h"
#include "core/distill/random_stream.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace vitrine {
namespace {

using namespace mixers;

constexpr int64_t kWidth = 64, kTokens = 9;

int64_t countOf(const torch::nn::Module& module) {
    int64_t count = 0;
    for (const at::Tensor& parameter : module.parameters())
        count += parameter.numel();
    return count;
}

// Weights of a size at which influence over many tokens stays far from rounding.
void fill(torch::nn::Module& module, int64_t draw) {
    mambavision::initializeTokenBlocks(module, randomStream(1, draw, "mixer test"));
    const at::NoGradGuard noGrad;
    for (at::Tensor& parameter : module.parameters())
        if (parameter.dim() == 2)
            parameter.mul_(8);
}

at::Tensor tokensOf(int64_t draw) {
    return at::randn({1, kTokens, kWidth}, randomStream(2, draw, "mixer test"), at::TensorOptions());
}

// |∂ out_i / ∂ in_j| in float64, (T, T) with rows i.
at::Tensor influence(Mixer& mixer) {
    mixer.to(at::kDouble);
    const at::Tensor input = tokensOf(0).to(at::kDouble).requires_grad_();
    const at::Tensor output = mixer.forward(input).square().sum(at::IntArrayRef({0, 2}));
    std::vector<at::Tensor> rows;
    for (int64_t i = 0; i < kTokens; ++i)
        rows.push_back(torch::autograd::grad({output[i]}, {input}, {}, true)[0].norm(2, {2}).squeeze(0));
    return at::stack(rows);
}

TEST(MixerDesigns, OnlyTheCausalOneSeesNothingAhead) {
    for (const Design design : kDesigns) {
        Mixer mixer(kWidth, design);
        fill(mixer, 0);
        const at::Tensor seen = influence(mixer);
        const int64_t ahead = design == Design::Causal ? 0 : 1;
        for (int64_t i = 0; i < kTokens; ++i)
            for (int64_t j = 0; j < kTokens; ++j) {
                const auto value = seen[i][j].item<double>();
                if (j > i + ahead) {
                    EXPECT_EQ(value, 0) << "design " << int(design) << ", " << i << " of " << j;
                } else {
                    EXPECT_GT(value, 1e-12) << "design " << int(design) << ", " << i << " of " << j;
                }
            }
    }
}

TEST(MixerDesigns, BlocksHaveAsManyParametersToLessThanAHiddenUnit) {
    for (const int64_t width : {64, 128}) {
        const int64_t wanted = countOf(MixerBlock(width, Design::Concatenated));
        for (const Design design : kDesigns)
            EXPECT_LE(std::abs(countOf(MixerBlock(width, design)) - wanted), width) << int(design);
    }
    // Half a branch's width where there are two of them: the sizes of the projections say so.
    EXPECT_EQ(Mixer(kWidth, Design::Regular).named_parameters()["in_proj.weight"].size(0), kWidth);
    EXPECT_EQ(Mixer(kWidth, Design::Gated).named_parameters()["out_proj.weight"].size(1), kWidth / 2);
    EXPECT_EQ(Mixer(kWidth, Design::Concatenated).named_parameters()["A_log"].size(0), kWidth / 2);
}

TEST(MixerDesigns, TheConcatenatedBlockIsTheModelsOwn) {
    mambavision::TokenBlock model({kWidth, 1, false});
    fill(model, 1);
    MixerBlock block(kWidth, Design::Concatenated);
    const at::NoGradGuard noGrad;
    ASSERT_EQ(block.named_parameters().size(), model.named_parameters().size());
    const auto published = model.named_parameters();
    for (auto& entry : block.named_parameters()) {
        ASSERT_TRUE(published.contains(entry.key())) << entry.key();
        entry.value().copy_(published[entry.key()]);
    }
    const at::Tensor expected = model.forward(tokensOf(1));
    const auto agree = [](const at::Tensor& a, const at::Tensor& b) {
        return at::allclose(a, b, 1e-5, 1e-5);
    };
    EXPECT_TRUE(agree(block.forward(tokensOf(1)), expected));
    // The bias of the step sizes, zero at the start, is part of it.
    for (torch::nn::Module* module :
         {static_cast<torch::nn::Module*>(&model), static_cast<torch::nn::Module*>(&block)})
        module->named_parameters()["mixer.dt_proj.bias"].fill_(0.7);
    EXPECT_FALSE(at::allclose(model.forward(tokensOf(1)), expected, 1e-2, 1e-2));
    EXPECT_TRUE(agree(block.forward(tokensOf(1)), model.forward(tokensOf(1))));
}

TEST(MixerDesigns, AGateOfZeroShutsAndAZeroBesideDoesNot) {
    const at::NoGradGuard noGrad;
    for (const Design design : {Design::Gated, Design::Concatenated}) {
        Mixer mixer(kWidth, design);
        fill(mixer, 2);
        EXPECT_GT(mixer.forward(tokensOf(2)).abs().max().item<double>(), 1e-3);
        mixer.named_parameters()["conv1d_z.weight"].zero_();
        EXPECT_EQ(mixer.forward(tokensOf(2)).abs().max().item<double>() == 0, design == Design::Gated);
    }
}

TEST(MixerNetwork, CausalAndRegularBeginAlikeAndComputeDifferently) {
    const Network causal(Design::Causal, 8, randomStream(3, 0, "mixer test")),
        regular(Design::Regular, 8, randomStream(3, 0, "mixer test"));
    const auto first = causal.named_parameters(), second = regular.named_parameters();
    ASSERT_EQ(first.size(), second.size());
    for (const auto& entry : first)
        EXPECT_TRUE(at::equal(entry.value(), second[entry.key()])) << entry.key();
    const at::NoGradGuard noGrad;
    const at::Tensor pictures =
        at::rand({2, 3, 64, 64}, randomStream(3, 1, "mixer test"), at::TensorOptions());
    EXPECT_FALSE(at::equal(causal.forward(pictures), regular.forward(pictures)));
}

TEST(MixerNetwork, EveryNormLearnsInATrainingStepAndStaysOutsideIt) {
    const Network network(Design::Concatenated, 8, randomStream(4, 0, "mixer test"));
    const at::NoGradGuard noGrad;
    const at::Tensor pictures =
        at::rand({4, 3, 64, 64}, randomStream(4, 1, "mixer test"), at::TensorOptions());
    const auto running = [&] {
        std::vector<at::Tensor> means;
        for (const auto& entry : network.named_buffers())
            if (entry.key().ends_with("running_mean"))
                means.push_back(entry.value().clone());
        return means;
    };
    const std::vector<at::Tensor> start = running();
    ASSERT_EQ(start.size(), 7u) << "two of the stem, two of each convolution block, the last";
    nn::BatchStatistics statistics(network);
    {
        nn::BatchStatistics::Step step(statistics);
        {
            const auto recording = step.record();
            network.forward(pictures);
        }
        step.commit();
    }
    const std::vector<at::Tensor> learned = running();
    for (size_t norm = 0; norm < start.size(); ++norm)
        EXPECT_FALSE(at::equal(learned[norm], start[norm])) << norm;
    const at::Tensor all = network.forward(pictures);
    EXPECT_TRUE(at::allclose(network.forward(pictures.narrow(0, 0, 2)), all.narrow(0, 0, 2), 1e-4, 1e-5));
    EXPECT_TRUE(at::equal(running().back(), learned.back()));
}

ClaimTable measuredShort(double scale) {
    JobContext job;
    const auto measured = mixerExperiment().measure({.seed = 6, .scale = scale, .job = &job});
    EXPECT_TRUE(measured) << measured.error().text();
    return ClaimTable({measured.value_or(ClaimMeasurement{})});
}

TEST(MixerExperiment, NetworksOfEqualSizeLearnWithEachMixer) {
    const ClaimTable table = measuredShort(0.04);
    ASSERT_EQ(table.arms().size(), kDesigns.size());
    const double parameters = table.mean("mixer: concatenated", "thousand parameters");
    for (const std::string& arm : table.arms()) {
        EXPECT_LT(table.mean(arm, "cross-entropy on shapes"), std::log(8)) << arm << ", chance";
        EXPECT_NEAR(table.mean(arm, "thousand parameters"), parameters, 0.001 * parameters) << arm;
    }
    EXPECT_NE(table.mean("mixer: causal", "cross-entropy on shapes"),
              table.mean("mixer: regular", "cross-entropy on shapes"));
}

TEST(MixerExperiment, TheSameTwice) {
    EXPECT_EQ(measuredShort(0.004).csv(), measuredShort(0.004).csv());
}

// Measurements of three seeds with the given accuracies of the causal, regular, gated and concatenated mixer.
ClaimTable accuracies(const std::vector<std::array<double, 4>>& seeds) {
    std::vector<ClaimMeasurement> measurements;
    const char* const arms[] = {"mixer: causal", "mixer: regular", "mixer: gated", "mixer: concatenated"};
    for (const auto& values : seeds) {
        measurements.emplace_back();
        for (size_t arm = 0; arm < 4; ++arm)
            measurements.back().arms[arms[arm]]["accuracy on shapes"] = values[arm];
    }
    return ClaimTable(measurements);
}

TEST(MixerExperiment, EachStepIsJudgedByItsMeanAndToldWithItsInterval) {
    const auto checks = mixerExperiment().judge(
        accuracies({{0.80, 0.81, 0.80, 0.83}, {0.80, 0.82, 0.81, 0.84}, {0.80, 0.83, 0.82, 0.85}}));
    ASSERT_EQ(checks.size(), 4u);
    EXPECT_TRUE(checks[0].holds());
    EXPECT_NE(checks[0].rule.find("95 % interval -0.0048 to 0.0448"), std::string::npos) << checks[0].rule;
    EXPECT_FALSE(checks[1].holds()) << "gating is a point below none";
    EXPECT_TRUE(checks[2].holds());
    EXPECT_NEAR(checks[3].measured, 0.04, 1e-9);
    EXPECT_FALSE(mixerExperiment().judge(ClaimTable({ClaimMeasurement{}}))[0].holds()) << "nothing measured";
}

}  // namespace
}  // namespace vitrine
