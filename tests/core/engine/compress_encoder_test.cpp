// The job "compress" on an encoder: features as the measure, a folder that gives what was measured.
#include "core/base/file.h"
#include "core/compress/vit_structures.h"
#include "core/image_training/labelled_pictures.h"
#include "core/models/model.h"
#include "core/nn/weights.h"
#include "tests/core/engine/compress_encoder_job.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using testing::CompressEncoderTest;
using testing::expectMasksMakeTheFolder;
using ::testing::HasSubstr;

TEST_F(CompressEncoderTest, FeaturesTellHowMuchEachPlanCosts) {
    const RunOutcome outcome = run(settings({{{"prune", "magnitude"}},
                                             {{"prune", "sparsegpt"}},
                                             {{"prune", "sparsegpt"}, {"low_rank", "eora"}, {"rank", 8}},
                                             {{"prune", "none"}, {"format", "int8"}}}));
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const Json report = *readJsonFile(fileOf(outcome.run, "compression.json"));
    const Json& rows = report["plans"];
    ASSERT_EQ(rows.size(), 6u);
    const auto error = [&](size_t row) { return rows[row]["feature_error"].get<double>(); };
    EXPECT_EQ(error(0), 0);
    EXPECT_EQ(rows[0]["plan"], "dense");
    EXPECT_LT(error(2), error(1));  // SparseGPT below magnitude
    EXPECT_LT(error(3), error(2));  // repaired
    EXPECT_LT(error(4), error(3));  // eight bits
    EXPECT_TRUE(rows[5]["control"].get<bool>());
    EXPECT_GT(error(5), error(2));
    for (const Json& row : rows) {
        EXPECT_TRUE(row.contains("accuracy"));
        EXPECT_NEAR(row["difference_to_dense"].get<double>(), row["feature_error"].get<double>(), 1e-12);
    }
    EXPECT_EQ(report["best"]["plan"], rows[4]["plan"]);
    ASSERT_TRUE(loadModel(folder / "models" / "best", {}));
    const Json config = *readJsonFile(folder / "models" / "best" / "config.json");
    EXPECT_EQ(config["num_attention_heads"], 4);
    EXPECT_EQ(config["vitrine"]["pictures"], 48);
}

TEST_F(CompressEncoderTest, TheFolderHoldsTheSparseWeights) {
    const RunOutcome outcome = run(settings({{{"prune", "wanda"}, {"skip", {"linear2"}}}}));
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const auto model = loadModel(folder / "models" / "best", {}), dense = loadModel(folder / "vit", {});
    ASSERT_TRUE(model && dense);
    const auto before = (*dense)->module()->named_parameters();
    for (const auto& entry : (*model)->module()->named_parameters()) {
        const bool skipped = entry.key().find("linear2") != std::string::npos;
        const bool sparse = entry.key().find("layers.") != std::string::npos && entry.value().dim() == 2;
        if (sparse && !skipped) {
            EXPECT_EQ(entry.value().ne(0).sum().item<int64_t>() * 2, entry.value().numel()) << entry.key();
        } else {
            EXPECT_TRUE(at::equal(entry.value(), before[entry.key()])) << entry.key();
        }
    }
}

