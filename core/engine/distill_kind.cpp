#include "core/engine/distill_kind.h"

#include "core/base/freed_memory.h"
#include "core/engine/distill_schema.h"
#include "core/engine/distill_setup.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/probe_maps.h"
#include "core/engine/run_teacher_cache.h"
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
        const auto opened =
            setup_.open(settings_, run_.seed(), run_.recipe().value("device", "cpu"), run_.job());
        for (const std::string& note : setup_.notes())
            run_.log(note);
        VITRINE_TRY_VOID(opened);
        for (const DistillSetup::Input& input : setup_.inputs())
            VITRINE_TRY_VOID(run_.usedInput(input.kind, input.reference, input.label));
        VITRINE_TRY(distiller_, setup_.makeDistiller());
        cache_.emplace(run_, *distiller_);
        VITRINE_TRY(checkpoints_, TrainingCheckpoints::open(run_));
        if (isFirst()) {
            VITRINE_TRY_VOID(goOn());
            VITRINE_TRY_VOID(cache_->decide(setup_.options()));
            VITRINE_TRY_VOID(distiller_->estimateStatistics(run_.job()));
        }
        if (world_) {
            VITRINE_TRY_VOID(distiller_->join(*world_));
            VITRINE_TRY_VOID(cache_->share(*world_, setup_.options()));
        }
        offerActions();
        VITRINE_TRY_VOID(train());
        cache_->finish();
        if (!isFirst())
            return {};
        for (const std::string& skipped : setup_.pictures().skipped())
            run_.log("left out: " + skipped);
        run_.metric("pictures/left out", distiller_->step(), double(setup_.pictures().skipped().size()));
        return exportStudent();
    }

  private:
    // Whether this process keeps checkpoints, pictures and the student.
    bool isFirst() const { return !world_ || world_->isFirst(); }

    Result<DistillOptions> optionsOf(const Json& settings) const {
        return distillOptionsOf(settings, run_.seed(), run_.recipe().value("device", "cpu"));
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
        VITRINE_TRY(const DistillOptions changed, optionsOf(settings_));
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
        cache_->record(report);
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
            VITRINE_TRY(probes_, ProbeMaps::create(files.empty() ? setup_.firstFiles() : files,
                                                   distiller_->studentOptions(), setup_.teachers(),
                                                   checkpoints_->folder(), !resumed));
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
    DistillSetup setup_;
    std::unique_ptr<Distiller> distiller_;
    std::optional<RunTeacherCache> cache_;
    std::unique_ptr<ProbeMaps> probes_;
    bool probesMade_ = false;  // by this process
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
    kind.estimate = estimateDistillation;
    kind.run = [](RunContext& run) {
        keepFreedMemory();
        loadEnginePlugins();
        return DistillJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
