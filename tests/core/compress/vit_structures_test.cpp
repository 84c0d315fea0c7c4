// Structures cut out of RADIO ViTs in every layout: a smaller folder that opens and computes what the whole
// model does with those structures masked.
#include "core/compress/vit_structures.h"

#include "core/base/file.h"
#include "core/compress/encoder_blocks.h"
#include "core/compress/encoder_checkpoint.h"
#include "core/compress/mask_set.h"
#include "core/compress/vit_ranks.h"
#include "core/models/model.h"
#include "core/models/radio/radio_module.h"
#include "tests/core/compress/compress_data.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using Tensors = std::map<std::string, at::Tensor>;

struct VitStructures : ::testing::TestWithParam<const char*> {
    void SetUp() override {
        VITRINE_SHARED_DATA(goldens, "goldens");
        at::manual_seed(1);
        auto opened = openModelFolder(goldens / GetParam());
        ASSERT_TRUE(opened) << messageOf(opened);
        original = std::move(*opened);
        auto read = readPlainCheckpoint(original);
        ASSERT_TRUE(read) << messageOf(read);
        checkpoint = std::move(*read);
        model = open(goldens / GetParam());
        ASSERT_TRUE(model);
        const int64_t side = 4 * model->encoder()->info().patchSize;
        pixels = at::rand({2, 3, side, side});
    }
    std::unique_ptr<Model> open(const std::filesystem::path& path) {
        auto loaded = loadModel(path, {});
        EXPECT_TRUE(loaded) << messageOf(loaded);
        return loaded ? std::move(*loaded) : nullptr;
    }
    std::unique_ptr<Model> open(const Json& config, const Tensors& tensors) {
        const auto place = folder / fmt::format("variant{}", ++variants);
        const auto written = writeEncoderFolder(place, original, config, tensors);
        EXPECT_TRUE(written) << messageOf(written);
        return open(place);
    }
    at::Tensor features(Model& of) {
        const auto output = of.encoder()->encode(pixels, {});
        EXPECT_TRUE(output) << messageOf(output);
        return output->features;
    }
    VitRanking ranked() {
        const auto blocks = encoderBlocks(*model, {pixels});
        EXPECT_TRUE(blocks);
        const EncoderInfo& info = model->encoder()->info();
        JobContext job;
        auto ranking = rankVit(**blocks, info.featureWidth / info.headCount, job);
        EXPECT_TRUE(ranking) << messageOf(ranking);
        return std::move(*ranking);
    }
    std::unique_ptr<Model> cutOut(const VitStructurePlan& plan, VitCut* kept = nullptr) {
        const auto cut = cutVit(checkpoint.tensors, ranked(), plan);
        EXPECT_TRUE(cut) << messageOf(cut);
        const EncoderInfo& info = model->encoder()->info();
        if (kept)
            *kept = *cut;
        return open(cutConfig(checkpoint.config, *cut, info.headCount, info.featureWidth), cut->tensors);
    }

    testing::TemporaryFolder folder;
    ModelFolder original;
    PlainCheckpoint checkpoint;
    std::unique_ptr<Model> model;
    at::Tensor pixels;
    int variants = 0;
};

