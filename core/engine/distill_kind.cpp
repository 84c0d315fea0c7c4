#include "core/engine/distill_kind.h"

#include "core/distill/distiller.h"
#include "core/engine/distill_schema.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/folder_picture_source.h"
#include "core/engine/model_store.h"
#include "core/engine/picture_list.h"
#include "core/engine/probe_maps.h"
#include "core/engine/step_failure.h"
#include "core/engine/training_run.h"
#include "core/runs/process_usage.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr double kUsageSeconds = 0.5;  // between two looks at memory, CPU and disk

int gpuNumber(const std::string& device) {
    if (!device.starts_with("cuda"))
        return -1;
    return device.size() > 5 ? std::atoi(device.c_str() + 5) : 0;
}

class DistillJob {
  public:
    explicit DistillJob(RunContext& run)
        : run_(run), usage_(gpuNumber(run.recipe().value("device", "cpu"))) {}

    Result<void> execute() {
        VITRINE_TRY(world_, joinOtherProcesses(run_));
        settings_ = run_.settings();
        VITRINE_TRY(DistillOptions options, optionsInForce());
        VITRINE_TRY_VOID(loadTeachers());
        VITRINE_TRY_VOID(openPictures(options));
        std::vector<const Teacher*> teachers;
        for (const auto& teacher : teachers_)
            teachers.push_back(teacher.get());
        VITRINE_TRY(distiller_, Distiller::create(options, teachers, *pictures_));
        VITRINE_TRY(checkpoints_, TrainingCheckpoints::open(run_));
        if (isFirst()) {
            VITRINE_TRY_VOID(goOn());
            VITRINE_TRY_VOID(distiller_->estimateStatistics(run_.job()));
        }
        if (world_)
            VITRINE_TRY_VOID(distiller_->join(*world_));
        offerActions();
        VITRINE_TRY_VOID(train());
        if (!isFirst())
            return {};
        for (const std::string& skipped : pictures_->skipped())
            run_.log("left out: " + skipped);
        run_.metric("pictures/left out", distiller_->step(), double(pictures_->skipped().size()));
        return exportStudent();
    }

  private:
    // Whether this process keeps checkpoints, pictures and the student.
    bool isFirst() const { return !world_ || world_->isFirst(); }

    Result<DistillOptions> optionsInForce() const { return optionsOf(settings_); }