TEST_F(CompressEncoderTest, StructuresAreCutOutAndTheFolderIsSmaller) {
    Json wanted = settings({{{"prune", "wanda"}}});
    wanted["structures"] = {
        {{"heads", 0.5}}, {{"neurons", 0.5}}, {{"blocks", 1}}, {{"heads", 0.75}, {"neurons", 0.75}}};
    const RunOutcome outcome = run(wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const Json report = *readJsonFile(fileOf(outcome.run, "compression.json"));
    std::map<std::string, Json> rows;
    for (const Json& row : report["plans"])
        rows[row["plan"]] = row;
    for (const char* plan : {"heads 50 %", "neurons 50 %", "1 block fewer", "heads 75 %, neurons 75 %"}) {
        ASSERT_TRUE(rows.contains(plan)) << plan;
        ASSERT_TRUE(rows.contains(std::string("random control ") + plan)) << plan;
        EXPECT_LT(rows[plan]["kept_parameters"].get<double>(), 0.95) << plan;
        EXPECT_GT(rows[plan]["feature_error"].get<double>(), 0) << plan;
    }
    // What was ranked low costs less than what chance takes.
    EXPECT_LT(rows["neurons 50 %"]["feature_error"].get<double>(),
              rows["random control neurons 50 %"]["feature_error"].get<double>());
    const auto model = loadModel(folder / "models" / "heads_50__", {});
    ASSERT_TRUE(model) << model.error().text();
    int64_t parameters = 0;
    for (const at::Tensor& parameter : (*model)->module()->parameters())
        parameters += parameter.numel();
    EXPECT_EQ(parameters, rows["heads 50 %"]["parameters"].get<int64_t>());
    EXPECT_FALSE(std::filesystem::exists(folder / "models" / "random_control_heads_50__"));
    wanted["structures"] = {{{"blocks", 3}}};
    EXPECT_THAT(run(wanted).error->text(), HasSubstr("at least one stays"));
}

// Masking a head or a hidden unit (its columns are 0) gives what cutting it out gives.
TEST_F(CompressEncoderTest, CutEqualsMasked) {
    const auto folderOfVit = openModelFolder(folder / "vit");
    ASSERT_TRUE(folderOfVit);
    const auto tensors = readAllTensors(*folderOfVit->weights);
    ASSERT_TRUE(tensors);
    VitRanking ranking;
    for (int64_t block = 0; block < 3; ++block) {
        ranking.heads.push_back(at::tensor({0.3, 0.1, 0.4, 0.2}));
        ranking.neurons.push_back(at::arange(64, at::kFloat));
    }
    ranking.blocks = at::ones({3});
    const auto cut = cutVit(*tensors, ranking, {.heads = 0.5, .neurons = 0.25});
    ASSERT_TRUE(cut) << cut.error().text();
    auto masked = *tensors;
    for (auto& [name, tensor] : masked) {
        tensor = tensor.clone();
        if (name.ends_with("out_proj.weight")) {
            tensor.narrow(1, 8, 8).zero_();   // head 1
            tensor.narrow(1, 24, 8).zero_();  // head 3
        }
        if (name.ends_with("linear2.weight"))
            tensor.narrow(1, 0, 48).zero_();
    }
    const auto logitsOf = [&](const std::map<std::string, at::Tensor>& weights) {
        const auto place = folder / "variant";
        std::filesystem::create_directories(place);
        EXPECT_TRUE(writeTensors(place / "model.safetensors", weights));
        EXPECT_TRUE(writeFileAtomically(place / "config.json", folderOfVit->config.dump()));
        const auto model = loadModel(place, {});
        EXPECT_TRUE(model) << (model ? "" : model.error().text());
        return *(*model)->classifier()->classify(shapeScenePictures(8, 32, 1, "test").pictures);
    };
    EXPECT_LT((logitsOf(cut->tensors) - logitsOf(masked)).abs().max().item<double>(), 1e-4);
}

TEST_F(CompressEncoderTest, MasksNameTheTensorsOfTheCheckpoint) {
    const RunOutcome outcome = run(settings({{{"prune", "wanda"}}}));
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    expectMasksMakeTheFolder(fileOf(outcome.run, "wanda_2_4/masks.safetensors"), folder / "vit",
                             folder / "models" / "best");
}

TEST_F(CompressEncoderTest, SaysWhatIsMissing) {
    Json convolutional = settings({{{"prune", "wanda"}}});
    convolutional["model"] = (testing::sourceFolder() / "resources" / "models" / "vitrine_s").string();
    EXPECT_THAT(run(convolutional).error->text(), HasSubstr("no ViT blocks"));
    Json twice = settings(Json::array());
    EXPECT_THAT(run(twice).error->text(), HasSubstr("there is nothing to do"));
    twice["structures"] = {{{"heads", 0.5}}, {{"heads", 0.5}}};
    EXPECT_THAT(run(twice).error->text(), HasSubstr("two entries ask for the same"));
    Json wrong = settings({{{"prune", "wanda"}}});
    wrong["pictures"] = Json::array();
    EXPECT_THAT(run(wrong).error->text(), HasSubstr("Name files or folders of pictures"));
    wrong = settings({{{"prune", "wanda"}}});
    wrong["pictures"] = {(folder / "nowhere.png").string()};
    EXPECT_THAT(run(wrong).error->text(), HasSubstr("nowhere.png"));
    wrong = settings({{{"prune", "none"}, {"low_rank", "svd"}, {"rank", 999}}});
    EXPECT_THAT(run(wrong).error->text(), HasSubstr("rank"));
}

}  // namespace
}  // namespace vitrine