// The columns of the two layers that read heads and hidden units are 0 where those are gone.
TEST_P(VitStructures, CutEqualsMasked) {
    const at::NoGradGuard plain;
    for (const bool across : {false, true}) {
        const VitStructurePlan plan{.heads = 0.5, .neurons = 0.4, .acrossBlocks = across};
        VitCut kept;
        const auto smaller = cutOut(plan, &kept);
        ASSERT_TRUE(smaller);
        const at::Tensor found = features(*smaller);
        const VitChoice choice = chooseStructures(ranked(), plan);
        const auto masked = open(checkpoint.config, checkpoint.tensors);
        const auto blocks = encoderBlocks(*masked, {});
        const EncoderInfo& info = model->encoder()->info();
        const int64_t headWidth = info.featureWidth / info.headCount;
        int64_t parameters = 0;
        for (int64_t block = 0; block < (*blocks)->depth(); ++block)
            for (const BlockLinear& linear : (*blocks)->linears(block)) {
                const at::Tensor places = linear.group == 1
                                              ? choice.heads[size_t(block)].unsqueeze(1) * headWidth +
                                                    at::arange(headWidth, at::kLong)
                                              : choice.neurons[size_t(block)];
                if (linear.group % 2 == 0)
                    continue;
                const at::Tensor stays =
                    at::zeros({linear.weight.size(1)}).index_fill(0, places.flatten(), 1);
                at::Tensor weight = linear.weight;
                weight.set_data(weight * stays);
            }
        EXPECT_LT((found - features(*masked)).abs().max().item<double>(), 1e-4) << across;
        for (const at::Tensor& parameter : smaller->module()->parameters())
            parameters += parameter.numel();
        EXPECT_EQ(parameters, smaller->encoder()->info().parameterCount);
        EXPECT_LT(parameters, model->encoder()->info().parameterCount);
        EXPECT_FALSE(opensElsewhere(kept, info.headCount));
        // The folder can be cut again.
        const auto again = encoderBlocks(*smaller, {pixels});
        JobContext job;
        const auto ranking = rankVit(**again, headWidth, job);
        ASSERT_TRUE(ranking);
        EXPECT_EQ(ranking->heads.front().numel(), kept.heads.front());
    }
}

// Padded with zeros the sizes are those that other programs know, and the function is that of the cut model.
TEST_P(VitStructures, PaddedEqualsCut) {
    const at::NoGradGuard plain;
    VitStructurePlan plan{.heads = 0.5, .neurons = 0.4, .acrossBlocks = true};
    const auto smaller = cutOut(plan);
    plan.padded = true;
    VitCut kept;
    const auto larger = cutOut(plan, &kept);
    ASSERT_TRUE(smaller && larger);
    EXPECT_LT((features(*larger) - features(*smaller)).abs().max().item<double>(), 1e-4);
    EXPECT_TRUE(opensElsewhere(kept, model->encoder()->info().headCount));
    EXPECT_GE(larger->encoder()->info().parameterCount, smaller->encoder()->info().parameterCount);
}

TEST_P(VitStructures, BlocksThatGoLeaveTheOthersAsTheyWere) {
    const at::NoGradGuard plain;
    VitCut kept;
    const auto smaller = cutOut({.neurons = 0.5, .blocks = 1}, &kept);
    ASSERT_TRUE(smaller);
    EXPECT_EQ(smaller->encoder()->info().layerCount, model->encoder()->info().layerCount - 1);
    EXPECT_TRUE(opensElsewhere(kept, model->encoder()->info().headCount));
    const auto before = encoderBlocks(*model, {}), after = encoderBlocks(*smaller, {});
    for (size_t place = 0; place < kept.blocks.size(); ++place)
        EXPECT_TRUE(at::equal((*after)->linears(int64_t(place))[0].weight,
                              (*before)->linears(kept.blocks[place])[0].weight));
    // Every hidden state can still be asked for.
    EncodeRequest request;
    for (int64_t layer = 0; layer < int64_t(kept.blocks.size()) + 1; ++layer)
        request.layers.push_back(layer);
    EXPECT_TRUE(smaller->encoder()->encode(pixels, request));
}

// The arithmetic of transformers' RadioMLP and RadioSwiGLUFFN, of timm and of DINOv2.
TEST_P(VitStructures, OtherProgramsComeToTheStoredWidth) {
    const EncoderInfo& info = model->encoder()->info();
    const bool gated = std::string(GetParam()) == "radio_g";
    const VitRanking ranking = ranked();
    for (const double part : {0.3, 0.5, 0.77})
        for (const bool padded : {false, true}) {
            const auto cut = cutVit(checkpoint.tensors, ranking,
                                    {.neurons = part, .acrossBlocks = padded, .padded = padded});
            ASSERT_TRUE(cut) << messageOf(cut);
            EXPECT_EQ(cut->gated, gated);
            Json without = checkpoint.config;  // what is left out has a default there
            without.erase("mlp_ratio");
            const Json config = cutConfig(without, *cut, info.headCount, info.featureWidth);
            const Json& sizes = config.contains("args") ? config.at("args").at("model_kwargs") : config;
            const auto whole = int64_t(double(info.featureWidth) * sizes.at("mlp_ratio").get<double>());
            const int64_t hidden = gated ? (whole * 2 / 3 + 7) / 8 * 8 : whole;
            const bool opens = opensElsewhere(*cut, info.headCount);
            EXPECT_EQ(hidden == cut->neurons.front(), opens) << part << " " << padded;
            EXPECT_TRUE(opens || (gated && !padded && part != 0.5)) << part;
        }
}

