#include "core/models/radio/radio_model.h"
#include "tests/core/models/golden_check.h"
#include "tests/core/models/radio_folders.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

using namespace testing;

TEST(Radio, PublishedLayoutAgreesWithReference) {
    VITRINE_SHARED_DATA(folder, "goldens/radio_vit");
    expectMatchesReferences(folder);
}

TEST(Radio, LibraryFormAgreesWithReference) {
    VITRINE_SHARED_DATA(folder, "goldens/radio_hf");
    expectMatchesReferences(folder);
}

TEST(Radio, DinoStyleStudentAgreesWithReference) {
    VITRINE_SHARED_DATA(folder, "goldens/radio_g");
    expectMatchesReferences(folder);
}

TEST(Radio, NormalisersAgreeWithReference) {
    VITRINE_SHARED_DATA(folder, "goldens/radio_normalized");
    expectMatchesReferences(folder);
}

TEST(Radio, SpectralWeightsAreMaterialised) {
    VITRINE_SHARED_DATA(folder, "goldens/radio_spectral");
    expectMatchesReferences(folder);
    const auto model = loaded(folder);
    ASSERT_TRUE(model);
    const auto expected = openTensors(folder / "expected.safetensors");
    ASSERT_TRUE(expected);
    int compared = 0;
    for (const auto& entry : model->module()->named_parameters()) {
        constexpr std::string_view root = "radio_model.model.";
        ASSERT_EQ(entry.key().rfind(root, 0), 0u) << entry.key();
        const std::string name = "effective." + entry.key().substr(root.size());
        if (!(*expected)->find(name))
            continue;
        const at::Tensor wanted = readTensor(**expected, name, {}).value();
        EXPECT_LE((entry.value() - wanted).abs().max().item<double>(), 5e-6) << name;
        ++compared;
    }
    EXPECT_EQ(compared, 4);
}

// A configuration unlike the reference folders: other width, depth, heads, patch, registers, LayerScale.
Json otherConfiguration() {
    return Json::parse(R"({"args": {"model": "vit_small_patch8_v2_224", "cpe_max_size": 40,
        "cls_token_per_teacher": true, "model_norm": true, "in_chans": 3, "register_multiple": 3,
        "model_kwargs": {"embed_dim": 24, "depth": 7, "num_heads": 3},
        "teachers": [{"name": "siglip2-g"}, {"name": "sam3", "use_summary": false}, {"name": "siglip2-g"}]},
        "patch_size": 8, "version": "c-radio_v4-test", "max_resolution": 80, "preferred_resolution": [40, 24],
        "adaptor_names": ["sam3"], "adaptor_configs": {"sam3": {"head_idx": 1,
            "summary": {"input_dim": 24, "hidden_dim": 20, "output_dim": 10, "num_inner": 2},
            "feature": {"input_dim": 24, "hidden_dim": 12, "output_dim": 36, "num_inner": 1,
                        "upsample_factor": 3}}}})");
}

RadioConfig otherModule() {
    RadioConfig config;
    config.version = "c-radio_v4-test";
    config.architecture = "vit_small_patch8_v2_224";
    config.width = 24;
    config.depth = 7;
    config.headCount = 3;
    config.block = {.width = 24,
                    .headCount = 3,
                    .hidden = 40,
                    .layerScale1 = "ls1",
                    .layerScale2 = "ls2",
                    .layerScaleParameter = "grandma"};
    config.finalNorm = true;
    config.patchSize = 8;
    config.gridSide = 5;
    config.classTokens = 2;
    config.registers = 1;
    config.maxSide = 80;
    config.summaryIndices = {0};
    RadioAdaptorConfig adaptor;
    adaptor.name = "sam3";
    adaptor.headIndex = 1;
    adaptor.summary = RadioHeadConfig{.input = 24, .hidden = 20, .output = 10, .inner = 2};
    adaptor.features = RadioHeadConfig{.input = 24, .hidden = 12, .output = 36, .inner = 1, .upsample = 3};
    config.adaptors = {adaptor};
    return config;
}

std::shared_ptr<RadioModule> randomModule(const RadioConfig& config, uint64_t seed) {
    auto module = std::make_shared<RadioModule>(config);
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    const at::NoGradGuard noGrad;
    for (at::Tensor& parameter : module->parameters())
        parameter.normal_(0, 0.2, generator);
    return module;
}

