#include "core/structured/slicer.h"

#include "core/structured/block_influence.h"
#include "core/structured/structure_cost.h"
#include "tests/core/structured/structured_data.h"

namespace vitrine {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using SlicerTest = testing::StructuredData;

uint64_t tensorBytes(const std::filesystem::path& folder) {
    const auto source = openTensors(folder / "model.safetensors");
    const auto tensors = readAllTensors(**source);
    uint64_t bytes = 0;
    for (const auto& [name, tensor] : *tensors)
        bytes += tensor.nbytes();
    return bytes;
}

TEST_F(SlicerTest, AnotherOrderIsTheSameFunction) {
    const at::Tensor ids = batches()[0];
    for (const bool nemotron : {false, true}) {
        const auto model = randomModel(richConfig(nemotron));
        const auto plan = sortedPlan(model->config(), ranked(*model), {});
        ASSERT_TRUE(plan) << plan.error().text();
        // Each axis alone, then all at once.
        for (int axis = 0; axis < 4; ++axis) {
            SlicePlan one = *plan;
            if (axis < 3) {
                one = wholePlan(model->config());
                for (size_t i = 0; i < one.layers.size(); ++i) {
                    if (axis == 1)
                        one.layers[i].heads = plan->layers[i].heads;
                    if (axis == 2)
                        one.layers[i].neurons = plan->layers[i].neurons;
                }
                if (axis == 0)
                    one.channels = plan->channels;
            }
            const auto sliced = sliceModel(*model, one);
            ASSERT_TRUE(sliced) << sliced.error().text();
            EXPECT_LT(difference(*model, **sliced, ids), 1e-5) << "axis " << axis;
        }
        EXPECT_FALSE(plan->channels.equal(at::arange(32, at::kLong)));
    }
}

TEST_F(SlicerTest, MaskedIsSliced) {
    const at::Tensor ids = batches()[0];
    const std::vector<StructureSizes> cases = {{.width = 20},
                                               {.heads = 2},
                                               {.intermediate = 24},
                                               {.depth = 2},
                                               {.width = 24, .heads = 4, .intermediate = 40, .depth = 2}};
    for (const bool nemotron : {false, true}) {
        const auto model = randomModel(richConfig(nemotron));
        const StructureRanking ranking = ranked(*model);
        for (const StructureSizes& sizes : cases) {
            auto plan = planFor(model->config(), ranking, sizes, {});
            ASSERT_TRUE(plan) << plan.error().text();
            plan->layers[0].feedForward = false;
            const auto sliced = sliceModel(*model, *plan);
            const auto masked = maskedModel(*model, *plan);
            ASSERT_TRUE(sliced && masked);
            EXPECT_LT(difference(**sliced, **masked, ids), 1e-5) << sizes.json().dump();
            EXPECT_GT(difference(*model, **masked, ids), 1e-3);
        }
    }
}

TEST_F(SlicerTest, SmallerPlansAreTheFrontOfTheSortedOne) {
    const auto model = randomModel(richConfig(false));
    const StructureRanking ranking = ranked(*model);
    const auto all = sortedPlan(model->config(), ranking, {});
    const auto part = planFor(model->config(), ranking, {.width = 12, .heads = 4, .intermediate = 9}, {});
    ASSERT_TRUE(all && part);
    EXPECT_TRUE(part->channels.equal(all->channels.narrow(0, 0, 12)));
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(part->layers[i].neurons.equal(all->layers[i].neurons.narrow(0, 0, 9)));
        // Within each group of three query heads.
        for (int64_t group = 0; group < 2; ++group)
            EXPECT_TRUE(part->layers[i]
                            .heads.narrow(0, 2 * group, 2)
                            .equal(all->layers[i].heads.narrow(0, 3 * group, 2)));
    }
}

