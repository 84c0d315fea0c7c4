#include "core/models/mambavision/mamba_vision.h"

#include "core/base/file.h"
#include "core/models/tower_outputs.h"
#include "tests/core/io/zip_builder.h"
#include "tests/core/models/golden_check.h"
#include "tests/core/models/random_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

using namespace mambavision;
using testing::TemporaryFolder;

Json smallConfiguration() {
    return Json::parse(R"({"model_type": "mambavision", "dim": 8, "in_dim": 6, "depths": [1, 1, 3, 2],
        "num_heads": [1, 1, 2, 4], "window_size": [8, 8, 5, 3], "mlp_ratio": 3, "layer_scale": 1e-5,
        "layer_scale_conv": 1e-5, "num_classes": 7, "crop_pct": 0.5, "mean": [0.1, 0.2, 0.3], "std": [1, 2, 4]})");
}

// Random parameters and statistics.
void fill(torch::nn::Module& module) {
    const at::NoGradGuard noGrad;
    for (auto& entry : module.named_parameters())
        entry.value().normal_(entry.value().dim() == 1 && entry.key().ends_with("weight") ? 1 : 0, 0.2);
    for (auto& entry : module.named_buffers())
        entry.value().uniform_(0.5, 1.5);
}

TensorMap tensorsOf(const torch::nn::Module& module, const std::string& prefix) {
    TensorMap tensors;
    for (const auto& entry : module.named_parameters())
        tensors[prefix + entry.key()] = entry.value().detach();
    for (const auto& entry : module.named_buffers())
        tensors[prefix + entry.key()] = entry.value();
    return tensors;
}

// What torch.save writes for {"epoch": 3, "state_dict": {name: tensor}}; float32 tensors.
std::string torchCheckpoint(const TensorMap& tensors) {
    std::vector<std::pair<std::string, std::string>> members{{"archive/data.pkl", ""}};
    std::string pickle = "(dS'epoch'\nI3\nsS'state_dict'\n(d";
    const auto tuple = [](at::IntArrayRef numbers) {
        std::string text = "(";
        for (const int64_t number : numbers)
            text += fmt::format("I{}\n", number);
        return text + "t";
    };
    for (const auto& [name, tensor] : tensors) {
        const std::string key = std::to_string(members.size() - 1);
        pickle += fmt::format(
            "S'{}'\nctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'{}'\nS'cpu'\nI{}"
            "\ntQI0\n",
            name, key, tensor.numel());
        pickle += tuple(tensor.sizes()) + tuple(tensor.strides()) + "I00\n(dtRs";
        members.emplace_back("archive/data/" + key,
                             std::string(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()));
    }
    members[0].second = pickle + "s.";
    return testing::torchZip(members);
}

std::unique_ptr<Model> created(const Json& config) {
    auto model = createMambaVision(testing::folderOf(config));
    EXPECT_TRUE(model) << (model ? "" : model.error().text());
    fill(*(*model)->module());
    return std::move(*model);
}

at::Tensor featuresOf(const Model& model, const at::Tensor& pixels, const EncodeRequest& request = {}) {
    const auto output = model.encoder()->encode(pixels, request);
    EXPECT_TRUE(output) << (output ? "" : output.error().text());
    return output ? output->features : at::Tensor();
}

TEST(MambaVision, AgreesWithReference) {
    VITRINE_SHARED_DATA(folder, "goldens/mambavision");
    testing::expectMatchesReferences(folder);
}

TEST(MambaVision, ParameterCountsArePublishedOnes) {
    const std::map<std::string, int64_t> thousands{
        {"T", 31794},   {"T2", 35104},      {"S", 50141},       {"B", 97685},      {"L", 227961},
        {"L2", 241555}, {"L2-512", 241555}, {"L3-256", 739570}, {"L3-512", 739570}};
    ASSERT_EQ(publishedMambaVisions().size(), thousands.size());
    for (const auto& [name, config] : publishedMambaVisions()) {
        const MambaVisionNetwork network(config);  // untouched memory costs nothing
        EXPECT_EQ((countParameters(network) + 500) / 1000, thousands.at(name)) << name;
    }
}

// n odd: the block in the middle is a mixer (7 blocks of the small model: 4 mixers, 3 of attention).
TEST(MambaVision, MixersComeFirstAndTakeTheOddBlock) {
    const MambaVisionNetwork network(publishedMambaVisions()[2].second);
    int64_t mixers = 0, attention = 0;
    for (const auto& entry : network.named_parameters()) {
        if (entry.key().rfind("levels.2.", 0) != 0)
            continue;
        mixers += entry.key().ends_with("A_log");
        attention += entry.key().ends_with("qkv.bias");
        if (entry.key().ends_with("A_log")) {
            EXPECT_EQ(attention, 0) << entry.key();
        }
    }
    EXPECT_EQ(mixers, 4);
    EXPECT_EQ(attention, 3);
}

