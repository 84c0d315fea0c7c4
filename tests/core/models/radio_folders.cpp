#include "tests/core/models/radio_folders.h"

#include <gtest/gtest.h>

#include <fstream>

namespace vitrine::testing {

std::unique_ptr<Model> loaded(const std::filesystem::path& folder) {
    auto model = loadModel(folder, {});
    EXPECT_TRUE(model) << (model ? "" : model.error().text());
    return model ? std::move(*model) : nullptr;
}

TensorMap tensorsOf(const torch::nn::Module& module) {
    TensorMap tensors;
    for (const auto& entry : module.named_parameters())
        tensors[entry.key()] = entry.value();
    for (const auto& entry : module.named_buffers())
        tensors[entry.key()] = entry.value();
    return tensors;
}

void writeFolder(const std::filesystem::path& folder, const Json& config, const TensorMap& tensors) {
    std::ofstream(folder / "config.json") << config.dump();
    const auto written = writeTensors(folder / "model.safetensors", tensors);
    ASSERT_TRUE(written) << written.error().text();
}

at::Tensor randomPixels(int64_t height, int64_t width, int64_t batch) {
    return at::rand({batch, 3, height, width}, at::make_generator<at::CPUGeneratorImpl>(7));
}

}  // namespace vitrine::testing
