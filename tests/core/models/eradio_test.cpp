#include "core/models/radio/eradio_model.h"
#include "tests/core/models/golden_check.h"
#include "tests/core/models/radio_folders.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

using namespace testing;

TEST(Eradio, AgreesWithReference) {
    VITRINE_SHARED_DATA(folder, "goldens/eradio");
    expectMatchesReferences(folder);
}

// Three levels, plain convolution blocks with LayerScale, pooling around attention, SwiGLU, shared keys, a
// neck from the first level on: everything that the reference folder does not use.
EradioConfig otherEradio() {
    EradioConfig config;
    config.stemWidth = 6;
    config.width = 16;
    config.qkvBias = config.multiQuery = config.gated = config.layerScale = config.convolutionLayerScale =
        true;
    config.convolutionalScaling = false;
    config.downsampleShuffle = true;
    config.neckStart = 1;
    config.neckWidth = 20;
    config.biasHidden = 10;
    config.levels.resize(3);
    for (size_t i = 0; i < 3; ++i)
        config.levels[i] = {.width = 16 << i,
                            .depth = 2,
                            .attention = i == 2,
                            .splitConvolutions = false,
                            .downsample = i < 2,
                            .headCount = 4,
                            .windows = {3, 2},
                            .ratios = {2, 1}};
    return config;
}

TEST(Eradio, OtherConfigurationSurvivesRoundTrip) {
    const auto module = std::make_shared<EradioModule>(otherEradio());
    {
        const at::NoGradGuard noGrad;
        at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(21);
        for (at::Tensor& parameter : module->parameters())
            parameter.normal_(0, 0.2, generator);
        for (auto& entry : module->named_buffers())
            if (entry.key().find("running") != std::string::npos)
                entry.value().uniform_(0.5, 1.5, generator);
    }
    const Json config = Json::parse(R"({"args": {"model": "eradio", "teachers": [], "model_kwargs": {
        "multi_query": true, "use_swiglu": true, "neck_start_stage": 1, "num_heads": [1, 2, 4],
        "sr_ratio": [1, 1, [2, 1]]}}, "version": "e-radio_test", "max_resolution": 128})");
    TemporaryFolder folder;
    writeFolder(folder.path(), config, tensorsOf(*module));
    const auto model = loaded(folder.path());
    ASSERT_TRUE(model);
    EXPECT_EQ(model->encoder()->info().sizeMultiple, 16);
    EncodeRequest request;
    request.layers = {0, 3};
    const EradioModel original(module, "x");
    for (const auto& window : {std::optional<int64_t>(), std::optional<int64_t>(2)}) {
        request.windowSize = window;
        const auto first = original.encode(randomPixels(80, 112, 2), request);
        const auto second = model->encoder()->encode(randomPixels(80, 112, 2), request);
        ASSERT_TRUE(first && second) << second.error().text();
        EXPECT_EQ(second->features.sizes(), (std::vector<int64_t>{2, 20, 10, 14}));
        EXPECT_EQ(second->layers[1].features.sizes(), (std::vector<int64_t>{2, 64, 5, 7}));
        EXPECT_TRUE(at::allclose(first->features, second->features, 1e-4, 1e-4));
        EXPECT_TRUE(at::allclose(second->summary, second->features.flatten(2).mean(2), 1e-4, 1e-5));
    }
}

TEST(Eradio, WindowsFitTheResolution) {
    const std::vector<std::pair<int64_t, int64_t>> known = {{224, 7}, {256, 8}, {384, 12}, {512, 16}};
    for (const auto& [side, window] : known)
        EXPECT_EQ(optimalEradioWindow(side), window) << side;
}

TEST(Eradio, SizesAndLayersOutsideTheModelAreRefused) {
    VITRINE_SHARED_DATA(folder, "goldens/eradio");
    const auto model = loaded(folder);
    ASSERT_TRUE(model);
    const auto size = model->encoder()->encode(randomPixels(48, 64), {});
    ASSERT_FALSE(size);
    EXPECT_NE(size.error().hint.find("64x64"), std::string::npos) << size.error().hint;
    EncodeRequest request;
    request.attentionLayers = {1};
    EXPECT_FALSE(model->encoder()->encode(randomPixels(64, 64), request));
    request = {};
    request.layers = {5};
    EXPECT_FALSE(model->encoder()->encode(randomPixels(64, 64), request));
}

}  // namespace
}  // namespace vitrine
