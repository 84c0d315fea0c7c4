#include "core/eval/linear_probe.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

// Three classes around three means in 8 dimensions whose scales differ by a thousand, and one constant
// channel.
struct Clusters {
    at::Tensor features, labels;
    explicit Clusters(double spread, uint64_t seed = 1) {
        at::manual_seed(seed);
        labels = at::arange(300, at::kLong).remainder(3);
        const at::Tensor means = at::eye(3, 8);
        features = means.index_select(0, labels) + spread * at::randn({300, 8});
        features = features * at::tensor({1., 1000., 1e-3, 1., 1., 1., 1., 1.}).to(at::kFloat);
        features.select(1, 7).fill_(5);
    }
};

TEST(LinearProbe, SeparatesClustersWhateverTheirScale) {
    const Clusters training(0.1), test(0.1, 2);
    JobContext job;
    const auto probe = LinearProbe::fit(training.features, training.labels, 3, {}, job);
    ASSERT_TRUE(probe) << probe.error().text();
    EXPECT_GE(probe->predict(test.features).eq(test.labels).sum().item<int64_t>(), 298);
    // Nothing to find: about chance.
    const at::Tensor shuffled = test.labels.index_select(0, at::randperm(300));
    EXPECT_LT(probe->predict(test.features).eq(shuffled).sum().item<int64_t>(), 140);
    const auto again = LinearProbe::fit(training.features, training.labels, 3, {}, job);
    EXPECT_TRUE(at::equal(again->logits(test.features), probe->logits(test.features)));
}

TEST(LinearProbe, SaysWhatItCannotUse) {
    const Clusters data(0.1);
    JobContext job;
    const auto errorOf = [&](const at::Tensor& features, const at::Tensor& labels, int64_t classes) {
        const auto probe = LinearProbe::fit(features, labels, classes, {}, job);
        return probe ? std::string("fitted") : probe.error().text();
    };
    EXPECT_THAT(errorOf(data.features, data.labels, 2), ::testing::HasSubstr("none of the 2 classes"));
    EXPECT_THAT(errorOf(data.features, data.labels.slice(0, 0, 9), 3), ::testing::HasSubstr("300x8"));
    at::Tensor bad = data.features.clone();
    bad[4][2] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(errorOf(bad, data.labels, 3), ::testing::HasSubstr("NaN"));
    EXPECT_FALSE((LinearProbeOptions{.steps = 0}).validate());
}

}  // namespace
}  // namespace vitrine
