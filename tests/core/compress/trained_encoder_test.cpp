// A really trained encoder through the driver: the CIFAR-10 ViT, its accuracy on real pictures.
#include "core/compress/compression_driver.h"
#include "core/compress/post_norm_blocks.h"
#include "core/models/model.h"
#include "core/nn/functional.h"
#include "tests/core/compress/compress_data.h"
#include "tests/support/test_data.h"

#include <fstream>

namespace vitrine {
namespace {

struct Pictures {
    at::Tensor pixels, labels;
};
Pictures readCifar(const std::filesystem::path& file, int64_t limit) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
    const int64_t count = std::min(limit, int64_t(bytes.size()) / 3073);
    const auto records = at::from_blob(const_cast<char*>(bytes.data()), {count, 3073}, at::kByte);
    const auto mean = at::tensor({0.4914, 0.4822, 0.4465}).reshape({3, 1, 1}).to(at::kFloat);
    const auto deviation = at::tensor({0.2023, 0.1994, 0.2010}).reshape({3, 1, 1}).to(at::kFloat);
    const auto pixels = records.slice(1, 1).reshape({count, 3, 32, 32}).to(at::kFloat) / 255;
    return {(pixels - mean) / deviation, records.select(1, 0).to(at::kLong)};
}

int64_t correctOf(Model& model, const Pictures& pictures) {
    const auto logits = model.classifier()->classify(pictures.pixels);
    EXPECT_TRUE(logits) << messageOf(logits);
    return (logits->argmax(1) == pictures.labels).sum().item<int64_t>();
}

TEST(TrainedEncoder, SparseAndRoundedItStillSeesWhatItSaw) {
    VITRINE_SHARED_DATA(weights, "data/encoders/vit_cifar10/vit_cifar10.safetensors");
    VITRINE_SHARED_DATA(images, "data/images/cifar10");
    const at::NoGradGuard plain;
    const auto test = readCifar(images / "test_1000.bin", 300),
               training = readCifar(images / "train_4000.bin", 128);
    std::vector<at::Tensor> batches;
    for (int64_t start = 0; start < 128; start += 64)
        batches.push_back(training.pixels.slice(0, start, start + 64));
    const auto correctAfter = [&](const std::optional<CompressionPlan>& plan) {
        const auto model = loadModel(weights, {});
        EXPECT_TRUE(model) << messageOf(model);
        if (plan) {
            PostNormBlocks blocks(**model, batches);
            JobContext job;
            const auto done =
                compressModel(blocks, *plan, job, [](CompressedLayer&&) -> Result<void> { return {}; });
            EXPECT_TRUE(done) << messageOf(done);
        }
        return correctOf(**model, test);
    };
    const auto planOf = [](PruneMethod method) {
        CompressionPlan plan;
        plan.prune = method;
        return plan;
    };
    const int64_t dense = correctAfter({});
    EXPECT_GT(dense, 190);
    const int64_t random = correctAfter(planOf(PruneMethod::Random)),
                  wanda = correctAfter(planOf(PruneMethod::Wanda)),
                  updated = correctAfter(planOf(PruneMethod::SparseGpt));
    auto repaired = planOf(PruneMethod::SparseGpt);
    repaired.lowRank = LowRankMethod::Eora;
    repaired.rank = 16;
    auto rounded = planOf(PruneMethod::None);
    rounded.quantization = *LowBitFormatSpec::fromName("nvfp4");
    const int64_t withPath = correctAfter(repaired), inNvfp4 = correctAfter(rounded);
    RecordProperty("correct",
                   fmt::format("dense {}, random {}, wanda {}, sparsegpt {}, with eora {}, nvfp4 {}", dense,
                               random, wanda, updated, withPath, inNvfp4));
    std::cout << fmt::format(
        "correct of 300: dense {}, random {}, wanda {}, sparsegpt {}, with eora {}, nvfp4 {}\n", dense,
        random, wanda, updated, withPath, inNvfp4);
    EXPECT_GT(updated, random + 60);
    EXPECT_GT(updated, dense - 45);
    EXPECT_GT(wanda, random + 30);
    EXPECT_GE(withPath + 10, updated);
    EXPECT_GT(inNvfp4, dense - 15);
}

// What the adaptor above computes is the model.
TEST(TrainedEncoder, BlocksOneByOneAreTheWholePass) {
    VITRINE_SHARED_DATA(weights, "data/encoders/vit_cifar10/vit_cifar10.safetensors");
    at::manual_seed(1);
    const at::NoGradGuard plain;
    const auto model = loadModel(weights, {});
    ASSERT_TRUE(model) << messageOf(model);
    PostNormBlocks blocks(**model, {at::randn({3, 3, 32, 32})});
    auto stream = blocks.firstStream(0);
    EncodeRequest request;
    for (int64_t layer = 0; layer <= blocks.depth(); ++layer)
        request.layers.push_back(layer);
    at::manual_seed(1);
    const auto expected = (*model)->encoder()->encode(at::randn({3, 3, 32, 32}), request);
    ASSERT_TRUE(expected) << messageOf(expected);
    for (int64_t block = 0; block < blocks.depth(); ++block) {
        stream = blocks.runBlock(block, 0, stream, {});
        EXPECT_TRUE(nn::mapFromTokens(stream.slice(1, 1), 8, 8)
                        .allclose(expected->layers[size_t(block) + 1].features, 1e-3, 1e-4));
    }
}

}  // namespace
}  // namespace vitrine
