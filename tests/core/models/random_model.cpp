#include "tests/core/models/random_model.h"

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

namespace vitrine::testing {
namespace {

void writeShards(const std::filesystem::path& folder, const TensorMap& tensors, int shardCount) {
    if (shardCount == 1) {
        ASSERT_TRUE(writeTensors(folder / "model.safetensors", tensors));
        return;
    }
    std::vector<TensorMap> shards{size_t(shardCount)};
    Json index;
    int next = 0;
    for (const auto& [name, tensor] : tensors) {
        const int shard = next++ % shardCount;
        shards[size_t(shard)][name] = tensor;
        index["weight_map"][name] = fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, shardCount);
    }
    for (int i = 0; i < shardCount; ++i)
        ASSERT_TRUE(writeTensors(folder / fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shardCount),
                                 shards[size_t(i)]));
    ASSERT_TRUE(writeFileAtomically(folder / "model.safetensors.index.json", index.dump()));
}

}  // namespace

ModelFolder folderOf(const Json& config) {
    ModelFolder folder;
    folder.path = "random";
    folder.config = config;
    return folder;
}

void fillRandomly(Model& model, uint64_t seed) {
    at::NoGradGuard noGrad;
    at::manual_seed(seed);
    for (auto& entry : model.module()->named_parameters()) {
        entry.value().normal_(0.0, 0.2);
        if (entry.value().dim() == 1 && entry.key().ends_with("weight"))
            entry.value().add_(1.0);
    }
}

std::unique_ptr<Model> expectRoundTrip(const Json& config, CreateModel create, int64_t height, int64_t width,
                                       int shardCount, at::ScalarType storage) {
    at::NoGradGuard noGrad;
    auto original = create(folderOf(config));
    if (!original) {
        ADD_FAILURE() << original.error().text();
        return nullptr;
    }
    fillRandomly(**original, 7);
    TensorMap tensors;
    for (auto& entry : (*original)->module()->named_parameters()) {
        tensors[entry.key()] = entry.value().detach().to(storage);
        entry.value().set_data(tensors[entry.key()].to(at::kFloat));
    }
    TemporaryFolder folder;
    writeShards(folder.path(), tensors, shardCount);
    const char* name = config.contains("model_cfg") ? "open_clip_config.json" : "config.json";
    EXPECT_TRUE(writeFileAtomically(folder / name, config.dump()));
    auto loaded = loadModel(folder.path(), {});
    if (!loaded) {
        ADD_FAILURE() << loaded.error().text();
        return nullptr;
    }
    const at::Tensor pixels = at::randn({2, 3, height, width});
    const auto expected = (*original)->encoder()->encode(pixels, {});
    const auto actual = (*loaded)->encoder()->encode(pixels, {});
    if (!expected || !actual) {
        ADD_FAILURE() << (expected ? actual : expected).error().text();
        return nullptr;
    }
    EXPECT_TRUE(at::allclose(actual->features, expected->features, 1e-4, 1e-4));
    EXPECT_TRUE(at::allclose(actual->summary, expected->summary, 1e-4, 1e-4));
    EXPECT_TRUE(actual->features.isfinite().all().item<bool>());
    EXPECT_GT(actual->features.std().item<double>(), 1e-3);
    return std::move(*loaded);
}

}  // namespace vitrine::testing
