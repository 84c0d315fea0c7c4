#include "core/engine/distill_kind.h"

#include "core/distill/distiller.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/folder_picture_source.h"
#include "core/engine/model_store.h"
#include "core/engine/picture_list.h"
#include "core/engine/probe_maps.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

class DistillJob {
  public:
    explicit DistillJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(DistillOptions options, optionsInForce());
        VITRINE_TRY_VOID(loadTeachers());
        VITRINE_TRY_VOID(openPictures(options));
        std::vector<const Teacher*> teachers;
        for (const auto& teacher : teachers_)
            teachers.push_back(teacher.get());
        VITRINE_TRY(distiller_, Distiller::create(options, teachers, *pictures_));
        VITRINE_TRY(checkpoints_, run_.checkpointFolder());
        VITRINE_TRY_VOID(goOn());
        VITRINE_TRY_VOID(distiller_->estimateStatistics(run_.job()));
        VITRINE_TRY_VOID(train());
        for (const std::string& skipped : pictures_->skipped())
            run_.log("left out: " + skipped);
        run_.metric("pictures/left out", distiller_->step(), double(pictures_->skipped().size()));
        return exportStudent();
    }

  private:
    Result<DistillOptions> optionsInForce() const {
        VITRINE_TRY(DistillOptions options, distillOptionsFrom(run_.settings()));
        options.seed = run_.seed();
        VITRINE_TRY(options.device, deviceFromName(run_.recipe().value("device", "cpu")));
        return options;
    }

    Result<void> loadTeachers() {
        run_.job().beginStage("loading teachers", int64_t(run_.settings()["teachers"].size()));
        for (const Json& settings : run_.settings()["teachers"]) {
            const std::string name = settings["name"], path = settings["model"];
            VITRINE_TRY(const StoredModel* stored,
                        store_.load(path, run_.recipe().value("device", "cpu"), "float32"));
            VITRINE_TRY_VOID(run_.usedInput("model", stored->description.identity, path));
            EncoderTeacherOptions options;
            options.name = name;
            options.identity = stored->description.identity;
            options.adaptor = settings["adaptor"];
            options.useSummary = settings["summary"];
            if (!stored->description.info.normalizesItself && stored->preprocess.normalize) {
                options.mean.assign(stored->preprocess.mean.begin(), stored->preprocess.mean.end());
                options.std.assign(stored->preprocess.std.begin(), stored->preprocess.std.end());
            }
            // The store owns the model for as long as this job lasts.
            const std::shared_ptr<const Model> model(stored->model.get(), [](const Model*) {});
            VITRINE_TRY(std::unique_ptr<Teacher> teacher, makeEncoderTeacher(model, options));
            run_.log(fmt::format("teacher {}: summary {}, features {} per cell of {} pixels", name,
                                 teacher->summaryWidth(), teacher->featureWidth(), teacher->cellPixels()));
            teachers_.push_back(std::move(teacher));
            run_.job().advance();
        }
        return {};
    }

    Result<void> openPictures(const DistillOptions& options) {
        const Json& settings = run_.settings();
        VITRINE_TRY(std::vector<fs::path> files,
                    listPictures(settings["images"].get<std::vector<std::string>>(),
                                 {settings["recursive"], settings["limit"]}, &run_.job()));
        FolderPictureOptions folder;
        folder.smallestCrop = settings["smallest_crop"];
        folder.largestSide = options.student.preferredSide;
        const std::vector<std::string> probes = settings["probe_images"].get<std::vector<std::string>>();
        probeFiles_.assign(probes.begin(), probes.end());
        if (probes.empty())
            probeFiles_.assign(files.begin(),
                               files.begin() + std::min<std::ptrdiff_t>(4, std::ptrdiff_t(files.size())));
        run_.log(fmt::format("{} pictures", files.size()));
        VITRINE_TRY(pictures_, openFolderPictures(std::move(files), folder));
        return run_.usedInput("dataset", pictures_->fingerprint(), settings["images"].dump());
    }

    Result<void> goOn() {
        if (!run_.savedState())
            return {};
        const std::string file = run_.savedState()->value("checkpoint", "");
        VITRINE_TRY_VOID(distiller_->restore(checkpoints_ / file));
        lastCheckpoint_ = file;
        run_.log(fmt::format("going on from step {}", distiller_->step()));
        return {};
    }

    Result<void> train() {
        const int64_t steps = run_.settings()["steps"];
        run_.job().beginStage("training", steps);
        run_.job().advance(distiller_->step());
        if (distiller_->step() == 0)
            VITRINE_TRY_VOID(keepProbes());
        while (distiller_->step() < steps) {
            const Json before = run_.settings();
            VITRINE_TRY_VOID(run_.pausePoint());
            if (run_.settings() != before) {
                VITRINE_TRY(const DistillOptions changed, optionsInForce());
                VITRINE_TRY_VOID(distiller_->change(changed));
            }
            VITRINE_TRY(const StepReport report, distiller_->train());
            record(report);
            if (isDue("probe_every", report.step) || report.step == steps)
                VITRINE_TRY_VOID(keepProbes());
            if (isDue("checkpoint_every", report.step) || report.step == steps)
                VITRINE_TRY_VOID(keepCheckpoint());
            run_.job().advance();
        }
        return {};
    }

    bool isDue(const char* setting, int64_t step) const {
        const int64_t every = run_.settings()[setting];
        return every > 0 && step % every == 0;
    }

    void record(const StepReport& report) {
        run_.metric("loss", report.step, report.loss);
        double weighted = 0;
        for (const auto& [name, losses] : report.teachers)
            weighted += losses.weighted;
        for (const auto& [name, losses] : report.teachers) {
            if (std::isfinite(losses.summary))
                run_.metric("loss/" + name + "/summary", report.step, losses.summary);
            if (std::isfinite(losses.features))
                run_.metric("loss/" + name + "/features", report.step, losses.features);
            run_.metric("share/" + name, report.step, losses.weighted / std::max(weighted, 1e-12));
        }
        if (run_.settings()["mesa"].get<double>() > 0)
            run_.metric("loss/self-consistency", report.step, report.selfConsistency);
        run_.metric("gradient norm", report.step, report.gradientNorm);
        run_.metric("learning rate", report.step, report.learningRate);
        const double seconds =
            report.loadSeconds + report.teacherSeconds + report.studentSeconds + report.optimizerSeconds;
        run_.metric("time/pictures per second", report.step,
                    double(report.pictures) / std::max(seconds, 1e-9));
        run_.metric("time/stall share", report.step, report.loadSeconds / std::max(seconds, 1e-9));
        run_.metric("time/teacher share", report.step, report.teacherSeconds / std::max(seconds, 1e-9));
    }

    // Feature maps of the probe pictures in the colours of the first time, teachers beside the student.
    Result<void> keepProbes() {
        if (run_.settings()["probe_every"].get<int64_t>() == 0)
            return {};
        if (!probes_) {
            VITRINE_TRY(probes_, ProbeMaps::create(probeFiles_, distiller_->studentOptions(), teachers_,
                                                   checkpoints_));
        }
        return probes_->keep(*distiller_, run_);
    }

    // The new file is whole before the state names it, and the old one is removed after.
    Result<void> keepCheckpoint() {
        const std::string name = fmt::format("step-{:07}.safetensors", distiller_->step());
        VITRINE_TRY_VOID(distiller_->save(checkpoints_ / name));
        VITRINE_TRY_VOID(run_.saveState({{"checkpoint", name}, {"step", distiller_->step()}}));
        std::error_code ignored;
        if (!lastCheckpoint_.empty() && lastCheckpoint_ != name)
            fs::remove(checkpoints_ / lastCheckpoint_, ignored);
        lastCheckpoint_ = name;
        return {};
    }

    Result<void> exportStudent() {
        const std::string wanted = run_.settings()["output"];
        const fs::path folder =
            wanted.empty() ? run_.project().runFolder(run_.run().id) / "student" : fs::path(wanted);
        VITRINE_TRY_VOID(distiller_->exportFolder(folder, at::kFloat));
        for (const char* name : {"config.json", "preprocessor_config.json", "model.safetensors"}) {
            VITRINE_TRY(
                [[maybe_unused]] const StoredFile stored,
                run_.putArtifactFile(fmt::format("student/{}", name), folder / name, {.kind = "model"}));
        }
        run_.log("student: " + folder.string());
        return {};
    }

    RunContext& run_;
    ModelStore store_;
    std::vector<std::unique_ptr<Teacher>> teachers_;
    std::unique_ptr<PictureSource> pictures_;
    std::unique_ptr<Distiller> distiller_;
    std::unique_ptr<ProbeMaps> probes_;
    std::vector<fs::path> probeFiles_;
    fs::path checkpoints_;
    std::string lastCheckpoint_;
};

}  // namespace

JobKind distillKind() {
    JobKind kind;
    kind.name = "distill";
    kind.summary = "Train one encoder from several teachers (AM-RADIO, RADIOv2.5, PHI-S, C-RADIOv4)";
    kind.settingsSchema = distillSettingsSchema();
    kind.run = [](RunContext& run) {
        loadEnginePlugins();
        return DistillJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
