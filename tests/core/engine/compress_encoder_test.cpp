// The job "compress" on an encoder: features as the measure, a folder that gives what was measured.
#include "core/base/file.h"
#include "core/compress/encoder_checkpoint.h"
#include "core/compress/mask_set.h"
#include "core/compress/vit_structures.h"
#include "core/distill/random_stream.h"
#include "core/engine/compress_engine_impl.h"
#include "core/engine/compress_kind.h"
#include "core/image_training/classifier_network.h"
#include "core/image_training/labelled_pictures.h"
#include "core/models/model.h"
#include "core/nn/weights.h"
#include "core/runs/recipe.h"
#include "core/runs/run_context.h"
#include "core/runs/runner.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

// A ViT with random weights, and scenes in a CIFAR binary file.
struct CompressEncoderTest : ::testing::Test {
    CompressEncoderTest() {
        kinds.add(compressKind());
        auto opened = Project::create(folder / "project");
        EXPECT_TRUE(opened);
        project.emplace(std::move(*opened));
        ClassifierShape shape{.kind = ClassifierKind::Vit, .side = 32, .classes = 8, .width = 32};
        shape.depth = 3;
        shape.heads = 4;
        shape.mlpWidth = 64;
        const auto network = ClassifierNetwork::create(shape);
        EXPECT_TRUE(network);
        const auto written = network->exportFolder(
            folder / "vit", network->freshWeights(randomStream(2, 0, "weights")), {}, "{}");
        EXPECT_TRUE(written) << written.error().text();
        const LabelledPictures scenes = shapeScenePictures(64, 32, 3, "pictures");
        const at::Tensor bytes = ((scenes.pictures - scenes.pictures.min()) /
                                  (scenes.pictures.max() - scenes.pictures.min()) * 255)
                                     .to(at::kByte)
                                     .contiguous();
        std::string file;
        for (int64_t index = 0; index < scenes.count(); ++index) {
            file += char(scenes.labels[index].item<int64_t>());
            file.append(reinterpret_cast<const char*>(bytes[index].const_data_ptr<uint8_t>()), 3072);
        }
        EXPECT_TRUE(writeFileAtomically(folder / "scenes.bin", file));
    }
    Json settings(const Json& plans) const {
        return {{"model", (folder / "vit").string()},
                {"pictures", {(folder / "scenes.bin").string()}},
                {"test", (folder / "scenes.bin").string()},
                {"output", (folder / "models").string()},
                {"speed", false},
                {"plans", plans}};
    }
    RunOutcome run(const Json& jobSettings) {
        const auto recipe =
            completeRecipe({{"kind", "compress"}, {"seed", 5}, {"settings", jobSettings}}, kinds, "test");
        EXPECT_TRUE(recipe) << (recipe ? "" : recipe.error().text());
        RunnerOptions options;
        options.handleSignals = options.controlSocket = false;
        auto outcome = runRecipe(*project, *recipe, kinds, options);
        EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().text());
        return std::move(*outcome);
    }
    std::filesystem::path fileOf(const vitrine::Run& run, const std::string& name) const {
        const auto artifacts = RunStore(*project).artifacts(run);
        for (const Artifact& artifact : *artifacts)
            if (artifact.name == name)
                return project->artifacts().pathOf(artifact.sha256);
        ADD_FAILURE() << "no artifact " << name;
        return {};
    }
    testing::TemporaryFolder folder;
    JobKinds kinds;
    std::optional<Project> project;
};

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
        if (sparse && !skipped)
            EXPECT_EQ(entry.value().ne(0).sum().item<int64_t>() * 2, entry.value().numel()) << entry.key();
        else
            EXPECT_TRUE(at::equal(entry.value(), before[entry.key()])) << entry.key();
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

// Masks laid over the checkpoint's own tensors are the pruned model.
void expectMasksMakeTheFolder(const std::filesystem::path& masksFile, const std::filesystem::path& dense,
                              const std::filesystem::path& pruned) {
    const auto masks = MaskSet::load(masksFile);
    ASSERT_TRUE(masks) << masks.error().text();
    const auto before = openModelFolder(dense), after = openModelFolder(pruned);
    ASSERT_TRUE(before && after);
    auto checkpoint = readPlainCheckpoint(*before);
    const auto stored = readAllTensors(*after->weights);
    ASSERT_TRUE(checkpoint && stored);
    NamedTensors weights;
    for (const auto& [name, tensor] : checkpoint->tensors)
        weights[name] = tensor.clone();
    const auto applied = masks->applyTo(weights);
    ASSERT_TRUE(applied) << applied.error().text();
    EXPECT_GE(masks->names().size(), 4u);
    for (const auto& [name, tensor] : *stored)
        EXPECT_TRUE(at::equal(tensor, weights[name])) << name;
    EXPECT_EQ(stored->size(), weights.size());
}

