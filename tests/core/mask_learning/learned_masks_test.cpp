#include "core/mask_learning/learned_masks.h"

#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

std::vector<MaskedLayer> twoLayers() {
    at::manual_seed(5);
    return {{"a", at::randn({6, 16})}, {"b", at::randn({4, 8})}};
}

LearnedMasks masksOf(const std::vector<MaskedLayer>& layers, const std::string& pattern = "2:4") {
    auto masks = LearnedMasks::create(layers, *SparsityPattern::fromText(pattern), 7);
    EXPECT_TRUE(masks) << masks.error().text();
    return std::move(*masks);
}

NamedTensors magnitudes(const std::vector<MaskedLayer>& layers) {
    NamedTensors masks;
    for (const MaskedLayer& layer : layers)
        masks[layer.name] = *magnitudeMask(layer.weight, SparsityPattern::nOfM(2, 4));
    return masks;
}

TEST(LearnedMasks, AlwaysKeepTwoOfFour) {
    const auto layers = twoLayers();
    for (const auto& [pattern, kept] : {std::pair{"2:4", 2}, std::pair{"1:4", 1}}) {
        const LearnedMasks masks = masksOf(layers, pattern);
        for (size_t i = 0; i < masks.size(); ++i) {
            const at::Tensor groups = masks.mask(i).reshape({-1, 4}).sum(1);
            EXPECT_TRUE((groups == kept).all().item<bool>());
            EXPECT_TRUE(at::equal(masks.masked(i), layers[i].weight * masks.mask(i)));
        }
    }
}

TEST(LearnedMasks, APriorDecidesEveryGroupAndShiftsByItsDeviation) {
    const auto layers = twoLayers();
    LearnedMasks plain = masksOf(layers), masks = masksOf(layers);
    const NamedTensors prior = magnitudes(layers);
    ASSERT_TRUE(masks.applyPrior(prior, 3));
    for (size_t i = 0; i < masks.size(); ++i) {
        const double unit = 3 * plain.logits(i).std().item<double>();
        const at::Tensor shift = (masks.logits(i) - plain.logits(i)).detach();
        // ⟨mask, pattern⟩ - 1 is -1 once, 0 four times and 1 once in every group.
        const at::Tensor sorted = std::get<0>(shift.sort(-1)) / unit;
        const at::Tensor expected = at::tensor({-1.F, 0.F, 0.F, 0.F, 0.F, 1.F}).expand(sorted.sizes());
        EXPECT_TRUE(at::allclose(sorted, expected, 1e-3, 1e-3));
        // Five deviations below would be needed to lose: the strong prior is the choice.
        ASSERT_TRUE(masks.applyPrior(prior, 100));
        EXPECT_TRUE(at::equal(masks.mask(i), prior.at(layers[i].name)));
        masks = masksOf(layers);
        ASSERT_TRUE(masks.applyPrior(prior, 3));
    }
}

TEST(LearnedMasks, DrawsTheSameForTheSameSeedAndSettlesWithTheTemperature) {
    const auto layers = twoLayers();
    LearnedMasks masks = masksOf(layers);
    ASSERT_TRUE(masks.applyPrior(magnitudes(layers), 50));
    EXPECT_TRUE(at::equal(masks.sampled(0, 3, 100, 1, false), masks.sampled(0, 3, 100, 1, false)));
    EXPECT_FALSE(at::equal(masks.sampled(0, 3, 100, 4, false), masks.sampled(0, 4, 100, 4, false)));
    // Sharp logits and a low temperature: the soft mask is the chosen one.
    EXPECT_TRUE(at::allclose(masks.sampled(0, 3, 500, 0.05, false), masks.masked(0), 1e-4, 1e-4));
    // Warm: a mix whose four values sum up to two.
    const at::Tensor ones = at::ones({6, 16});
    LearnedMasks even = masksOf({{"ones", ones}});
    const at::Tensor sums = even.sampled(0, 1, 100, 4, false).detach().reshape({-1, 4}).sum(1);
    EXPECT_TRUE(at::allclose(sums, at::full_like(sums, 2)));
}

