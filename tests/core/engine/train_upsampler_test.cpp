// The job kind "train_upsampler" on photographs with a trained encoder: it ends with a folder that the engine
// opens, and goes on after a stop to the same result.
#include "core/base/file.h"
#include "core/engine/engine_job_kinds.h"
#include "core/engine/inspect_engine_impl.h"
#include "core/runs/runner.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

class TrainUpsamplerTest : public ::testing::Test {
  protected:
    TrainUpsamplerTest() {
        ::setenv("VITRINE_STATE_DIR", (folder_ / "state").c_str(), 1);
        addJobKinds(kinds_);
        auto project = Project::create(folder_ / "project");
        EXPECT_TRUE(project);
        project_ = std::make_unique<Project>(std::move(*project));
    }

    Result<RunOutcome> run(Json settings, const RunnerOptions& options = {}) {
        const Json recipe{{"kind", "train_upsampler"}, {"seed", 3}, {"settings", std::move(settings)}};
        VITRINE_TRY(const Json complete, completeRecipe(recipe, kinds_, "test"));
        return runRecipe(*project_, complete, kinds_, options);
    }

    static Json smallSettings(const fs::path& model, const fs::path& pictures) {
        return {{"model", model.string()},
                {"images", {pictures.string()}},
                {"steps", 6},
                {"batch", 2},
                {"views", 2},
                {"statistics_batches", 4},
                {"warmup_steps", 2},
                {"checkpoint_every", 3},
                {"probe_every", 3},
                {"limit", 10}};
    }

    TemporaryFolder folder_;
    JobKinds kinds_;
    std::unique_ptr<Project> project_;
};

TEST_F(TrainUpsamplerTest, EndsWithAFolderThatTheEngineOpens) {
    VITRINE_SHARED_DATA(pictures, "data/images/photos");
    VITRINE_SHARED_DATA(model, "data/encoders/vit_cifar10");
    const auto engine = makeInspectEngine();
    JobContext job;
    const auto loaded = engine->loadModel(model, "cpu", "float32", job);
    ASSERT_TRUE(loaded) << loaded.error().text();
    for (const char* method : {"featsharp", "featup"}) {
        Json settings = smallSettings(model, pictures);
        settings["method"] = method;
        settings["levels"] = 2;
        settings["output"] = (folder_ / method).string();
        const auto outcome = run(settings);
        ASSERT_TRUE(outcome) << outcome.error().text();
        ASSERT_FALSE(outcome->error) << outcome->error->text();
        MapRequest request;
        request.kind = MapKind::Pca;
        request.source.modelId = loaded->id;
        request.source.imagePath = (pictures / "dog.jpg").string();
        request.upsampler = (folder_ / method).string();
        const auto map = engine->render(request, job);
        ASSERT_TRUE(map) << map.error().text();
        // Two tiles a side of 8 x 8 patches; four times 8 patches at the picture's short side.
        EXPECT_EQ(map->transform.gridHeight(), method == std::string("featsharp") ? 16 : 32);
    }
}

TEST_F(TrainUpsamplerTest, GoesOnAfterAStopToTheSameResult) {
    VITRINE_SHARED_DATA(pictures, "data/images/photos");
    VITRINE_SHARED_DATA(model, "data/encoders/vit_cifar10");
    const Json settings = smallSettings(model, pictures);
    const auto whole = run(settings);
    ASSERT_TRUE(whole) << whole.error().text();
    ASSERT_FALSE(whole->error) << whole->error->text();

    std::stop_source stop;
    RunnerOptions options;
    options.stop = stop.get_token();
    options.onProgress = [&](const Progress& progress) {
        if (progress.stage == "training" && progress.done >= 4)
            stop.request_stop();
    };
    const auto halted = run(settings, options);
    ASSERT_TRUE(halted) << halted.error().text();
    if (!halted->error)
        GTEST_SKIP() << "it was faster than the stop";
    const auto resumed = resumeRun(*project_, halted->run.id, kinds_, {});
    ASSERT_TRUE(resumed) << resumed.error().text();
    ASSERT_FALSE(resumed->error) << resumed->error->text();
    EXPECT_EQ(resumed->run.resultHash, whole->run.resultHash);
}

TEST_F(TrainUpsamplerTest, WrongSettingsAreNamed) {
    VITRINE_SHARED_DATA(pictures, "data/images/photos");
    VITRINE_SHARED_DATA(model, "data/encoders/vit_cifar10");
    Json settings = smallSettings(model, pictures);
    settings["side"] = 64;
    auto outcome = run(settings);
    ASSERT_TRUE(outcome);
    ASSERT_TRUE(outcome->error);
    EXPECT_THAT(outcome->error->text(), HasSubstr("64 pixels"));
    settings.erase("side");
    settings["guidance"] = "jbu";
    EXPECT_THAT(run(settings).error().text(), HasSubstr("guid"));
}

}  // namespace
}  // namespace vitrine