TEST_F(CompressEncoderTest, MasksNameTheTensorsOfTheCheckpoint) {
    const RunOutcome outcome = run(settings({{{"prune", "wanda"}}}));
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    expectMasksMakeTheFolder(fileOf(outcome.run, "wanda_2_4/masks.safetensors"), folder / "vit",
                             folder / "models" / "best");
}

// What the window asks: a picture with parts of the encoder off.
TEST_F(CompressEncoderTest, WhatIfAnswersForAPicture) {
    const auto engine = makeCompressEngine();
    JobContext job;
    PictureWhatIfRequest request;
    request.model = folder / "vit";
    request.picture = (folder / "scenes.bin").string() + "#3";
    const auto asked = [&] {
        auto answer = engine->whatIf(request, job);
        EXPECT_TRUE(answer) << (answer ? "" : answer.error().text());
        return std::move(*answer);
    };
    const PictureWhatIf plain = asked();
    EXPECT_EQ(plain.featureError, 0);
    EXPECT_NEAR(plain.featureCosine, 1, 1e-6);
    EXPECT_EQ(plain.layers, 3);
    EXPECT_EQ(plain.heads, 4);
    EXPECT_EQ(plain.before->width(), 8);
    EXPECT_EQ(plain.classes.size(), 8u);
    EXPECT_EQ(plain.classes[0].before, plain.classes[0].after);
    request.attentionOff = {1};
    const double attention = asked().featureError;
    request.attentionOff = {};
    request.feedForwardOff = {1};
    const double feedForward = asked().featureError;
    EXPECT_GT(attention, 0);
    EXPECT_GT(feedForward, 0);
    EXPECT_NE(attention, feedForward);
    request.feedForwardOff = {};
    request.tokens = 0.4;
    const PictureWhatIf fewer = asked();
    EXPECT_GT(fewer.featureError, 0);
    EXPECT_EQ(fewer.after->width(), 8);
    request.tokens = 1;
    request.headsOff = {{2, 4}};
    EXPECT_THAT(engine->whatIf(request, job).error().text(), HasSubstr("no head 4"));
    request.headsOff = {};
    // Everything is back as it was.
    EXPECT_EQ(asked().featureError, 0);
    request.picture = (folder / "nothing.png").string();
    EXPECT_THAT(engine->whatIf(request, job).error().text(), HasSubstr("nothing.png"));
}

TEST_F(CompressEncoderTest, MasksOfARunAreLaidOverThePicture) {
    const RunOutcome outcome = run(settings({{{"prune", "wanda"}}}));
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const auto engine = makeCompressEngine();
    JobContext job;
    PictureWhatIfRequest masked;
    masked.model = folder / "vit";
    masked.picture = (folder / "scenes.bin").string() + "#3";
    masked.masks = fileOf(outcome.run, "wanda_2_4/masks.safetensors");
    const auto found = engine->whatIf(masked, job);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_GT(found->featureError, 0.01);
    // The packed weights are the masked ones: Wanda changes none of those that stay.
    PictureWhatIfRequest packed = masked;
    packed.masks.clear();
    packed.compressed = folder / "models" / "best" / "compressed.safetensors";
    const auto same = engine->whatIf(packed, job);
    ASSERT_TRUE(same) << same.error().text();
    EXPECT_NEAR(same->featureError, found->featureError, 1e-5);
    // Costs are known of encoders too.
    const auto costs = engine->costs(folder / "vit", {{{"prune", "wanda"}}}, "float32");
    ASSERT_TRUE(costs) << costs.error().text();
    EXPECT_EQ(costs->linearWeights, 3 * (32.0 * 96 + 32 * 32 + 2 * 32 * 64));
    EXPECT_NEAR(costs->rows.at(0).operations / costs->denseOperations, 0.5, 1e-9);
}

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
        if (plan != "dense")
            EXPECT_GT(each["feature_error"].get<double>(), 0) << plan;
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