    Result<DistillOptions> optionsOf(const Json& settings) const {
        VITRINE_TRY(DistillOptions options, distillOptionsFrom(settings));
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
            options.layer = settings["layer"];
            options.useSummary = settings["summary"];
            if (!stored->description.info.normalizesItself && stored->preprocess.normalize) {
                options.mean.assign(stored->preprocess.mean.begin(), stored->preprocess.mean.end());
                options.std.assign(stored->preprocess.std.begin(), stored->preprocess.std.end());
            }
            // The store owns the model for as long as this job lasts.
            std::shared_ptr<SharedPasses>& passes = passes_[stored];
            if (!passes)
                passes = std::make_shared<SharedPasses>(
                    std::shared_ptr<const Model>(stored->model.get(), [](const Model*) {}));
            VITRINE_TRY(std::unique_ptr<Teacher> teacher, makeEncoderTeacher(passes, options));
            run_.log(fmt::format("teacher {}: summary {}, features {} per cell of {} pixels", name,
                                 teacher->summaryWidth(), teacher->featureWidth(), teacher->cellPixels()));
            teachers_.push_back(std::move(teacher));
            run_.job().advance();
        }
        const std::string start = run_.settings()["student"]["start_from"];
        if (start.empty())
            return {};
        VITRINE_TRY(const ModelFolder folder, openModelFolder(start));
        VITRINE_TRY(const std::string identity, folder.identity());
        return run_.usedInput("model", identity, start);
    }

    Result<void> openPictures(const DistillOptions& options) {
        const Json& settings = run_.settings();
        VITRINE_TRY(std::vector<fs::path> files,
                    listPictures(settings["images"].get<std::vector<std::string>>(),
                                 {settings["recursive"], settings["limit"]}, &run_.job()));
        FolderPictureOptions folder;
        folder.smallestCrop = settings["smallest_crop"];
        folder.largestSide = options.student.preferredSide;
        firstFiles_.assign(files.begin(),
                           files.begin() + std::min<std::ptrdiff_t>(4, std::ptrdiff_t(files.size())));
        run_.log(fmt::format("{} pictures", files.size()));
        VITRINE_TRY(pictures_, openFolderPictures(std::move(files), folder));
        return run_.usedInput("dataset", pictures_->fingerprint(), settings["images"].dump());
    }

    Result<void> goOn() {
        const auto last = checkpoints_->last();
        if (!last)
            return {};
        VITRINE_TRY_VOID(distiller_->restore(*last));
        run_.log(fmt::format("going on from step {}", distiller_->step()));
        return {};
    }

    // What can be asked for while it runs, also while it is paused.
    void offerActions() {
        if (!isFirst())
            return;
        run_.onAction("probe", [this] { return keepProbes(); });
        run_.onAction("checkpoint", [this] { return keepCheckpoint(); });
        run_.onAction("export", [this] { return exportSnapshot(); });
        run_.checkChanges([this](const Json& settings) -> Result<void> {
            for (const Json& file : settings["probe_images"])
                if (std::error_code ignored; !fs::exists(file.get<std::string>(), ignored))
                    return fail(ErrorCode::NotFound, "there is no such picture", file.get<std::string>());
            VITRINE_TRY(const DistillOptions options, optionsOf(settings));
            return options.validate();
        });
    }

    Result<void> train() {
        int64_t steps = settings_["steps"];
        run_.job().beginStage("training", steps);
        run_.job().advance(distiller_->step());
        if (distiller_->step() == 0 && isFirst() && probesWanted())
            VITRINE_TRY_VOID(keepProbes());
        while (distiller_->step() < steps) {
            VITRINE_TRY_VOID(pausePoint());
            if (settings_["steps"] != steps) {
                steps = settings_["steps"];
                run_.job().beginStage("training", steps);
                run_.job().advance(distiller_->step());
                continue;
            }
            VITRINE_TRY(const StepReport report, step());
            record(report);
            if (isDue("probe_every", report.step))
                VITRINE_TRY_VOID(keepProbes());
            if (isDue("checkpoint_every", report.step))
                VITRINE_TRY_VOID(keepCheckpoint());
            run_.job().advance();
        }
        if (!isFirst())
            return {};
        if (probesWanted() && !isDue("probe_every", distiller_->step()))
            VITRINE_TRY_VOID(keepProbes());
        return isDue("checkpoint_every", distiller_->step()) ? Result<void>() : keepCheckpoint();
    }

    bool probesWanted() const { return settings_["probe_every"].get<int64_t>() > 0; }

    // One step; an error says what was computed, which step was the last good one, and what to change.
    Result<StepReport> step() {
        const int64_t lastGood = distiller_->step();
        Result<StepReport> trained = StepReport();
        try {
            trained = distiller_->train();
        } catch (...) {
            trained = fail(errorFromCurrentException(fmt::format("step {}", lastGood + 1)));
        }
        if (trained)
            return trained;
        // The weights are those of the last good step.
        if (isFirst() && world_ && trained.error().code == ErrorCode::IoFailure)
            VITRINE_TRY_VOID(keepCheckpoint());
        StepFailure failure{trained.error(), lastGood, {}};
        if (failure.error.code == ErrorCode::InvalidArgument)
            failure.firstBad = distiller_->firstNonFinite();
        VITRINE_TRY_VOID(run_.event("failure", failure.toJson(settings_)));
        return fail(failure.explained(settings_));
    }

    Result<void> pausePoint() {
        VITRINE_TRY(const Json wanted, settingsToGoOnWith(run_, world_.get(), settings_));
        if (wanted == settings_)
            return {};
        if (wanted["probe_images"] != settings_["probe_images"])
            probes_.reset();  // the maps of the new ones stand in the same colours
        settings_ = wanted;
        VITRINE_TRY(const DistillOptions changed, optionsInForce());
        return distiller_->change(changed);
    }

    bool isDue(const char* setting, int64_t step) const {
        return isFirst() && vitrine::isDue(settings_, setting, step);
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
        if (settings_["mesa"].get<double>() > 0)
            run_.metric("loss/self-consistency", report.step, report.selfConsistency);
        run_.metric("gradient norm", report.step, report.gradientNorm);
        run_.metric("learning rate", report.step, report.learningRate);
        const double seconds = report.loadSeconds + report.teacherSeconds + report.studentSeconds +
                               report.optimizerSeconds + report.exchangeSeconds;
        if (world_)
            run_.metric("time/exchange share", report.step, report.exchangeSeconds / std::max(seconds, 1e-9));
        run_.metric("time/pictures per second", report.step,
                    double(report.pictures) / std::max(seconds, 1e-9));
        run_.metric("time/stall share", report.step, report.loadSeconds / std::max(seconds, 1e-9));
        run_.metric("time/teacher share", report.step, report.teacherSeconds / std::max(seconds, 1e-9));
        run_.metric("time/step (s)", report.step, seconds);
        for (const auto& [name, value] : usage_.look(kUsageSeconds))
            run_.metric(name, report.step, value);
    }

    // Feature maps of the probe pictures in the colours of the first time, teachers beside the student.
    Result<void> keepProbes() {
        if (!probes_) {
            std::vector<fs::path> files;
            for (const Json& file : settings_["probe_images"])
                files.emplace_back(file.get<std::string>());
            const bool resumed = run_.savedState() && !probesMade_ && distiller_->step() > 0;
            VITRINE_TRY(probes_,
                        ProbeMaps::create(files.empty() ? firstFiles_ : files, distiller_->studentOptions(),
                                          teachers_, checkpoints_->folder(), !resumed));
            probesMade_ = true;
        }
        return probes_->keep(*distiller_, run_);
    }

    Result<void> keepCheckpoint() {
        return checkpoints_->keep(distiller_->step(),
                                  [this](const fs::path& file) { return distiller_->save(file); });
    }

    Result<void> exportStudent() {
        const std::string wanted = run_.settings()["output"];
        const fs::path folder =
            wanted.empty() ? run_.project().runFolder(run_.run().id) / "student" : fs::path(wanted);
        VITRINE_TRY_VOID(distiller_->exportFolder(folder, exportType()));
        for (const char* name : {"config.json", "preprocessor_config.json", "model.safetensors"}) {
            VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                        run_.putArtifactFile(fmt::format("student/{}", name), folder / name,
                                             {.kind = "model", .mediaType = {}}));
        }
        run_.log("student: " + folder.string());
        return {};
    }

    at::ScalarType exportType() const {
        return settings_["output_dtype"] == "bfloat16" ? at::kBFloat16 : at::kFloat;
    }

    // The student as it is now, beside the one of the end; not part of the result.
    Result<void> exportSnapshot() {
        const fs::path folder = run_.project().runFolder(run_.run().id) / "student-snapshot";
        VITRINE_TRY_VOID(distiller_->exportFolder(folder, exportType()));
        for (const char* name : {"config.json", "preprocessor_config.json", "model.safetensors"}) {
            VITRINE_TRY(
                [[maybe_unused]] const StoredFile stored,
                run_.putArtifactFile(fmt::format("student-snapshot/{}", name), folder / name,
                                     {.kind = "checkpoint", .step = distiller_->step(), .mediaType = {}}));
        }
        return {};
    }

    RunContext& run_;
    Json settings_;                 // in force
    std::unique_ptr<World> world_;  // the processes that share the work; none: this one alone
    ModelStore store_;
    std::map<const StoredModel*, std::shared_ptr<SharedPasses>> passes_;  // of teachers with the same encoder
    std::vector<std::unique_ptr<Teacher>> teachers_;
    std::unique_ptr<PictureSource> pictures_;
    std::unique_ptr<Distiller> distiller_;
    std::unique_ptr<ProbeMaps> probes_;
    std::vector<fs::path> firstFiles_;  // of the pictures: the probe set unless others are named
    bool probesMade_ = false;           // by this process
    UsageMeter usage_;
    std::optional<TrainingCheckpoints> checkpoints_;
};

}  // namespace

JobKind distillKind() {
    JobKind kind;
    kind.name = "distill";
    kind.summary = "Train one encoder from several teachers (AM-RADIO, RADIOv2.5, PHI-S, C-RADIOv4)";
    kind.settingsSchema = distillSettingsSchema();
    kind.severalProcesses = true;
    kind.run = [](RunContext& run) {
        loadEnginePlugins();
        return DistillJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