TEST(MambaVision, AnySizeAndItsStageMaps) {
    const auto model = created(smallConfiguration());
    EncodeRequest request;
    request.layers = {0, 1, 2, 3, 4};
    for (const auto& [height, width] : std::vector<std::pair<int64_t, int64_t>>{{64, 96}, {50, 33}, {1, 7}}) {
        const auto output = model->encoder()->encode(at::randn({2, 3, height, width}), request);
        ASSERT_TRUE(output) << output.error().text();
        int64_t rows = (height + 3) / 4, columns = (width + 3) / 4;
        EXPECT_EQ(output->layers[0].features.sizes(), (std::vector<int64_t>{2, 8, rows, columns}));
        for (int64_t level = 0; level < 4; ++level) {
            EXPECT_EQ(output->layers[size_t(level + 1)].features.sizes(),
                      (std::vector<int64_t>{2, 8 << level, rows, columns}));
            if (level < 3) {
                rows = (rows + 1) / 2;
                columns = (columns + 1) / 2;
            }
        }
        EXPECT_EQ(output->features.sizes(), (std::vector<int64_t>{2, 64, rows, columns}));
        EXPECT_TRUE(at::allclose(output->summary, output->features.mean({2, 3})));
        EXPECT_TRUE(output->features.isfinite().all().item<bool>());
    }
    const auto logits = model->classifier()->classify(at::randn({2, 3, 64, 64}));
    ASSERT_TRUE(logits);
    EXPECT_EQ(logits->sizes(), (std::vector<int64_t>{2, 7}));
}

// Tokens of different windows do not meet in levels 2 and 3; larger windows change that.
TEST(MambaVision, WindowsSeparateAndTheOverrideJoins) {
    Json config = smallConfiguration();
    config["window_size"] = {8, 8, 4, 2};
    const auto model = created(config);
    EncodeRequest request;
    const at::Tensor pixels = at::randn({1, 3, 64, 256});
    at::Tensor changed = pixels.clone();
    changed.slice(3, 224).add_(1);
    // Convolutions reach some cells; what is far left differs only if windows reach there.
    const auto moved = [&](int64_t window) {
        request.windowSize = window;
        return (featuresOf(*model, pixels, request) - featuresOf(*model, changed, request))
            .slice(3, 0, 2)
            .abs()
            .max()
            .item<double>();
    };
    EXPECT_EQ(moved(4), 0);
    EXPECT_GT(moved(16), 1e-4);
    EXPECT_TRUE(at::equal(featuresOf(*model, pixels), [&] {
        request.windowSize = 4;
        return featuresOf(*model, pixels, request);
    }()));
    request.windowSize = 100000;
    EXPECT_FALSE(model->encoder()->encode(pixels, request));
}

TEST(MambaVision, PreprocessingComesFromTheConfiguration) {
    const Json stated = created(smallConfiguration())->encoder()->defaultPreprocessor();
    EXPECT_EQ(stated["size"]["shortest_edge"], 160);  // 16 · 5 pixels are half of it
    EXPECT_EQ(stated["crop_size"]["height"], 80);
    EXPECT_EQ(stated["image_std"], Json({1.0, 2.0, 4.0}));
    Json squash = smallConfiguration();
    squash["crop_mode"] = "squash";
    EXPECT_EQ(created(squash)->encoder()->defaultPreprocessor()["size"]["width"], 160);
}

TEST(MambaVision, FolderWithPrefixAndRenamedScales) {
    const auto model = created(smallConfiguration());
    const at::Tensor pixels = at::randn({1, 3, 40, 56});
    const at::Tensor expected = featuresOf(*model, pixels);
    for (const char* scale : {"gamma", "grandma", "weight"}) {
        TensorMap tensors;
        for (const auto& [name, tensor] : tensorsOf(*model->module(), "model.")) {
            const size_t at = name.rfind("gamma");
            tensors[at == std::string::npos ? name : name.substr(0, at) + scale + name.substr(at + 5)] =
                tensor;
        }
        const TemporaryFolder folder;
        ASSERT_TRUE(writeTensors(folder / "model.safetensors", tensors));
        ASSERT_TRUE(writeFileAtomically(folder / "config.json", smallConfiguration().dump()));
        const auto loaded = loadModel(folder.path(), {});
        ASSERT_TRUE(loaded) << loaded.error().text();
        EXPECT_EQ((*loaded)->family(), "mambavision");
        EXPECT_TRUE(at::equal(featuresOf(**loaded, pixels), expected)) << scale;
    }
}

// A file of torch.save as the published code writes it: the tiny model, narrower nowhere, without a
// configuration.
TEST(MambaVision, TrainingCheckpointWithoutConfiguration) {
    MambaVisionConfig config = publishedMambaVisions()[0].second;
    config.classCount = 5;
    MambaVisionNetwork network(config);
    fill(network);
    const TemporaryFolder folder;
    ASSERT_TRUE(writeFileAtomically(folder / "mambavision_tiny.pth.tar",
                                    torchCheckpoint(tensorsOf(network, "module."))));
    const auto loaded = loadModel(folder / "mambavision_tiny.pth.tar", {});
    ASSERT_TRUE(loaded) << loaded.error().text();
    const at::Tensor pixels = at::randn({1, 3, 64, 32});
    network.eval();
    const at::NoGradGuard noGrad;
    EXPECT_TRUE(at::equal(featuresOf(**loaded, pixels), network.forward(pixels).features));
    EXPECT_EQ((*loaded)->encoder()->info().preferredHeight, 224);
    const auto logits = (*loaded)->classifier()->classify(pixels);
    ASSERT_TRUE(logits);
    EXPECT_EQ(logits->size(1), 5);
}

TEST(MambaVision, WrongConfigurationsAreNamed) {
    const auto message = [](const char* key, const Json& value) {
        Json config = smallConfiguration();
        config[key] = value;
        const auto model = createMambaVision(testing::folderOf(config));
        return model ? std::string("no error") : model.error().text();
    };
    EXPECT_NE(message("depths", {1, 2, 3}).find("depths"), std::string::npos);
    EXPECT_NE(message("num_heads", {1, 1, 3, 4}).find("3"), std::string::npos);
    EXPECT_NE(message("crop_mode", "mosaic").find("center and squash"), std::string::npos);
    EXPECT_NE(message("std", {1, 1}).find("std"), std::string::npos);
}

}  // namespace
}  // namespace vitrine
