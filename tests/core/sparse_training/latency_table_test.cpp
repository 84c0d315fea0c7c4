#include "core/sparse_training/latency_table.h"

#include "core/distill/random_stream.h"
#include "core/sparse_training/latency_measurement.h"
#include "tests/core/sparse_training/latency_tables.h"

#include <gmock/gmock.h>

#include <numeric>
#include <stop_token>

namespace vitrine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ClassifierNetwork resNet(int64_t width) {
    return *ClassifierNetwork::create(
        {.kind = ClassifierKind::ResNet, .side = 16, .classes = 8, .width = width, .blocksPerStage = 1});
}

TEST(LatencyTable, StepsAreWholeGroupsAndTheRest) {
    EXPECT_THAT(channelSteps(16, 8), ElementsAre(8, 16));
    EXPECT_THAT(channelSteps(20, 8), ElementsAre(8, 16, 20));
    EXPECT_THAT(channelSteps(6, 8), ElementsAre(6));
    EXPECT_THAT(channelSteps(3, 1), ElementsAre(1, 2, 3));
}

TEST(LatencyTable, HoldsEveryLayerThatChannelsAreCutFrom) {
    const auto layers = latencyLayers(resNet(8), 8);
    ASSERT_EQ(layers.size(), 6u);
    EXPECT_EQ(layers[2].layer, "layer2.0.conv1.weight");
    EXPECT_THAT(layers[2].inputs, ElementsAre(8));
    EXPECT_THAT(layers[2].outputs, ElementsAre(8, 16));
    EXPECT_EQ(layers[2].places, 64);
    EXPECT_THAT(layers[3].inputs, ElementsAre(8, 16));
    EXPECT_THAT(layers[3].outputs, ElementsAre(16));
}

TEST(LatencyTable, ComesBackFromItsFileToTheBit) {
    const ClassifierNetwork network = resNet(12);
    const LatencyTable table = testing::steppedTable(network, 8);
    const auto again = LatencyTable::fromJson(*parseJson(table.json().dump(), "t"), "t");
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->json(), table.json());
    EXPECT_EQ(again->fingerprint(), table.fingerprint());
    EXPECT_EQ(again->find("layer3.0.conv2.weight")->at(16, 48), table.layers[5].at(16, 48));
    EXPECT_FALSE(table.layers[5].at(17, 48));
    EXPECT_TRUE(again->checkFits(network, 8));
}

TEST(LatencyTable, RefusesAnotherNetworksTableAndDamagedOnes) {
    const LatencyTable table = testing::steppedTable(resNet(8), 8);
    EXPECT_THAT(table.checkFits(resNet(16), 8).error().text(),
                AllOf(HasSubstr("layer1.0.conv1.weight"), HasSubstr("[8, 8, 3, 3]"), HasSubstr("[16, 16")));
    EXPECT_THAT(table.checkFits(resNet(8), 4).error().text(), HasSubstr("no times for 4 output channels"));
    EXPECT_TRUE(table.checkFits(resNet(8), 16));  // every other count
    const auto small = ClassifierNetwork::create(
        {.kind = ClassifierKind::ResNet, .side = 8, .classes = 8, .width = 8, .blocksPerStage = 1});
    EXPECT_THAT(table.checkFits(*small, 8).error().text(), HasSubstr("with 256 places"));
    const auto deep = ClassifierNetwork::create(
        {.kind = ClassifierKind::ResNet, .side = 16, .classes = 8, .width = 8, .blocksPerStage = 2});
    EXPECT_THAT(table.checkFits(*deep, 8).error().text(), HasSubstr("layer1.1.conv1.weight"));

    const auto refused = [&](const std::string& path, const Json& value) {
        Json json = table.json();
        json[Json::json_pointer(path)] = value;
        const auto read = LatencyTable::fromJson(json, "table.json");
        return read ? std::string("read") : read.error().text();
    };
    EXPECT_THAT(refused("/format", "another"), HasSubstr("no latency table"));
    EXPECT_THAT(refused("/layers/2/ms/0/1", -1),
                AllOf(HasSubstr("table.json, layer2.0.conv1.weight"), HasSubstr("found -1")));
    EXPECT_THAT(refused("/layers/2/outputs", {8, 16, 24}), HasSubstr("3 output counts"));
    EXPECT_THAT(refused("/layers/3/inputs", {8}), HasSubstr("1 input counts"));
    EXPECT_THAT(refused("/layers", 3), HasSubstr("\"layers\""));
    EXPECT_THAT(refused("/batch", 0), HasSubstr("at least one picture"));
    EXPECT_THAT(LatencyTable::fromJson(Json::array(), "x").error().text(), HasSubstr("no latency table"));
}

// What is predicted is what was measured, layer by layer; the clock of whole networks is read for each of
// them. Which of them is faster is for the benchmark: no test waits on that.
TEST(LatencyMeasurement, TablesAndForwardPassesTellOfTheSameNetwork) {
    const auto network = ClassifierNetwork::create({.kind = ClassifierKind::Vit,
                                                    .side = 16,
                                                    .classes = 8,
                                                    .width = 32,
                                                    .patch = 4,
                                                    .depth = 2,
                                                    .heads = 4,
                                                    .mlpWidth = 1024});
    ASSERT_TRUE(network);
    JobContext job;
    const LatencyMeasurement measurement{.batch = 32, .timing = {.rounds = 9, .sampleMs = 3}};
    const auto table = measureLatencyTable(*network, 512, measurement, job);
    ASSERT_TRUE(table) << table.error().text();
    EXPECT_TRUE(table->checkFits(*network, 512));
    std::stop_source stop;
    stop.request_stop();
    JobContext stopped(stop.get_token(), {});
    EXPECT_EQ(measureLatencyTable(*network, 512, measurement, stopped).error().code, ErrorCode::Cancelled);
    double layers = 0, halves = 0;
    for (const LayerLatency& layer : table->layers) {
        layers += layer.ms.back().back();
        halves += layer.ms.front().front();
    }
    EXPECT_EQ(table->layers[0].ms, table->layers[2].ms);  // equal shapes are measured once
    const auto budget = LatencyBudget::create(*network, {1, 512, *table});
    ASSERT_TRUE(budget) << budget.error().text();
    EXPECT_NEAR(budget->denseMs(), table->outsideMs + layers, 1e-9);
    EXPECT_NEAR(budget->predictedMs({512, 512}), table->outsideMs + halves, 1e-9);

    ClassifierTensors whole{network->freshWeights(randomStream(3, 0, "test")), {}}, cut = whole;
    for (const ChannelGroup& group : network->channelGroups())
        for (const ChannelGroup::Member& member : group.members)
            cut.weights[member.parameter] =
                cut.weights[member.parameter].narrow(member.dimension, 0, 64).contiguous();
    const auto ms = measureForwardMs(*network, {whole, cut}, measurement, job);
    ASSERT_TRUE(ms);
    ASSERT_EQ(ms->size(), 2u);
    EXPECT_GT((*ms)[0], 0);
    EXPECT_GT((*ms)[1], 0);
}

}  // namespace
}  // namespace vitrine
