#include "core/engine/train_upsampler_kind.h"

#include "core/base/freed_memory.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/folder_picture_source.h"
#include "core/engine/model_store.h"
#include "core/engine/picture_list.h"
#include "core/engine/training_run.h"
#include "core/engine/upsampler_encoder.h"
#include "core/engine/upsampler_probes.h"
#include "core/runs/run_context.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kProbes = 4;          // held back where none are named
constexpr int64_t kFewestPictures = 8;  // below, probes are not held back but shared with training

class TrainUpsamplerJob {
  public:
    explicit TrainUpsamplerJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(UpsamplerOptions options, optionsInForce());
        VITRINE_TRY(FrozenEncoder encoder, openEncoder());
        VITRINE_TRY_VOID(options.validate(encoder));
        VITRINE_TRY_VOID(openPictures(options.pictureSide(encoder)));
        VITRINE_TRY(trainer_, UpsamplerTrainer::create(options, std::move(encoder), *pictures_));
        VITRINE_TRY(checkpoints_, TrainingCheckpoints::open(run_));
        VITRINE_TRY_VOID(goOn());
        VITRINE_TRY_VOID(trainer_->estimateStatistics(run_.job()));
        for (const std::string& remark : trainer_->remarks())
            run_.log("PHI-S: " + remark);
        VITRINE_TRY_VOID(train());
        for (const std::string& skipped : pictures_->skipped())
            run_.log("left out: " + skipped);
        run_.metric("pictures/left out", trainer_->step(), double(pictures_->skipped().size()));
        return exportUpsampler();
    }

  private:
    Result<UpsamplerOptions> optionsInForce() const {
        VITRINE_TRY(UpsamplerOptions options, upsamplerOptionsFrom(run_.settings()));
        options.seed = run_.seed();
        VITRINE_TRY(options.device, deviceFromName(run_.recipe().value("device", "cpu")));
        return options;
    }

    Result<FrozenEncoder> openEncoder() {
        const std::string path = run_.settings()["model"];
        run_.job().beginStage("loading the encoder", 1);
        VITRINE_TRY(const StoredModel* stored,
                    store_.load(path, run_.recipe().value("device", "cpu"), "float32"));
        VITRINE_TRY_VOID(run_.usedInput("model", stored->description.identity, path));
        VITRINE_TRY(FrozenEncoder encoder, frozenEncoderOf(*stored, run_.settings()["side"]));
        run_.log(fmt::format("encoder {}: {} channels on {} x {} cells at {} pixels", encoder.name,
                             encoder.featureWidth, encoder.grid(), encoder.grid(), encoder.side));
        run_.job().advance();
        return encoder;
    }

    Result<void> openPictures(int64_t side) {
        const Json& settings = run_.settings();
        VITRINE_TRY(std::vector<fs::path> files,
                    listPictures(settings["images"].get<std::vector<std::string>>(),
                                 {settings["recursive"], settings["limit"]}, &run_.job()));
        const auto named = settings["probe_images"].get<std::vector<std::string>>();
        probeFiles_.assign(named.begin(), named.end());
        if (probeFiles_.empty()) {
            const auto count = std::min<std::ptrdiff_t>(kProbes, std::ptrdiff_t(files.size()));
            probeFiles_.assign(files.end() - count, files.end());
            if (int64_t(files.size()) >= kFewestPictures)
                files.erase(files.end() - count, files.end());
            else
                run_.log("so few pictures that the probes are trained on too");
        }
        FolderPictureOptions folder;
        folder.smallestCrop = settings["smallest_crop"];
        folder.largestSide = side;
        run_.log(fmt::format("{} pictures to train on, {} to look at", files.size(), probeFiles_.size()));
        VITRINE_TRY(pictures_, openFolderPictures(std::move(files), folder));
        return run_.usedInput("dataset", pictures_->fingerprint(), settings["images"].dump());
    }

    Result<void> goOn() {
        const auto last = checkpoints_->last();
        if (!last)
            return {};
        VITRINE_TRY_VOID(trainer_->restore(*last));
        run_.log(fmt::format("going on from step {}", trainer_->step()));
        return {};
    }

    Result<void> train() {
        run_.job().beginStage("training", trainer_->options().steps);
        run_.job().advance(trainer_->step());
        if (trainer_->step() == 0)
            VITRINE_TRY_VOID(keepProbes());
        while (trainer_->step() < trainer_->options().steps) {
            const Json before = run_.settings();
            VITRINE_TRY_VOID(run_.pausePoint());
            if (run_.settings() != before) {
                VITRINE_TRY(const UpsamplerOptions changed, optionsInForce());
                trainer_->change(changed);
                continue;
            }
            VITRINE_TRY(const UpsamplerStep report, trainer_->train());
            record(report);
            const bool last = report.step == trainer_->options().steps;
            if (isDue(run_.settings(), "probe_every", report.step) || last)
                VITRINE_TRY_VOID(keepProbes());
            if (isDue(run_.settings(), "checkpoint_every", report.step) || last)
                VITRINE_TRY_VOID(keepCheckpoint());
            run_.job().advance();
        }
        return {};
    }

    void record(const UpsamplerStep& report) {
        run_.metric("loss", report.step, report.loss);
        run_.metric("view error", report.step, report.error);
        if (trainer_->options().uncertainty)
            run_.metric("uncertainty", report.step, report.uncertainty);
        if (trainer_->options().method == UpsamplerMethod::FeatUp && trainer_->options().crfWeight > 0)
            run_.metric("random field", report.step, report.randomField);
        if (trainer_->bias().defined())
            run_.metric("position noise (RMS of b)", report.step, report.biasNorm);
        run_.metric("gradient norm", report.step, report.gradientNorm);
        run_.metric("learning rate", report.step, report.learningRate);
        const double seconds = std::max(report.loadSeconds + report.trainingSeconds, 1e-9);
        run_.metric("time/pictures per second", report.step, double(trainer_->options().batch) / seconds);
        run_.metric("time/stall share", report.step, report.loadSeconds / seconds);
        run_.metric("time/encoder share", report.step, report.encoderSeconds / seconds);
    }

    Result<void> keepProbes() {
        if (run_.settings()["probe_every"].get<int64_t>() == 0)
            return {};
        if (!probes_) {
            VITRINE_TRY(probes_, UpsamplerProbes::create(probeFiles_, *trainer_, checkpoints_->folder()));
        }
        return probes_->keep(*trainer_, run_);
    }

    // The new file is whole before the state names it, and the old one is removed after.
    Result<void> keepCheckpoint() {
        return checkpoints_->keep(trainer_->step(),
                                  [this](const fs::path& file) { return trainer_->save(file); });
    }

    Result<void> exportUpsampler() {
        const std::string wanted = run_.settings()["output"];
        const fs::path folder =
            wanted.empty() ? run_.project().runFolder(run_.run().id) / "upsampler" : fs::path(wanted);
        UpsamplerExport stored;
        stored.type = run_.settings()["output_dtype"] == "bfloat16" ? at::kBFloat16 : at::kFloat;
        stored.trainingParts = run_.settings()["training_parts"];
        VITRINE_TRY_VOID(trainer_->exportFolder(folder, stored));
        for (const char* name : {"config.json", "model.safetensors"}) {
            VITRINE_TRY(
                [[maybe_unused]] const StoredFile kept,
                run_.putArtifactFile(fmt::format("upsampler/{}", name), folder / name, {.kind = "model"}));
        }
        run_.log("upsampler: " + folder.string());
        return {};
    }

    RunContext& run_;
    ModelStore store_;
    std::unique_ptr<PictureSource> pictures_;
    std::unique_ptr<UpsamplerTrainer> trainer_;
    std::unique_ptr<UpsamplerProbes> probes_;
    std::vector<fs::path> probeFiles_;
    std::optional<TrainingCheckpoints> checkpoints_;
};

}  // namespace

JobKind trainUpsamplerKind() {
    JobKind kind;
    kind.name = "train_upsampler";
    kind.summary =
        "Train an upsampler of an encoder's features (FeatSharp, FeatUp) by multi-view consistency";
    kind.settingsSchema = upsamplerSettingsSchema();
    kind.run = [](RunContext& run) {
        keepFreedMemory();
        loadEnginePlugins();
        return TrainUpsamplerJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
