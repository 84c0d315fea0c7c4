#include "tests/core/engine/compress_encoder_job.h"

#include "core/base/file.h"
#include "core/compress/encoder_checkpoint.h"
#include "core/compress/mask_set.h"
#include "core/distill/random_stream.h"
#include "core/engine/compress_kind.h"
#include "core/image_training/classifier_network.h"
#include "core/image_training/labelled_pictures.h"
#include "core/models/model.h"
#include "core/nn/weights.h"
#include "core/runs/recipe.h"
#include "core/runs/run_context.h"

namespace vitrine::testing {

CompressEncoderTest::CompressEncoderTest() {
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
    const auto written =
        network->exportFolder(folder / "vit", network->freshWeights(randomStream(2, 0, "weights")), {}, "{}");
    EXPECT_TRUE(written) << written.error().text();
    const LabelledPictures scenes = shapeScenePictures(64, 32, 3, "pictures");
    const at::Tensor bytes =
        ((scenes.pictures - scenes.pictures.min()) / (scenes.pictures.max() - scenes.pictures.min()) * 255)
            .to(at::kByte)
            .contiguous();
    std::string file;
    for (int64_t index = 0; index < scenes.count(); ++index) {
        file += char(scenes.labels[index].item<int64_t>());
        file.append(reinterpret_cast<const char*>(bytes[index].const_data_ptr<uint8_t>()), 3072);
    }
    EXPECT_TRUE(writeFileAtomically(folder / "scenes.bin", file));
}

Json CompressEncoderTest::settings(const Json& plans) const {
    return {{"model", (folder / "vit").string()},
            {"pictures", {(folder / "scenes.bin").string()}},
            {"test", (folder / "scenes.bin").string()},
            {"output", (folder / "models").string()},
            {"speed", false},
            {"plans", plans}};
}

RunOutcome CompressEncoderTest::run(const Json& jobSettings) {
    const auto recipe =
        completeRecipe({{"kind", "compress"}, {"seed", 5}, {"settings", jobSettings}}, kinds, "test");
    EXPECT_TRUE(recipe) << (recipe ? "" : recipe.error().text());
    RunnerOptions options;
    options.handleSignals = options.controlSocket = false;
    auto outcome = runRecipe(*project, *recipe, kinds, options);
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().text());
    return std::move(*outcome);
}

std::filesystem::path CompressEncoderTest::fileOf(const vitrine::Run& run, const std::string& name) const {
    const auto artifacts = RunStore(*project).artifacts(run);
    for (const Artifact& artifact : *artifacts)
        if (artifact.name == name)
            return project->artifacts().pathOf(artifact.sha256);
    ADD_FAILURE() << "no artifact " << name;
    return {};
}

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

}  // namespace vitrine::testing