TEST_P(VitStructures, CodeOfTheModelGoesAlongWhereTheConfigurationNamesIt) {
    const auto published = folder / "published", smaller = folder / "smaller";
    ASSERT_TRUE(std::filesystem::create_directories(published));
    for (const char* name : {"hf_model.py", "common.py", "notes.txt"})
        ASSERT_TRUE(writeFileAtomically(published / name, "raise SystemExit\n"));
    original.path = published;
    Json config = checkpoint.config;
    ASSERT_TRUE(writeEncoderFolder(smaller, original, config, checkpoint.tensors));
    EXPECT_FALSE(std::filesystem::exists(smaller / "hf_model.py"));
    config["auto_map"] = {{"AutoModel", "hf_model.RADIOModel"}};
    ASSERT_TRUE(writeEncoderFolder(smaller, original, config, checkpoint.tensors));
    EXPECT_TRUE(std::filesystem::exists(smaller / "hf_model.py"));
    EXPECT_TRUE(std::filesystem::exists(smaller / "common.py"));
    EXPECT_FALSE(std::filesystem::exists(smaller / "notes.txt"));
}

TEST_P(VitStructures, KeepingAllIsTheSameModel) {
    const auto same = cutOut({});
    ASSERT_TRUE(same);
    EXPECT_LT((features(*same) - features(*model)).abs().max().item<double>(), 1e-5);
}

TEST_P(VitStructures, TokensStandInTheConfiguration) {
    Json config = checkpoint.config;
    for (const nn::TokenMethod method :
         {nn::TokenMethod::Merge, nn::TokenMethod::Attention, nn::TokenMethod::Norm}) {
        config["token_reduction"] = nn::TokenReductionSettings{method, 0.999, 0}.json();
        const auto nearly = open(config, checkpoint.tensors);
        ASSERT_TRUE(nearly);
        EXPECT_LT((features(*nearly) - features(*model)).abs().max().item<double>(), 1e-4);
        config["token_reduction"] = nn::TokenReductionSettings{method, 0.4, 0}.json();
        const auto fewer = open(config, checkpoint.tensors);
        ASSERT_TRUE(fewer);
        EXPECT_EQ(features(*fewer).sizes(), features(*model).sizes());
        EXPECT_GT((features(*fewer) - features(*model)).abs().max().item<double>(), 1e-4);
        EncodeRequest request;
        request.attentionLayers = {1};
        const auto attention = fewer->encoder()->encode(pixels, request);
        ASSERT_FALSE(attention);
        EXPECT_THAT(attention.error().text(), HasSubstr("token_reduction"));
        request = {};
        request.layers = {0, 1, 2};
        const auto layers = fewer->encoder()->encode(pixels, request);
        ASSERT_TRUE(layers);
        for (const LayerOutput& layer : layers->layers)
            EXPECT_EQ(layer.features.sizes(), layers->features.sizes());
    }
}

// Masks are of the tensors that the (plain) checkpoint has.
TEST_P(VitStructures, LayersAreFoundInTheCheckpoint) {
    StoredShapes shapes = plainShapes(*original.weights);
    const auto blocks = encoderBlocks(*model, {});
    for (int64_t block = 0; block < (*blocks)->depth(); ++block)
        for (const BlockLinear& linear : (*blocks)->linears(block)) {
            int64_t rows = 0;
            for (const StoredRows& part : storedRows(shapes, linear.name)) {
                ASSERT_TRUE(checkpoint.tensors.contains(part.tensor)) << part.tensor;
                EXPECT_LT((checkpoint.tensors[part.tensor] -
                           linear.weight.detach().narrow(0, part.first, part.count))
                              .abs()
                              .max()
                              .item<double>(),
                          1e-5)
                    << part.tensor;
                rows += part.count;
            }
            EXPECT_EQ(rows, linear.weight.size(0)) << linear.name;
        }
}