TEST(Radio, OtherConfigurationSurvivesRoundTrip) {
    const auto module = randomModule(otherModule(), 11);
    RadioModel original(module, "other");
    TemporaryFolder folder;
    writeFolder(folder.path(), otherConfiguration(), tensorsOf(*module));
    const auto model = loaded(folder.path());
    ASSERT_TRUE(model);
    const EncoderInfo& info = model->encoder()->info();
    EXPECT_EQ(info.layerCount, 7);
    EXPECT_EQ(info.prefixTokenCount, 3);
    EXPECT_EQ(info.classTokenCount, 2);
    EXPECT_EQ(info.summaryWidth, 24);
    EXPECT_EQ(info.preferredHeight, 40);
    EXPECT_EQ(info.headCount, 3);
    EncodeRequest request;
    request.layers = {0, 3, 7};
    request.attentionLayers = {7, 2};
    request.adaptors = {"sam3"};
    const auto first = original.encode(randomPixels(24, 56, 2), request);
    const auto second = model->encoder()->encode(randomPixels(24, 56, 2), request);
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(at::allclose(first->features, second->features, 1e-4, 1e-5));
    EXPECT_TRUE(at::allclose(first->summary, second->summary, 1e-4, 1e-5));
    EXPECT_TRUE(at::allclose(first->layers[1].features, second->layers[1].features, 1e-4, 1e-5));
    EXPECT_EQ(second->features.sizes(), (std::vector<int64_t>{2, 24, 3, 7}));
    EXPECT_EQ(second->adaptors.at("sam3").features.sizes(), (std::vector<int64_t>{2, 4, 9, 21}));
    EXPECT_EQ(second->adaptors.at("sam3").summary.sizes(), (std::vector<int64_t>{2, 10}));
    EXPECT_EQ(second->attention[0].sizes(), (std::vector<int64_t>{2, 3, 24, 24}));
    EXPECT_LT((second->attention[1].sum(-1) - 1).abs().max().item<double>(), 1e-5);
}

TEST(Radio, TorchHubNamesLoadTheSame) {
    const auto module = randomModule(otherModule(), 12);
    TemporaryFolder folder;
    TensorMap hub;
    for (const auto& [name, tensor] : tensorsOf(*module)) {
        std::string stored = name.substr(std::string("radio_model.").size());
        if (stored.rfind("model.", 0) == 0)
            stored = "base_" + stored;
        // Heads go by the teacher's index: "sam3" is the second distinct one.
        for (const auto& [from, to] : {std::pair("adaptors.sam3.head_mlp.", "_heads.1."),
                                       std::pair("adaptors.sam3.feat_mlp.", "_feature_projections.1.")})
            if (stored.rfind(from, 0) == 0)
                stored = to + stored.substr(std::string(from).size());
        if (stored != "summary_idxs")
            hub["module." + stored] = tensor;
    }
    writeFolder(folder.path(), otherConfiguration(), hub);
    const auto model = loaded(folder.path());
    ASSERT_TRUE(model);
    EncodeRequest request;
    request.adaptors = {"sam3"};
    const auto expected = RadioModel(module, "x").encode(randomPixels(40, 40), request);
    const auto actual = model->encoder()->encode(randomPixels(40, 40), request);
    ASSERT_TRUE(expected && actual);
    // Small products may round differently with the alignment of mapped weights.
    const auto near = [](const at::Tensor& a, const at::Tensor& b) { return at::allclose(a, b, 1e-4, 1e-5); };
    EXPECT_TRUE(near(expected->summary, actual->summary));
    EXPECT_TRUE(near(expected->adaptors.at("sam3").features, actual->adaptors.at("sam3").features));
    EXPECT_TRUE(near(expected->adaptors.at("sam3").summary, actual->adaptors.at("sam3").summary));
}

TEST(Radio, OneWindowOverTheGridIsGlobalAttentionWithoutPrefix) {
    RadioConfig config = otherModule();
    config.classTokens = config.registers = 0;
    config.summaryIndices = {};
    config.adaptors = {};
    const auto module = randomModule(config, 13);
    const at::Tensor tokens = module->patchGenerator().forward(module->condition(randomPixels(32, 32)));
    RadioPass pass{.gridHeight = 4, .gridWidth = 4};
    const at::Tensor global = module->runBlocks(tokens, pass);
    pass.windowing = {.windowSize = 4, .numWindowed = 2};
    EXPECT_LT((module->runBlocks(tokens, pass) - global).abs().max().item<double>(), 1e-5);
    pass.windowing.windowSize = 2;
    EXPECT_GT((module->runBlocks(tokens, pass) - global).abs().max().item<double>(), 1e-3);
}

TEST(Radio, WindowedAttentionIsShownInRasterOrder) {
    RadioConfig config = otherModule();
    config.windowing.numWindowed = 2;
    const auto module = randomModule(config, 14);
    const RadioModel model(module, "x");
    EncodeRequest request;
    request.attentionLayers = {1, 7};
    request.layers = {1};
    request.windowSize = 2;
    const auto output = model.encode(randomPixels(32, 48), request);
    ASSERT_TRUE(output) << output.error().text();
    const at::Tensor& windowed = output->attention[0];
    ASSERT_EQ(windowed.size(2), 3 + 4 * 6);
    EXPECT_LT((windowed.sum(-1) - 1).abs().max().item<double>(), 1e-5);
    // Patches 0 and 1 share a window, as do 0 and 6 (one row down); 0 and 2 do not.
    EXPECT_GT(windowed[0][0][3][4].item<double>(), 0);
    EXPECT_GT(windowed[0][0][3][9].item<double>(), 0);
    EXPECT_EQ(windowed[0][0][3][5].item<double>(), 0);
    EXPECT_GT(output->attention[1][0][0][3][5].item<double>(), 0);
}