TEST(LearnedMasks, LearnsTheMaskThatALossAsksFor) {
    // Of ones, every third group wants its last two columns, all others the first two.
    const at::Tensor weight = at::ones({3, 24});
    at::Tensor wanted = at::zeros({18, 4});
    for (int64_t group = 0; group < 18; ++group)
        wanted[group].narrow(0, group % 3 == 0 ? 2 : 0, 2).fill_(1);
    wanted = wanted.reshape({3, 24});
    LearnedMasks masks = masksOf({{"ones", weight}});
    const MaskSchedule schedule;
    for (int64_t step = 0; step < 200; ++step) {
        const double progress = double(step) / 200;
        const at::Tensor masked =
            masks.sampled(0, step, schedule.kappa(progress), schedule.tau(progress), false);
        const at::Tensor loss = (masked - wanted).square().sum();
        at::Tensor logits = masks.logits(0);
        logits.mutable_grad() = at::Tensor();
        loss.backward();
        const at::NoGradGuard plain;
        logits.sub_(logits.grad().sign() * 5e-4);
    }
    EXPECT_TRUE(at::equal(masks.mask(0).to(at::kFloat), wanted));
    const auto all = masks.diagnose(schedule.kappaEnd).back();
    EXPECT_GT(all.largestProbability, 0.95);
    EXPECT_LT(all.entropy, 0.2);
    EXPECT_EQ(all.patterns[5], 6);
    EXPECT_EQ(all.patterns[0], 12);
}

TEST(LearnedMasks, CountsWhatChanged) {
    const auto layers = twoLayers();
    LearnedMasks masks = masksOf(layers);
    ASSERT_TRUE(masks.applyPrior(magnitudes(layers), 100));
    EXPECT_EQ(masks.diagnose(100).back().flipped, 0);
    {
        // One group of layer b (of 8) turns over: its four weights change places.
        const at::NoGradGuard plain;
        at::Tensor logits = masks.logits(1);
        const int64_t chosen = masks.choices(1)[0][0].item<int64_t>();
        logits[0][0].fill_(-1000);
        logits[0][0][5 - chosen] = 1000;
    }
    const auto list = masks.diagnose(100);
    ASSERT_EQ(list.size(), 3U);
    EXPECT_EQ(list[0].flipped, 0);
    EXPECT_DOUBLE_EQ(list[1].flipped, 1.0 / 8);
    EXPECT_DOUBLE_EQ(list[2].flipped, 4.0 / 128);
    EXPECT_EQ(masks.diagnose(100).back().flipped, 0);
    EXPECT_DOUBLE_EQ(masks.diagnose(100).back().fromStart, 4.0 / 128);
}

TEST(LearnedMasks, GoesThroughAMaskFile) {
    const testing::TemporaryFolder folder;
    const auto layers = twoLayers();
    const LearnedMasks masks = masksOf(layers);
    auto set = masks.maskSet();
    ASSERT_TRUE(set);
    ASSERT_TRUE(set->save(folder / "masks.safetensors"));
    const auto loaded = MaskSet::load(folder / "masks.safetensors");
    ASSERT_TRUE(loaded);
    NamedTensors weights{{"a.weight", layers[0].weight.clone()}, {"b.weight", layers[1].weight.clone()}};
    ASSERT_TRUE(loaded->applyTo(weights));
    EXPECT_TRUE(at::equal(weights.at("a.weight"), masks.masked(0)));
    EXPECT_TRUE(loaded->is24("a.weight"));
    weights["a.weight"] = layers[0].weight + 1;
    EXPECT_FALSE(loaded->applyTo(weights));
}

TEST(LearnedMasks, SaysWhatIsWrong) {
    const auto odd = LearnedMasks::create({{"odd", at::ones({2, 6})}}, SparsityPattern::nOfM(2, 4), 0);
    ASSERT_FALSE(odd);
    EXPECT_THAT(odd.error().text(), HasSubstr("odd"));
    const auto wide = LearnedMasks::create(twoLayers(), SparsityPattern::nOfM(4, 8), 0);
    ASSERT_FALSE(wide);
    EXPECT_THAT(wide.error().text(), HasSubstr("4:8"));
    EXPECT_FALSE(LearnedMasks::create({}, SparsityPattern::nOfM(2, 4), 0));
    LearnedMasks masks = masksOf(twoLayers());
    NamedTensors prior = magnitudes(twoLayers());
    const at::Tensor before = masks.logits(0).detach().clone();
    prior["b"] = at::ones({4, 4});
    auto applied = masks.applyPrior(prior);
    ASSERT_FALSE(applied);
    EXPECT_THAT(applied.error().text(), HasSubstr("4 x 8"));
    prior.erase("b");
    applied = masks.applyPrior(prior);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, ErrorCode::NotFound);
    EXPECT_TRUE(at::equal(before, masks.logits(0)));  // nothing half done
    EXPECT_FALSE((MaskSchedule{.tauEnd = 0}.validate()));
}

}  // namespace
}  // namespace vitrine
