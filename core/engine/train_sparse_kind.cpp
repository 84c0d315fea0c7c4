#include "core/engine/train_sparse_kind.h"

#include "core/base/freed_memory.h"
#include "core/compress/mask_set.h"
#include "core/engine/classifier_settings.h"
#include "core/engine/latency_files.h"
#include "core/engine/train_sparse_schema.h"
#include "core/engine/training_run.h"
#include "core/runs/run_context.h"
#include "core/sparse_training/sparse_trainer.h"
#include "core/sparse_training/unit_history.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

class TrainSparseJob {
  public:
    explicit TrainSparseJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(pictures_, openClassifierPictures(run_.settings(), run_.seed(), run_.job()));
        VITRINE_TRY_VOID(run_.usedInput("dataset", pictures_.training.fingerprint(),
                                        run_.settings()["pictures"].get<std::string>()));
        run_.log(fmt::format("{} pictures to learn, {} to test with, {} classes", pictures_.training.count(),
                             pictures_.test.count(), pictures_.training.classCount()));
        VITRINE_TRY(SparseTrainingOptions options, optionsOf(run_.settings()));
        if (options.latency) {
            VITRINE_TRY(options.latency->table, latencyTableFor(run_, options));
        }
        VITRINE_TRY(trainer_, SparseTrainer::create(options, pictures_.training));
        watched_ = UnitHistory::begin(trainer_->structure());
        VITRINE_TRY(checkpoints_, TrainingCheckpoints::open(run_));
        if (const auto last = checkpoints_->last()) {
            VITRINE_TRY_VOID(trainer_->restore(*last));
            history_ = run_.savedState()->value("history", Json::array());
            scores_ = run_.savedState()->value("scores", Json::array());
            watched_ = UnitHistory::fromJson(run_.savedState()->value("watched", Json::array()));
            run_.log(fmt::format("going on from step {}", trainer_->step()));
        }
        offerActions();
        VITRINE_TRY_VOID(train());
        return keepResults();
    }

  private:
    Result<SparseTrainingOptions> optionsOf(const Json& settings) const {
        return sparseOptionsFrom(settings, pictures_.training.classCount(), run_.seed());
    }

    void offerActions() {
        run_.onAction("checkpoint", [this] { return keepCheckpoint(); });
        run_.onAction("probe", [this] { return measure(); });
        run_.onAction("export", [this] { return exportModel(); });
        run_.checkChanges([this](const Json& settings) -> Result<void> {
            VITRINE_TRY([[maybe_unused]] const SparseTrainingOptions options, optionsOf(settings));
            return {};
        });
    }

    Result<void> train() {
        Json settings = run_.settings();
        run_.job().beginStage("training", trainer_->options().steps);
        run_.job().advance(trainer_->step());
        while (trainer_->step() < trainer_->options().steps) {
            VITRINE_TRY(const Json wanted, settingsToGoOnWith(run_, nullptr, settings));
            if (wanted != settings) {
                settings = wanted;
                VITRINE_TRY(const SparseTrainingOptions changed, optionsOf(settings));
                VITRINE_TRY_VOID(trainer_->change(changed));
                run_.job().beginStage("training", trainer_->options().steps);
                run_.job().advance(trainer_->step());
                continue;
            }
            VITRINE_TRY(const SparseStep report, trainer_->train());
            record(report);
            const bool last = report.step == trainer_->options().steps;
            if (isDue(run_.settings(), "evaluate_every", report.step) || last)
                VITRINE_TRY_VOID(measure());
            if (isDue(run_.settings(), "checkpoint_every", report.step) || last)
                VITRINE_TRY_VOID(keepCheckpoint());
            run_.job().advance();
        }
        return {};
    }

    void record(const SparseStep& report) {
        run_.metric("loss", report.step, report.loss);
        run_.metric("loss/" + report.stage, report.step, report.loss);
        run_.metric("learning rate", report.step, report.learningRate);
        run_.metric("cost (dense runs)", report.step, report.cost);
        if (!report.exchange)
            return;
        const ExchangeReport& exchange = *report.exchange;
        const auto metric = [&](const std::string& name, double value) {
            run_.metric("structure/" + name, exchange.step, value);
        };
        metric("exchanged part", exchange.exchanged);
        metric("overlap with the one before", exchange.intersectionOverUnion);
        metric("ever in use", exchange.everActive);
        metric("entered", double(exchange.total(&LayerExchange::entered)));
        metric("left", double(exchange.total(&LayerExchange::left)));
        metric("reactivated", double(exchange.total(&LayerExchange::reactivated)));
        metric("density", trainer_->structure().density());
        if (exchange.latency)
            metric("predicted latency (part of dense)", *exchange.latency);
        if (exchange.survival)
            metric("survival after three exchanges", *exchange.survival);
        watched_.add(trainer_->structure());
        if (const auto& scores = exchange.scores)
            scores_.push_back({{"step", exchange.step},
                               {"low", scores->low},
                               {"high", scores->high},
                               {"in_use", scores->inUse},
                               {"before", scores->before},
                               {"after", scores->after}});
        for (const LayerExchange& layer : exchange.layers) {
            metric("exploited/" + layer.name, layer.exploited);
            metric("explored/" + layer.name, layer.explored);
            metric("flips/" + layer.name, double(layer.left + layer.entered));
            metric("reactivated/" + layer.name, double(layer.reactivated));
            history_.push_back({{"cycle", exchange.cycle},
                                {"step", exchange.step},
                                {"layer", layer.name},
                                {"units", layer.units},
                                {"active", layer.active},
                                {"exploited", layer.exploited},
                                {"explored", layer.explored},
                                {"entered", layer.entered},
                                {"left", layer.left},
                                {"reactivated", layer.reactivated}});
        }
    }

    Result<void> measure() {
        score_ = trainer_->score(pictures_.test);
        run_.metric("test/accuracy", trainer_->step(), score_.accuracy);
        run_.metric("test/cross-entropy", trainer_->step(), score_.crossEntropy);
        return {};
    }

    Result<void> keepCheckpoint() {
        // The exchanges so far belong to the state: a resumed run tells of all of them.
        return checkpoints_->keep(trainer_->step(),
                                  [this](const fs::path& file) { return trainer_->save(file); },
                                  {{"history", history_}, {"scores", scores_}, {"watched", watched_.json()}});
    }

    // (rows, columns) of a mask of any shape: outputs by what one of them reads.
    static at::Tensor asRows(const at::Tensor& mask) { return mask.reshape({mask.size(0), -1}); }

    Result<void> keepResults() {
        const SparseStructure& structure = trainer_->structure();
        MaskSet masks;
        const TensorList perParameter = structure.parameterMasks();
        NamedTensors weights;
        Json layers = Json::array();
        for (size_t index = 0; index < perParameter.size(); ++index) {
            const std::string& name = trainer_->network().parameters()[index].name;
            if (!perParameter[index].defined() || perParameter[index].dim() < 2)
                continue;
            VITRINE_TRY_VOID(masks.set(name, asRows(perParameter[index])));
            weights[name] = asRows(trainer_->values()[index]);
            layers.push_back({{"tensor", name},
                              {"weights", perParameter[index].numel()},
                              {"in_use", perParameter[index].sum().item<int64_t>()}});
        }
        masks.fingerprint = weightFingerprint(weights);
        masks.metadata = {{"method", sparseMethodName(trainer_->options().method)},
                          {"rows", "outputs"},
                          {"columns", "inputs x window"}};
        VITRINE_TRY(const auto scratch, run_.checkpointFolder());
        VITRINE_TRY_VOID(masks.save(scratch / "masks.tmp"));
        VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                    run_.putArtifactFile("masks.safetensors", scratch / "masks.tmp",
                                         {.kind = "masks", .mediaType = "application/x-safetensors"}, true));
        Json densities = Json::array();
        for (const UnitLayer& layer : structure.layers()) {
            densities.push_back({{"layer", layer.name},
                                 {"units", layer.unitCount()},
                                 {"in_use", layer.activeCount()},
                                 {"fixed", layer.fixed}});
            if (!trainer_->latency())
                densities.back()["wanted"] = layer.density;
        }
        const Json summary{{"method", sparseMethodName(trainer_->options().method)},
                           {"accuracy", score_.accuracy},
                           {"cross_entropy", score_.crossEntropy},
                           {"density", structure.density()},
                           {"layers", std::move(layers)},
                           {"densities", std::move(densities)},
                           {"exchanges", history_},
                           {"scores", scores_},
                           {"watched", watched_.json()}};
        VITRINE_TRY([[maybe_unused]] const StoredFile table,
                    run_.putArtifact("sparse_training.json", summary.dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        run_.log(fmt::format("{:.2f} % of the test pictures right, {:.2f} % of the weights in use",
                             100 * score_.accuracy, 100 * structure.density()));
        VITRINE_TRY_VOID(exportModel());
        return trainer_->latency() ? keepLatency(run_, *trainer_) : Result<void>();
    }

    Result<void> exportModel() {
        TensorList buffers;
        const TensorList weights = trainer_->cutWeights(buffers);
        const Json note{{"trained_by", "train-sparse"},
                        {"method", sparseMethodName(trainer_->options().method)},
                        {"density", trainer_->structure().density()},
                        {"steps", trainer_->step()},
                        {"seed", run_.seed()},
                        {"pictures", pictures_.training.fingerprint()},
                        {"classes", pictures_.training.classes},
                        {"accuracy", score_.accuracy}};
        return keepClassifier(run_, trainer_->network(), weights, buffers, note);
    }

    RunContext& run_;
    ClassifierPictures pictures_;
    std::unique_ptr<SparseTrainer> trainer_;
    std::optional<TrainingCheckpoints> checkpoints_;
    Json history_ = Json::array();  // layer by layer of every exchange
    Json scores_ = Json::array();   // how they lay in every trial
    UnitHistory watched_;
    ClassifierScore score_;
};

}  // namespace

JobKind trainSparseKind() {
    JobKind kind;
    kind.name = "train-sparse";
    kind.summary = "Train a classifier of pictures with a part of its weights or channels (IEE, RigL, SET)";
    kind.settingsSchema = trainSparseSettingsSchema();
    kind.run = [](RunContext& run) {
        keepFreedMemory();
        return TrainSparseJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