// What goes with a head and a hidden unit is what the cut model lacks.
TEST_P(VitStructures, DependencyGroupsAreWhatACutTakes) {
    const EncoderInfo& info = model->encoder()->info();
    const StoredShapes shapes = plainShapes(*original.weights);
    const int64_t headWidth = info.featureWidth / info.headCount, last = info.layerCount - 1;
    const auto weightsOf = [&](VitAxis axis, int64_t index) {
        const auto group = vitDependencyGroup(shapes, axis, headWidth, last, index);
        EXPECT_TRUE(group) << messageOf(group);
        int64_t sum = 0;
        for (const TouchedTensor& each : *group)
            sum += each.weights();
        return sum;
    };
    VitRanking ranking = ranked();
    const int64_t neurons = ranking.neurons.back().numel();
    const auto lacks = [&](const VitStructurePlan& plan) {
        const auto cut = cutVit(checkpoint.tensors, ranking, plan);
        EXPECT_TRUE(cut) << messageOf(cut);
        int64_t sum = 0;
        for (const auto& [name, tensor] : checkpoint.tensors)
            sum += tensor.numel() - cut->tensors.at(name).numel();
        return sum;
    };
    const int64_t depth = info.layerCount;
    EXPECT_EQ(depth * weightsOf(VitAxis::Heads, 2), lacks({.heads = 1 - 1.0 / double(info.headCount)}));
    EXPECT_EQ(depth * weightsOf(VitAxis::Neurons, 0), lacks({.neurons = 1 - 1.0 / double(neurons)}));
    EXPECT_FALSE(vitDependencyGroup(shapes, VitAxis::Heads, headWidth, last, info.headCount));
    EXPECT_FALSE(vitDependencyGroup(shapes, VitAxis::Heads, headWidth, depth, 0));
}

INSTANTIATE_TEST_SUITE_P(Radio, VitStructures,
                         ::testing::Values("radio_vit", "radio_g", "radio_hf", "radio_normalized",
                                           "radio_spectral"),
                         [](const auto& each) { return std::string(each.param); });

TEST(VitStructureRanks, AcrossBlocksTheBestStayAndNoBlockIsEmpty) {
    VitRanking ranking;
    ranking.heads = {at::tensor({0.1, 0.2}), at::tensor({3.0, 4.0}), at::tensor({5.0, 1.0})};
    ranking.neurons = {at::ones({4}), at::ones({4}), at::ones({4})};
    ranking.blocks = at::tensor({0.5, 0.1, 0.9});
    const VitChoice choice = chooseStructures(ranking, {.heads = 4.0 / 6, .acrossBlocks = true});
    EXPECT_TRUE(at::equal(choice.heads[0], at::tensor({1})));
    EXPECT_TRUE(at::equal(choice.heads[1], at::tensor({0, 1})));
    EXPECT_TRUE(at::equal(choice.heads[2], at::tensor({0})));
    const VitChoice fewer = chooseStructures(ranking, {.heads = 0.75, .acrossBlocks = true, .blocks = 1});
    EXPECT_EQ(fewer.numbers, (std::vector<int64_t>{0, 2}));
    EXPECT_TRUE(at::equal(fewer.heads[2], at::tensor({0, 1})));
    EXPECT_FALSE(fewer.heads[1].defined());
}

TEST(VitStructureRanks, SaysWhatCannotBePadded) {
    VitRanking ranking;
    ranking.heads = {at::ones({2})};
    ranking.neurons = {at::ones({4})};
    ranking.blocks = at::ones({1});
    const auto cut = cutVit(
        {{"patch_generator.embedder.weight", at::ones({8, 8})}, {"blocks.0.mlp.norm.weight", at::ones({4})}},
        ranking, {.neurons = 0.5, .padded = true});
    ASSERT_FALSE(cut);
    EXPECT_THAT(cut.error().text(), HasSubstr("norm inside the MLP"));
}

TEST(VitStructureRanks, SaysWhatCannotBeCut) {
    const auto cut = cutVit({{"linear.weight", at::ones({2, 2})}}, {{}, {}, at::ones({1})}, {.heads = 0.5});
    ASSERT_FALSE(cut);
    EXPECT_THAT(cut.error().text(), HasSubstr("radio and vit_cifar"));
}

}  // namespace
}  // namespace vitrine