TEST(Radio, PositionsAreCutFromTheSquareField) {
    const auto module = randomModule(otherModule(), 15);
    const PatchGenerator& generator = module->patchGenerator();
    const at::NoGradGuard noGrad;
    const at::Tensor square = generator.positions(9, 9).view({9, 9, 24});
    const at::Tensor wide = generator.positions(4, 9).view({4, 9, 24});
    EXPECT_TRUE(at::equal(square.narrow(0, 0, 4), wide));
    EXPECT_EQ(generator.positions(4, 9).const_data_ptr(), generator.positions(4, 9).const_data_ptr());
    // The kept table follows a change of the parameter.
    for (auto& entry : module->named_parameters())
        if (entry.key().ends_with("pos_embed"))
            entry.value().mul_(2);
    EXPECT_LT((generator.positions(4, 9).view({4, 9, 24}) - 2 * wide).abs().max().item<double>(), 1e-5);
}

TEST(Radio, GradientsReachEveryParameter) {
    const auto module = randomModule(otherModule(), 16);
    const at::Tensor tokens = module->patchGenerator().forward(module->condition(randomPixels(24, 16)));
    const at::Tensor out = module->runBlocks(tokens, {.gridHeight = 3, .gridWidth = 2});
    out.square().sum().backward();
    for (const auto& entry : module->named_parameters())
        EXPECT_EQ(entry.value().grad().defined(), entry.key().find("adaptors") == std::string::npos)
            << entry.key();
}

TEST(Radio, RequestsOutsideTheModelAreRefusedWithAdvice) {
    const RadioModel model(randomModule(otherModule(), 17), "x");
    const auto size = model.encode(randomPixels(37, 90), {});
    ASSERT_FALSE(size);
    EXPECT_NE(size.error().hint.find("40x80"), std::string::npos) << size.error().hint;
    EncodeRequest request;
    request.layers = {8};
    const auto layer = model.encode(randomPixels(40, 40), request);
    ASSERT_FALSE(layer);
    EXPECT_NE(layer.error().hint.find("7"), std::string::npos);
    request = {};
    request.adaptors = {"sam2"};
    const auto adaptor = model.encode(randomPixels(40, 40), request);
    ASSERT_FALSE(adaptor);
    EXPECT_NE(adaptor.error().hint.find("sam3"), std::string::npos);
    request = {};
    request.windowSize = 3;
    EXPECT_FALSE(model.encode(randomPixels(40, 40), request));
    ModelCall call;
    call.id = "z";
    call.inputs = {{"pixel_values", randomPixels(40, 40)}};
    call.outputs = {"nonsense"};
    const auto unknown = model.runCall(call);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::Unsupported);
}

TEST(Radio, DamagedCheckpointsAreNamed) {
    const TensorMap complete = tensorsOf(*randomModule(otherModule(), 18));
    const auto errorOf = [&](const std::function<void(TensorMap&, Json&)>& damage) {
        TemporaryFolder folder;
        TensorMap tensors = complete;
        Json config = otherConfiguration();
        damage(tensors, config);
        writeFolder(folder.path(), config, tensors);
        const auto model = loadModel(folder.path(), {});
        EXPECT_FALSE(model);
        return model ? std::string() : model.error().text();
    };
    EXPECT_NE(errorOf([](TensorMap& tensors, Json&) {
                  tensors.erase("radio_model.model.blocks.3.attn.proj.bias");
              }).find("blocks.3.attn.proj.bias"),
              std::string::npos);
    EXPECT_NE(errorOf([](TensorMap& tensors, Json&) {
                  tensors["radio_model.model.blocks.2.norm1.weight"] = at::ones({25});
              }).find("blocks.2.norm1.weight"),
              std::string::npos);
    EXPECT_NE(errorOf([](TensorMap&, Json& config) {
                  config["args"]["model_kwargs"]["depth"] = 9;
              }).find("depth 9"),
              std::string::npos);
    EXPECT_NE(errorOf([](TensorMap&, Json& config) { config["patch_size"] = "eight"; }).find("patch_size"),
              std::string::npos);
    EXPECT_NE(errorOf([](TensorMap&, Json& config) {
                  config["args"]["model_kwargs"]["num_heads"] = 5;
              }).find("5 heads"),
              std::string::npos);
}

}  // namespace
}  // namespace vitrine
