#include "core/engine/train_incremental_kind.h"

#include "core/base/freed_memory.h"
#include "core/engine/chunk_change.h"
#include "core/engine/classifier_settings.h"
#include "core/engine/train_incremental_schema.h"
#include "core/engine/training_run.h"
#include "core/io/model_folder.h"
#include "core/nn/weights.h"
#include "core/runs/run_context.h"
#include "core/warm_start/weight_spread.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

class TrainIncrementalJob {
  public:
    explicit TrainIncrementalJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(ClassifierPictures pictures,
                    openClassifierPictures(run_.settings(), run_.seed(), run_.job()));
        test_ = std::move(pictures.test);
        fingerprint_ = pictures.training.fingerprint();
        VITRINE_TRY_VOID(
            run_.usedInput("dataset", fingerprint_, run_.settings()["pictures"].get<std::string>()));
        VITRINE_TRY(std::vector<LabelledPictures> chunks, dealOut(pictures.training));
        run_.log(fmt::format("{} chunks of {} pictures, {} held out of each, {} to test with", chunks.size(),
                             chunks.front().count(), heldOut_.empty() ? 0 : heldOut_.front().count(),
                             test_.count()));
        VITRINE_TRY(const IncrementalOptions options,
                    incrementalOptionsFrom(run_.settings(), test_.classCount(), run_.seed()));
        VITRINE_TRY(const auto beginning, beginningOf(options.network));
        VITRINE_TRY(trainer_, IncrementalTrainer::create(options, std::move(chunks), beginning));
        VITRINE_TRY(checkpoints_, TrainingCheckpoints::open(run_));
        if (const auto last = checkpoints_->last()) {
            VITRINE_TRY_VOID(trainer_->restore(*last));
            rows_ = run_.savedState()->value("chunks", Json::array());
            spread_ = WeightSpread::fromJson(run_.savedState()->value("weights", Json::object()));
            run_.log(fmt::format("going on from step {}", trainer_->step()));
        }
        run_.onAction("checkpoint", [this] { return keepCheckpoint(); });
        run_.onAction("export", [this] { return exportModel(); });
        VITRINE_TRY_VOID(train());
        return keepResults();
    }

  private:
    // Chunks to learn; of each a part is held out, the same in every class.
    Result<std::vector<LabelledPictures>> dealOut(const LabelledPictures& all) {
        const int64_t count = run_.settings()["chunks"];
        VITRINE_TRY(const auto parts, balancedParts(all, count, run_.seed()));
        const double out = run_.settings()["held_out"];
        std::vector<LabelledPictures> chunks;
        for (const at::Tensor& part : parts) {
            const LabelledPictures chunk = all.at(part);
            std::vector<at::Tensor> learnt, held;
            for (int64_t number = 0; number < chunk.classCount(); ++number) {
                const at::Tensor members = chunk.labels.eq(number).nonzero().flatten();
                const auto away = int64_t(out * double(members.numel()));
                learnt.push_back(members.narrow(0, away, members.numel() - away));
                held.push_back(members.narrow(0, 0, away));
            }
            chunks.push_back(chunk.at(at::cat(learnt)));
            if (at::cat(held).numel() > 0)
                heldOut_.push_back(chunk.at(at::cat(held)));
        }
        return chunks;
    }

    // The weights of a folder; where one is exactly zero, the network does without it from now on.
    Result<std::optional<IncrementalBeginning>> beginningOf(const ClassifierShape& shape) {
        const std::string path = run_.settings()["begin_with"];
        if (path.empty())
            return std::optional<IncrementalBeginning>();
        VITRINE_TRY(const ModelFolder folder, openModelFolder(path));
        VITRINE_TRY(const auto network, ClassifierNetwork::create(shape));
        IncrementalBeginning beginning;
        const auto read = [&](const ClassifierParameter& parameter, TensorList& into) -> Result<void> {
            VITRINE_TRY(const at::Tensor tensor, readTensor(*folder.weights, parameter.name, {}));
            if (tensor.sizes() != at::IntArrayRef(parameter.shape))
                return fail(ErrorCode::ShapeMismatch,
                            fmt::format("expected [{}], found [{}]", fmt::join(parameter.shape, ", "),
                                        fmt::join(tensor.sizes(), ", ")),
                            path + ": " + parameter.name,
                            "Give the settings of the network that this folder was trained with");
            into.push_back(tensor.clone());
            return {};
        };
        for (const ClassifierParameter& parameter : network.parameters()) {
            VITRINE_TRY_VOID(read(parameter, beginning.weights));
            const at::Tensor used = beginning.weights.back().ne(0);
            beginning.masks.push_back(parameter.prunable && !used.all().item<bool>() ? used : at::Tensor());
        }
        for (const ClassifierParameter& buffer : network.buffers())
            VITRINE_TRY_VOID(read(buffer, beginning.buffers));
        VITRINE_TRY(const std::string identity, folder.identity());
        VITRINE_TRY_VOID(run_.usedInput("model", identity, path));
        return std::optional(std::move(beginning));
    }

    Result<void> train() {
        run_.job().beginStage("training", trainer_->totalSteps());
        run_.job().advance(trainer_->step());
        while (!trainer_->isDone()) {
            VITRINE_TRY_VOID(run_.pausePoint());
            VITRINE_TRY(const IncrementalStep report, trainer_->train());
            record(report);
            if (report.endsChunk)
                VITRINE_TRY_VOID(measure(report));
            const int64_t every = run_.settings()["checkpoint_every"];
            if (report.endsChunk || report.step % every == 0)
                VITRINE_TRY_VOID(keepCheckpoint());
            run_.job().advance();
        }
        return {};
    }

    void record(const IncrementalStep& report) {
        run_.metric("loss", report.step, report.loss);
        run_.metric("loss/cross-entropy", report.step, report.crossEntropy);
        run_.metric("loss/features", report.step, report.featureLoss);
        run_.metric("loss/distillation", report.step, report.distillationLoss);
        run_.metric("learning rate", report.step, report.learningRate);
        if (report.chunk == 0)
            return;
        if (report.meanWeightRight)
            run_.metric("distillation weight/old network right", report.step, *report.meanWeightRight);
        if (report.meanWeightWrong)
            run_.metric("distillation weight/old network wrong", report.step, *report.meanWeightWrong);
        if (report.pictureWeights.defined())
            spread_.add(report.pictureWeights, report.teacherRight);
    }

    // What the chunk left: the test pictures, the held-out part of every chunk so far, the channels in use,
    // and how far the network went from the one before.
    Result<void> measure(const IncrementalStep& report) {
        const ClassifierScore score = trainer_->score(test_);
        run_.metric("test/accuracy", report.chunk, score.accuracy);
        run_.metric("test/cross-entropy", report.chunk, score.crossEntropy);
        Json row{{"chunk", report.chunk},
                 {"steps", report.step},
                 {"accuracy", score.accuracy},
                 {"cross_entropy", score.crossEntropy},
                 {"held_out", Json::array()}};
        double forgotten = 0;
        for (int64_t chunk = 0; chunk <= report.chunk && chunk < int64_t(heldOut_.size()); ++chunk) {
            const double now = trainer_->score(heldOut_[size_t(chunk)]).accuracy;
            row["held_out"].push_back(now);
            run_.metric(fmt::format("held out/chunk {}", chunk), report.chunk, now);
            if (chunk < report.chunk)
                forgotten += rows_[size_t(chunk)]["held_out"].back().get<double>() - now;
        }
        if (report.chunk > 0 && !heldOut_.empty()) {
            row["forgotten"] = forgotten / double(report.chunk);
            run_.metric("forgotten (mean over earlier chunks)", report.chunk, row["forgotten"]);
        }
        const at::Tensor use = trainer_->channelUse(test_);
        // Channels that would carry the same if all carried alike: (Σ u)² / Σ u².
        const double inUse = (use.sum().square() / use.square().sum().clamp_min(1e-12)).item<double>();
        row["channels_in_use"] = inUse;
        row["channel_use"] = numbers(use);
        if (report.chunk > 0) {
            const ChunkChange change = chunkChange(*trainer_, test_);
            row.update(change.json());
            run_.metric("loss barrier to the chunk before", report.chunk, change.barrier());
        }
        if (spread_.count() > 0)
            row["distillation_weights"] = spread_.json();
        spread_ = WeightSpread();
        run_.metric("feature channels in use", report.chunk, inUse);
        run_.log(fmt::format("chunk {}: {:.2f} % of the test pictures right, {:.1f} of {} channels in use",
                             report.chunk, 100 * score.accuracy, inUse, use.numel()));
        rows_.push_back(row);
        VITRINE_TRY(
            [[maybe_unused]] const StoredFile kept,
            run_.putArtifact(fmt::format("chunks/chunk-{}.json", report.chunk), row.dump(2) + "\n",
                             {.kind = "report", .step = report.chunk, .mediaType = "application/json"}));
        return {};
    }

    static std::vector<double> numbers(const at::Tensor& values) {
        const at::Tensor plain = values.to(at::kDouble).contiguous();
        return {plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel()};
    }

    Result<void> keepCheckpoint() {
        return checkpoints_->keep(trainer_->step(),
                                  [this](const fs::path& file) { return trainer_->save(file); },
                                  {{"chunks", rows_}, {"weights", spread_.json()}});
    }

    Result<void> keepResults() {
        std::string table = "step,learnt up to,held-out part of chunk,accuracy\n";
        for (const Json& row : rows_)
            for (size_t chunk = 0; chunk < row["held_out"].size(); ++chunk)
                table +=
                    fmt::format("{},{},{},{}\n", row["steps"].get<int64_t>(), row["chunk"].get<int64_t>(),
                                chunk, row["held_out"][chunk].get<double>());
        const Json summary{{"chunks", rows_}, {"accuracy", rows_.back()["accuracy"]}};
        VITRINE_TRY([[maybe_unused]] const StoredFile report,
                    run_.putArtifact("incremental.json", summary.dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        VITRINE_TRY([[maybe_unused]] const StoredFile matrix,
                    run_.putArtifact("forgetting.csv", table, {.kind = "report", .mediaType = "text/csv"}));
        return exportModel();
    }

    Result<void> exportModel() {
        const Json note{{"trained_by", "train-incremental"}, {"chunks", rows_.size()},
                        {"steps", trainer_->step()},         {"seed", run_.seed()},
                        {"pictures", fingerprint_},          {"classes", test_.classes}};
        return keepClassifier(run_, trainer_->network(), trainer_->weights(), trainer_->buffers(), note);
    }

    RunContext& run_;
    LabelledPictures test_;
    std::vector<LabelledPictures> heldOut_;  // of each chunk
    std::string fingerprint_;                // of the pictures to learn
    std::unique_ptr<IncrementalTrainer> trainer_;
    std::optional<TrainingCheckpoints> checkpoints_;
    Json rows_ = Json::array();  // of each chunk that is done
    WeightSpread spread_;        // of the chunk at hand
};

}  // namespace

JobKind trainIncrementalKind() {
    JobKind kind;
    kind.name = "train-incremental";
    kind.summary = "Train a classifier on pictures that come in chunks, from what it knew (CKCA)";
    kind.settingsSchema = trainIncrementalSettingsSchema();
    kind.run = [](RunContext& run) {
        keepFreedMemory();
        return TrainIncrementalJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