TEST_F(SlicerTest, CostIsTheByteCountOfTheFile) {
    const auto model = randomModel(richConfig(true));
    const StructureRanking ranking = ranked(*model);
    auto plan =
        planFor(model->config(), ranking, {.width = 24, .heads = 4, .intermediate = 40, .depth = 2}, {});
    plan->layers[1].attention = false;
    const auto sliced = sliceModel(*model, *plan);
    ASSERT_TRUE(sliced);
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
        ASSERT_TRUE(saveLanguageModel(**sliced, folder / "sliced", {.type = type}));
        const StructureCost cost = structureCost((*sliced)->config(), {.weights = type, .cache = type});
        EXPECT_EQ(cost.weightBytes, double(tensorBytes(folder / "sliced")));
        // Keys and values of the one layer that has attention: 2 heads of 8 for 48 tokens.
        EXPECT_EQ(cost.cacheBytes, 2.0 * 2 * 8 * 48 * double(at::elementSize(type)));
    }
    // Llama-3.1-8B, batch 96, 4096 + 4096 tokens in bfloat16: 3072 MiB for each attention layer.
    DecoderConfig llama;
    llama.vocabulary = 128256;
    llama.width = 4096;
    LayerSettings layer;
    layer.attention.queryHeads = 32;
    layer.attention.keyValueHeads = 8;
    layer.attention.headWidth = 128;
    layer.feedForward.intermediate = 14336;
    llama.layers.assign(32, layer);
    const DeploymentProfile profile{.batch = 96, .prompt = 4096, .generated = 4096};
    EXPECT_EQ(layerCost(llama, layer, profile).cacheBytes, 3072.0 * 1024 * 1024);
    EXPECT_EQ(structureCost(llama, profile).parameters, 8030261248);
}

TEST_F(SlicerTest, ReloadsToEqualLogits) {
    const at::Tensor ids = batches()[0];
    const auto model = randomModel(richConfig(false));
    const StructureRanking ranking = ranked(*model);
    for (const bool uneven : {false, true}) {
        auto plan = planFor(model->config(), ranking, {.width = 20, .heads = 4, .intermediate = 24}, {});
        if (uneven) {
            plan->layers[0].attention = false;
            plan->layers[2].neurons = plan->layers[2].neurons.narrow(0, 0, 7);
        }
        const auto sliced = sliceModel(*model, *plan);
        ASSERT_TRUE(sliced);
        ASSERT_TRUE(saveLanguageModel(**sliced, folder / "sliced"));
        const auto config = readJsonFile(folder / "sliced" / "config.json");
        ASSERT_TRUE(config);
        EXPECT_EQ((*config)["head_dim"], 8);
        EXPECT_EQ(config->contains("block_configs"), uneven);
        const auto loaded = loadLanguageModel(folder / "sliced", {});
        ASSERT_TRUE(loaded) << loaded.error().text();
        EXPECT_EQ(difference(**sliced, **loaded, ids), 0);
    }
}

TEST_F(SlicerTest, ImportanceBeatsRandomOnATrainedModel) {
    const LanguageModel& model = trained();
    const StructureRanking ranking = ranked(model);
    const auto windows = batches(6);
    const auto lossOf = [&](const SelectionOptions& options) {
        const auto plan = planFor(model.config(), ranking, {.intermediate = 24}, options);
        const auto sliced = sliceModel(model, *plan);
        return lossWithout((*sliced)->decoder(), windows, Players::Blocks, {});
    };
    double random = 0;
    for (uint64_t seed = 0; seed < 5; ++seed)
        random += lossOf({.selection = Selection::Random, .seed = seed}) / 5;
    const double best = lossOf({}), weighted = lossOf({.neuronScore = NeuronScore::TimesDownNorm}),
                 worst = lossOf({.selection = Selection::LeastImportant});
    EXPECT_LT(best, random - 0.05);
    EXPECT_LT(weighted, random - 0.05);
    EXPECT_LT(random, worst);
}

