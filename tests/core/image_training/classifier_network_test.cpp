#include "core/image_training/classifier_network.h"

#include "core/distill/random_stream.h"
#include "core/image_training/labelled_pictures.h"
#include "core/models/model.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

ClassifierShape resnet() {
    return {.kind = ClassifierKind::ResNet, .side = 16, .classes = 8, .width = 8, .blocksPerStage = 2};
}

ClassifierShape vit() {
    ClassifierShape shape{.kind = ClassifierKind::Vit, .side = 16, .classes = 8, .width = 24};
    shape.depth = 2;
    shape.heads = 3;
    shape.mlpWidth = 40;
    return shape;
}

struct ClassifierNetworkTest : ::testing::TestWithParam<ClassifierShape> {};

TEST_P(ClassifierNetworkTest, TheExportedFolderGivesTheSameLogits) {
    const auto network = ClassifierNetwork::create(GetParam());
    ASSERT_TRUE(network) << network.error().text();
    const TensorList weights = network->freshWeights(randomStream(3, 0, "weights"));
    TensorList buffers = network->freshBuffers();
    const auto set = shapeScenePictures(32, 16, 0, "test");
    // Running statistics that are not those of the start.
    for (int i = 0; i < 3; ++i)
        network->forward(set.pictures, weights, buffers, NormMode::Learn);
    const testing::TemporaryFolder folder;
    const auto written = network->exportFolder(folder / "model", weights, buffers, R"({"seed": 3})");
    ASSERT_TRUE(written) << written.error().text();
    const auto model = loadModel(folder / "model", {});
    ASSERT_TRUE(model) << model.error().text();
    const auto logits = (*model)->classifier()->classify(set.pictures);
    ASSERT_TRUE(logits) << logits.error().text();
    const at::Tensor own = network->forward(set.pictures, weights, buffers, NormMode::Evaluate).logits;
    EXPECT_LT((*logits - own).abs().max().item<double>(), 1e-4 * own.abs().max().item<double>());
    EXPECT_GT(own.std().item<double>(), 1e-3);
}

TEST_P(ClassifierNetworkTest, BatchStatisticsLeaveTheRunningOnesAlone) {
    const auto network = ClassifierNetwork::create(GetParam());
    ASSERT_TRUE(network);
    const TensorList weights = network->freshWeights(randomStream(3, 0, "weights"));
    TensorList buffers = network->freshBuffers();
    const auto set = shapeScenePictures(16, 16, 0, "test");
    network->forward(set.pictures, weights, buffers, NormMode::Batch);
    const TensorList fresh = network->freshBuffers();
    for (size_t index = 0; index < buffers.size(); ++index)
        EXPECT_TRUE(at::equal(buffers[index], fresh[index])) << network->buffers()[index].name;
    network->forward(set.pictures, weights, buffers, NormMode::Learn);
    for (size_t index = 0; index < buffers.size(); ++index)
        EXPECT_FALSE(at::equal(buffers[index], fresh[index])) << network->buffers()[index].name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, ClassifierNetworkTest, ::testing::Values(resnet(), vit()));

TEST(PlainNetwork, IsThreeConvolutionsAndALinearLayer) {
    const auto network =
        ClassifierNetwork::create({.kind = ClassifierKind::Plain, .side = 8, .classes = 10, .width = 4});
    ASSERT_TRUE(network) << network.error().text();
    ASSERT_EQ(network->parameters().size(), 8u);
    EXPECT_TRUE(network->buffers().empty());
    EXPECT_EQ(network->parameters()[4].shape, (std::vector<int64_t>{16, 8, 3, 3}));
    EXPECT_EQ(network->parameters()[4].uses, 4);  // 8 pixels to a side become 2
    const TensorList weights = network->freshWeights(randomStream(3, 0, "weights"));
    TensorList none;
    const at::Tensor pixels = at::rand({5, 3, 8, 8}, randomStream(3, 0, "pixels"), at::TensorOptions());
    const ClassifierOutput output = network->forward(pixels, weights, none, NormMode::Learn);
    at::Tensor x = pixels;
    for (size_t layer = 0; layer < 3; ++layer)
        x = at::conv2d(x, weights[2 * layer], weights[2 * layer + 1], layer == 0 ? 1 : 2, 1).clamp_min(0);
    EXPECT_TRUE(at::allclose(output.features, x.mean({2, 3})));
    EXPECT_TRUE(at::allclose(output.logits, output.features.matmul(weights[6].t()) + weights[7]));
    // He's draw keeps the size of what passes through.
    EXPECT_NEAR(weights[4].std().item<double>(), std::sqrt(2. / 72), 0.02);
    const testing::TemporaryFolder folder;
    const auto refused = network->exportFolder(folder / "model", weights, none, "{}");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
}

TEST(ClassifierBlocks, HaveANameEachAndEndInTheFeatures) {
    const ClassifierShape plain{.kind = ClassifierKind::Plain, .side = 16, .classes = 8, .width = 4};
    const std::vector<std::string> stages{"layer1.0", "layer1.1", "layer2.0",
                                          "layer2.1", "layer3.0", "layer3.1"};
    const std::pair<ClassifierShape, std::vector<std::string>> networks[] = {
        {resnet(), stages},
        {vit(), {"transformer.layers.0", "transformer.layers.1"}},
        {plain, {"conv1", "conv2", "conv3"}}};
    const auto set = shapeScenePictures(12, 16, 0, "test");
    for (const auto& [shape, names] : networks) {
        const auto network = ClassifierNetwork::create(shape);
        ASSERT_TRUE(network) << network.error().text();
        EXPECT_EQ(network->blockNames(), names);
        const TensorList weights = network->freshWeights(randomStream(3, 0, "weights"));
        TensorList buffers = network->freshBuffers();
        const TensorList blocks = network->blockFeatures(set.pictures, weights, buffers);
        ASSERT_EQ(blocks.size(), names.size());
        const at::Tensor features =
            network->forward(set.pictures, weights, buffers, NormMode::Evaluate).features;
        EXPECT_EQ(blocks.back().sizes(), features.sizes());
        // A ViT has a norm behind its last block.
        EXPECT_EQ(at::equal(blocks.back(), features), shape.kind != ClassifierKind::Vit);
    }
}

TEST(ClassifierShape, SaysWhatDoesNotFit) {
    ClassifierShape wrong = vit();
    wrong.heads = 5;
    EXPECT_NE(ClassifierNetwork::create(wrong).error().text().find("5 heads"), std::string::npos);
    wrong = vit();
    wrong.side = 18;
    EXPECT_FALSE(ClassifierNetwork::create(wrong));
    wrong = resnet();
    wrong.side = 18;
    EXPECT_FALSE(ClassifierNetwork::create(wrong));
}

}  // namespace
}  // namespace vitrine
