#include "core/features/upsample.h"
#include "core/features/upsampler_registry.h"
#include "core/plugins/plugin_manager.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

class UpsamplerHost : public PluginHost {
  public:
    void addModelFamily(const ModelFamily&) override {}
    void addUpsampler(const FeatureUpsampler& upsampler) override {
        UpsamplerRegistry::instance().add(upsampler);
    }
    void addPointCloudReader(const PointCloudReader&) override {}
};

// Through the plugin's library, as the engine gets it.
Result<at::Tensor> upsample(const at::Tensor& features, const at::Tensor& guidance) {
    static const bool loaded = [] {
        testing::TemporaryFolder state;
        PluginManager plugins(state / "plugins.json");
        plugins.discover({testing::buildFolder() / "lib" / "plugins"});
        UpsamplerHost host;
        plugins.load(host, true);
        return true;
    }();
    (void)loaded;
    VITRINE_TRY(const FeatureUpsampler* upsampler, UpsamplerRegistry::instance().find("guided filter"));
    return upsampler->upsample(features, guidance);
}

double meanError(const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().mean().item<double>();
}

}  // namespace

TEST(GuidedFilter, KeepsConstants) {
    at::manual_seed(1);
    const at::Tensor features = at::tensor({-3.f, 0.f, 250.f}).view({3, 1, 1}).expand({3, 5, 7}).contiguous();
    const auto result = upsample(features, at::rand({3, 40, 61}));
    ASSERT_TRUE(result) << result.error().text();
    ASSERT_EQ(result->sizes(), (std::vector<int64_t>{3, 40, 61}));
    EXPECT_TRUE(at::allclose(*result, features.slice(1, 0, 1).slice(2, 0, 1).expand_as(*result), 1e-5, 1e-5));
}

TEST(GuidedFilter, FollowsThePicturesEdgesBetterThanBicubic) {
    // A slanted step between two colours; the features see it averaged over cells of 8 x 8 pixels.
    const at::Tensor x = at::arange(96, at::kFloat).view({1, 96}),
                     y = at::arange(64, at::kFloat).view({64, 1});
    const at::Tensor truth = (x + 0.4 * y > 53).to(at::kFloat).unsqueeze(0);
    const at::Tensor guidance = at::cat({0.2 + 0.6 * truth, 0.7 - 0.3 * truth, 0.5 + 0 * truth});
    const at::Tensor features = at::avg_pool2d(truth.unsqueeze(0), {8, 8}).squeeze(0);
    const auto bicubic = resizeFeatures(features, 64, 96, ResizeMode::Bicubic);
    ASSERT_TRUE(bicubic);
    const auto guided = upsample(features, guidance);
    ASSERT_TRUE(guided) << guided.error().text();
    std::cout << "mean error: bicubic " << meanError(*bicubic, truth) << ", guided "
              << meanError(*guided, truth) << "\n";
    EXPECT_LT(meanError(*guided, truth), 0.8 * meanError(*bicubic, truth));
}

TEST(GuidedFilter, IsLinearAndTreatsChannelsAlike) {
    at::manual_seed(2);
    // Enough channels for several chunks at this size.
    const at::Tensor features = at::randn({30, 4, 4}), guidance = at::rand({3, 512, 512});
    const auto all = upsample(features, guidance);
    ASSERT_TRUE(all) << all.error().text();
    const auto last = upsample(features.slice(0, 29), guidance);
    ASSERT_TRUE(last);
    EXPECT_TRUE(at::allclose((*all)[29], (*last)[0], 1e-4, 1e-5));
    const auto sum = upsample((features[0] + 2 * features[29]).unsqueeze(0), guidance);
    ASSERT_TRUE(sum);
    EXPECT_TRUE(at::allclose((*sum)[0], (*all)[0] + 2 * (*all)[29], 1e-3, 1e-4));
}

TEST(GuidedFilter, RefusesWhatDoesNotFit) {
    const at::Tensor features = at::randn({2, 8, 8});
    EXPECT_EQ(upsample(features, at::rand({3, 7, 64})).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(upsample(features, at::rand({1, 64, 64})).error().code, ErrorCode::ShapeMismatch);
    EXPECT_EQ(upsample(at::randn({8, 8}), at::rand({3, 64, 64})).error().code, ErrorCode::ShapeMismatch);
    EXPECT_EQ(upsample(features, at::full({3, 64, 64}, NAN)).error().code, ErrorCode::InvalidArgument);
}

}  // namespace vitrine
