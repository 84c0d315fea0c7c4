// Small trained networks on real CIFAR-10 pictures, with the accuracies that their weights are known to have.
#include "core/base/file.h"
#include "core/models/model.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

struct CifarSet {
    at::Tensor pixels;  // (n, 3, 32, 32) in [0, 1]
    at::Tensor labels;  // (n)
};

// Records of one label byte and 3072 bytes of planes.
CifarSet readCifar(const std::filesystem::path& file) {
    const auto bytes = readFile(file);
    EXPECT_TRUE(bytes) << bytes.error().text();
    const int64_t count = int64_t(bytes->size()) / 3073;
    const at::Tensor records =
        at::from_blob(const_cast<char*>(bytes->data()), {count, 3073}, at::kByte).clone();
    return {records.slice(1, 1).reshape({count, 3, 32, 32}).to(at::kFloat) / 255,
            records.select(1, 0).to(at::kLong)};
}

int64_t correctCount(const std::filesystem::path& weights, const CifarSet& set) {
    const auto model = loadModel(weights, {});
    EXPECT_TRUE(model) << model.error().text();
    if (!model)
        return -1;
    const Json stated = (*model)->encoder()->defaultPreprocessor();
    const auto channels = [&](const char* key) {
        const auto values = stated[key].get<std::vector<double>>();
        return at::tensor(values).to(at::kFloat).view({1, 3, 1, 1});
    };
    const auto logits =
        (*model)->classifier()->classify((set.pixels - channels("image_mean")) / channels("image_std"));
    EXPECT_TRUE(logits) << logits.error().text();
    return logits->argmax(1).eq(set.labels).sum().item<int64_t>();
}

}  // namespace

TEST(TrainedNetworks, ReachTheirKnownAccuracy) {
    VITRINE_SHARED_DATA(encoders, "data/encoders");
    VITRINE_SHARED_DATA(pictures, "data/images/cifar10/test_1000.bin");
    const CifarSet set = readCifar(pictures);
    ASSERT_EQ(set.labels.numel(), 1000);
    EXPECT_EQ(correctCount(encoders / "resnet_cifar10" / "resnet20.safetensors", set), 804);
    EXPECT_EQ(correctCount(encoders / "resnet_cifar10" / "resnet32.safetensors", set), 840);
    EXPECT_EQ(correctCount(encoders / "resnet_cifar10" / "resnet56.safetensors", set), 825);
    EXPECT_EQ(correctCount(encoders / "vit_cifar10" / "vit_cifar10.safetensors", set), 690);
}

TEST(TrainedNetworks, RefuseSizesThatDoNotFit) {
    VITRINE_SHARED_DATA(weights, "data/encoders/vit_cifar10/vit_cifar10.safetensors");
    const auto model = loadModel(weights, {});
    ASSERT_TRUE(model) << model.error().text();
    const auto wrong = (*model)->encoder()->encode(at::rand({1, 3, 64, 64}), {});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().hint, "This model takes 32x32 only");
    EncodeRequest request;
    request.layers = {7};
    EXPECT_EQ((*model)->encoder()->encode(at::rand({1, 3, 32, 32}), request).error().message,
              "there is no layer 7");
}

}  // namespace vitrine