TEST_F(SlicerTest, AChannelsGroupIsEverythingItTouches) {
    const DecoderConfig config = richConfig(false);
    const Decoder decoder(config);
    const auto namesOf = [](const Result<std::vector<TouchedTensor>>& group) {
        std::vector<std::string> names;
        for (const TouchedTensor& each : *group)
            names.push_back(each.name);
        return names;
    };
    const auto channel = dependencyGroup(decoder, StructureAxis::Channels, 0, 5);
    ASSERT_TRUE(channel);
    for (const char* name : {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight",
                             "model.layers.2.self_attn.q_proj.weight", "model.layers.0.mlp.down_proj.bias"})
        EXPECT_THAT(namesOf(channel), Contains(name));
    EXPECT_EQ(channel->size(), 3u + 3 * 11);
    const auto neuron = dependencyGroup(decoder, StructureAxis::Neurons, 1, 7);
    ASSERT_TRUE(neuron);
    EXPECT_THAT(namesOf(neuron), ::testing::UnorderedElementsAre("model.layers.1.mlp.gate_proj.weight",
                                                                 "model.layers.1.mlp.gate_proj.bias",
                                                                 "model.layers.1.mlp.up_proj.weight",
                                                                 "model.layers.1.mlp.up_proj.bias",
                                                                 "model.layers.1.mlp.down_proj.weight"));
    // What goes is what a slice without it lacks.
    const auto parametersWithout = [&](const SlicePlan& plan) {
        const auto sliced = slicedConfig(config, plan);
        EXPECT_TRUE(sliced) << sliced.error().text();
        return config.parameterCount() - sliced->parameterCount();
    };
    const auto without = [](int64_t count, int64_t gone) {
        const at::Tensor all = at::arange(count, at::kLong);
        return all.masked_select(all != gone);
    };
    const auto weightsOf = [](const std::vector<TouchedTensor>& group) {
        int64_t sum = 0;
        for (const TouchedTensor& each : group)
            sum += each.weights();
        return sum;
    };
    SlicePlan plan = wholePlan(config);
    plan.layers[1].neurons = without(config.layers[1].feedForward.intermediate, 7);
    EXPECT_EQ(weightsOf(*neuron), parametersWithout(plan));
    plan = wholePlan(config);
    plan.channels = without(config.width, 5);
    EXPECT_EQ(weightsOf(*channel), parametersWithout(plan));
    const auto head = dependencyGroup(decoder, StructureAxis::QueryHeads, 0, 1);
    ASSERT_TRUE(head);
    const int64_t headWidth = config.layers[0].attention.headWidth;
    for (const TouchedTensor& each : *head)
        EXPECT_EQ(each.places, (std::vector<std::pair<int64_t, int64_t>>{{headWidth, headWidth}}))
            << each.name;
    EXPECT_THAT(dependencyGroup(decoder, StructureAxis::Neurons, 1, 1 << 20).error().text(),
                HasSubstr("no number"));
    EXPECT_THAT(dependencyGroup(decoder, StructureAxis::Neurons, 9, 0).error().text(),
                HasSubstr("no block 9"));
}

TEST_F(SlicerTest, RefusesWhatCannotBeCut) {
    const auto model = randomModel(richConfig(false));
    const StructureRanking ranking = ranked(*model);
    const auto errorOf = [&](const StructureSizes& sizes, const SelectionOptions& options = {}) {
        const auto plan = planFor(model->config(), ranking, sizes, options);
        return plan ? std::string() : plan.error().text();
    };
    EXPECT_THAT(errorOf({.width = 33}), HasSubstr("33 of the channels are to stay; there are 32"));
    EXPECT_THAT(errorOf({.heads = 3}), HasSubstr("Keep a multiple of 2"));
    EXPECT_THAT(errorOf({.intermediate = 65}), HasSubstr("neurons of block 0"));
    EXPECT_THAT(errorOf({.depth = 2}, {.blockMetric = "mmlu"}),
                HasSubstr("no influence of blocks by \"mmlu\""));
    SlicePlan plan = wholePlan(model->config());
    plan.layers[1].heads = at::tensor({0, 1, 2, 3}, at::kLong);  // three of group 0, one of group 1
    EXPECT_THAT(sliceModel(*model, plan).error().text(), HasSubstr("group by group"));
    plan = wholePlan(model->config());
    plan.layers[0].neurons = at::tensor({4, 4}, at::kLong);
    EXPECT_THAT(sliceModel(*model, plan).error().text(), HasSubstr("named twice"));
    plan.layers[0].neurons = at::tensor({64}, at::kLong);
    EXPECT_THAT(sliceModel(*model, plan).error().text(), HasSubstr("there are 64 neurons, found index 64"));
}

}  // namespace
}  // namespace vitrine
