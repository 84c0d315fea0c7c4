// The job "compress" on the checkpoints of the RADIO family.
#include "core/models/model.h"
#include "tests/core/engine/compress_encoder_job.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using testing::CompressEncoderTest;
using testing::expectMasksMakeTheFolder;

struct CompressRadioTest : CompressEncoderTest, ::testing::WithParamInterface<const char*> {};

TEST_P(CompressRadioTest, GoesThroughTheSameJob) {
    VITRINE_SHARED_DATA(golden, std::filesystem::path("goldens") / GetParam());
    Json wanted = settings({{{"prune", "wanda"}}});
    wanted["model"] = golden.string();
    wanted["resolution"] = 64;
    wanted["test"] = "";
    wanted["structures"] = {{{"heads", 0.5}},
                            {{"neurons", 0.5}, {"over", "model"}},
                            {{"blocks", 1}},
                            {{"tokens", 0.5}},
                            {{"tokens", 0.5}, {"token_method", "attention"}},
                            {{"heads", 0.75}, {"neurons", 0.75}, {"blocks", 1}, {"tokens", 0.75}}};
    const RunOutcome outcome = run(wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    std::map<std::string, Json> rows;
    const Json report = *readJsonFile(fileOf(outcome.run, "compression.json"));
    for (const Json& row : report["plans"])
        rows[row["plan"]] = row;
    // Dense, wanda and its control, six cuts, and five controls: the two token methods share one.
    EXPECT_EQ(rows.size(), 3u + 6u + 5u);
    EXPECT_EQ(rows["dense"]["kept_operations"], 1);
    EXPECT_EQ(rows["dense"]["feature_error"], 0);
    const auto row = [&](const char* plan) -> const Json& {
        EXPECT_TRUE(rows.contains(plan)) << plan;
        return rows[plan];
    };
    EXPECT_LT(row("heads 50 %")["kept_parameters"].get<double>(), 1);
    EXPECT_EQ(row("heads 50 %")["opens_elsewhere"], false);
    EXPECT_EQ(row("1 block fewer")["opens_elsewhere"], true);
    EXPECT_LT(row("neurons 50 % across blocks")["kept_operations"].get<double>(), 1);
    for (const char* plan : {"tokens 50 % (merge)", "tokens 50 % (attention)"}) {
        EXPECT_EQ(row(plan)["kept_parameters"], 1) << plan;
        EXPECT_LT(row(plan)["kept_operations"].get<double>(), 0.9) << plan;
        EXPECT_EQ(row(plan)["control_plan"], "random control tokens 50 % (random)");
        EXPECT_TRUE(rows.contains(row(plan)["control_plan"].get<std::string>()));
    }
    for (const auto& [plan, each] : rows) {
        EXPECT_TRUE(each.contains("correspondence")) << plan;
        EXPECT_TRUE(each["key"].get<std::string>().starts_with("features of 16 pictures")) << plan;
        if (plan != "dense") {
            EXPECT_GT(each["feature_error"].get<double>(), 0) << plan;
        }
    }
    const auto dense = loadModel(golden, {});
    ASSERT_TRUE(dense);
    for (const std::string& adaptor : (*dense)->encoder()->info().adaptors)
        EXPECT_GT(row("heads 50 %")[adaptor + "_feature_error"].get<double>(), 0) << adaptor;
    // What is kept opens, and gives what was measured: other features than the dense model's.
    const auto smaller =
        loadModel(folder / "models" / "heads_75____neurons_75____1_block_fewer__tokens_75____merge_", {});
    ASSERT_TRUE(smaller) << smaller.error().text();
    EXPECT_EQ(
        (*smaller)->encoder()->info().parameterCount,
        row("heads 75 %, neurons 75 %, 1 block fewer, tokens 75 % (merge)")["parameters"].get<int64_t>());
    expectMasksMakeTheFolder(fileOf(outcome.run, "wanda_2_4/masks.safetensors"), golden,
                             folder / "models" / "best");
}

INSTANTIATE_TEST_SUITE_P(Radio, CompressRadioTest,
                         ::testing::Values("radio_vit", "radio_g", "radio_hf", "radio_spectral"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace vitrine
