#include "core/models/depth_anything/depth_anything.h"

#include "tests/core/models/golden_check.h"
#include "tests/core/models/random_model.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

Json smallConfig() {
    return Json::parse(R"({"model_type": "depth_anything", "patch_size": 7, "reassemble_hidden_size": 24,
        "reassemble_factors": [2, 1, 0.5], "neck_hidden_sizes": [6, 8, 10], "fusion_hidden_size": 8,
        "head_hidden_size": 5, "depth_estimation_type": "metric", "max_depth": 20,
        "backbone_config": {"model_type": "dinov2_with_registers", "hidden_size": 24, "num_hidden_layers": 3,
            "num_attention_heads": 2, "image_size": 28, "patch_size": 7, "mlp_ratio": 2,
            "num_register_tokens": 2, "out_indices": [1, 2, -1], "reshape_hidden_states": true}})");
}

TEST(DepthAnything, MatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/depth_anything");
    testing::expectMatchesReferences(folder);
}

TEST(DepthAnything, OtherConfigurationsSurviveARoundTrip) {
    at::NoGradGuard noGrad;
    const auto model = testing::expectRoundTrip(smallConfig(), createDepthAnything, 21, 35, 2);
    ASSERT_TRUE(model);
    const DepthEstimator& estimator = *model->depthEstimator();
    EXPECT_TRUE(estimator.isMetric());
    EXPECT_EQ(estimator.maxDepth(), 20.0);
    const auto depth = estimator.depth(at::randn({2, 3, 21, 35}));
    ASSERT_TRUE(depth) << depth.error().text();
    EXPECT_EQ(depth->sizes(), (std::vector<int64_t>{2, 21, 35}));
    EXPECT_GT(depth->min().item<double>(), 0.0);
    EXPECT_LT(depth->max().item<double>(), 20.0);
    EXPECT_GT(depth->std().item<double>(), 1e-4);
}

TEST(DepthAnything, RelativeDepthIsNotNegative) {
    at::NoGradGuard noGrad;
    Json config = smallConfig();
    config["depth_estimation_type"] = "relative";
    const auto model = createDepthAnything(testing::folderOf(config));
    ASSERT_TRUE(model) << model.error().text();
    testing::fillRandomly(**model, 2);
    const auto depth = (*model)->depthEstimator()->depth(at::randn({1, 3, 28, 28}));
    ASSERT_TRUE(depth);
    EXPECT_GE(depth->min().item<double>(), 0.0);
    EXPECT_FALSE((*model)->depthEstimator()->isMetric());
}

TEST(DepthAnything, ReportsWrongConfigurations) {
    const auto errorOf = [](const char* key, const Json& value) {
        Json config = smallConfig();
        config[key] = value;
        const auto model = createDepthAnything(testing::folderOf(config));
        return model ? std::string() : model.error().text();
    };
    EXPECT_THAT(errorOf("neck_hidden_sizes", Json::array({6, 8})), HasSubstr("2 widths and 3 factors"));
    EXPECT_THAT(errorOf("reassemble_factors", Json::array({2, 1.3, 0.5})), HasSubstr("1.3"));
    EXPECT_THAT(errorOf("head_in_index", 3), HasSubstr("head_in_index"));
    EXPECT_THAT(errorOf("depth_estimation_type", "stereo"), HasSubstr("stereo"));
    EXPECT_THAT(errorOf("reassemble_hidden_size", 25), HasSubstr("24 wide"));
    EXPECT_THAT(errorOf("backbone_config", Json{{"model_type", "swin"}}), HasSubstr("swin"));
}

}  // namespace
}  // namespace vitrine
