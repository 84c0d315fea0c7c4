#include "core/engine/compress_kind.h"

#include "core/compress/compression_driver.h"
#include "core/compress/decoder_blocks.h"
#include "core/compress/mask_set.h"
#include "core/compress/sparse_speed.h"
#include "core/engine/calibration_texts.h"
#include "core/engine/compress_schema.h"
#include "core/engine/compressed_model.h"
#include "core/engine/model_store.h"
#include "core/nn/weights.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <set>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSafetensors = "application/x-safetensors";
constexpr const char* kControl = "random control";

struct NamedPlan {
    std::string name;
    CompressionPlan plan;
    bool control = false;
};

class CompressJob {
  public:
    explicit CompressJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(auto dense, openModel());
        VITRINE_TRY_VOID(run_.usedInput("model", identity_, run_.settings()["model"].get<std::string>()));
        VITRINE_TRY_VOID(readPlans());
        for (const NamedPlan& plan : plans_)
            VITRINE_TRY_VOID(checkPlan(DecoderBlocks(dense->decoder(), {}), plan.plan));
        VITRINE_TRY(texts_, openCalibrationTexts(*dense, run_.settings(), run_.seed(), run_.job()));
        VITRINE_TRY_VOID(run_.usedInput(
            "data", texts_.dataHash, fmt::format("{} windows of {} tokens", texts_.windows, texts_.length)));
        VITRINE_TRY_VOID(run_.usedInput("data", texts_.evaluation->info().corpusHash, "evaluation texts"));
        if (run_.savedState()) {
            VITRINE_TRY_VOID(restore(*run_.savedState()));
        }
        if (rows_.empty()) {
            VITRINE_TRY(const auto score, evaluate(*dense));
            addRow(Json{{"plan", "dense"},
                        {"bits_per_weight", 8. * double(at::elementSize(dense->decoder().type()))}},
                   score);
            VITRINE_TRY_VOID(run_.saveState(state()));
        }
        // Every plan begins with the stored weights, so that never two models are in memory.
        dense.reset();
        for (const NamedPlan& plan : plans_)
            if (!isDone(plan.name)) {
                VITRINE_TRY_VOID(run_.pausePoint());
                VITRINE_TRY_VOID(compressBy(plan));
            }
        if (run_.settings()["speed"] && speed_.is_null()) {
            VITRINE_TRY_VOID(measureSpeed());
        }
        return report();
    }

  private:
    Result<std::unique_ptr<LanguageModel>> openModel() {
        const std::string path = run_.settings()["model"];
        run_.job().beginStage("loading the model", 1);
        LoadOptions options;
        VITRINE_TRY(options.device, deviceFromName(run_.recipe().value("device", "cpu")));
        VITRINE_TRY(options.dtype, dtypeFromTorchName(run_.settings()["dtype"]));
        VITRINE_TRY(auto model, loadLanguageModel(path, options));
        VITRINE_TRY(const auto folder, openModelFolder(path));
        VITRINE_TRY(identity_, folder.identity());
        fingerprint_ = weightFingerprint(weightsOf(*model, {}));
        shapes_.clear();
        for (const auto& linear : model->decoder().linears())
            if (linear->inFeatures() % 4 == 0)
                shapes_.emplace_back(linear->outFeatures(), linear->inFeatures());
        run_.job().advance();
        return model;
    }

    // Of the layers that the plan does not leave out.
    static NamedTensors weightsOf(const LanguageModel& model, const CompressionPlan& plan) {
        NamedTensors weights;
        for (const auto& linear : model.decoder().linears())
            if (const auto name = model.decoder().linearName(linear->place()); !plan.skips(name))
                weights[name + ".weight"] = linear->weight;
        return weights;
    }

    Result<void> readPlans() {
        std::set<std::string> names, controlled;
        const auto add = [&](const std::string& name, const CompressionPlan& plan, bool control) {
            std::string unique = name;
            for (int count = 2; !names.insert(unique).second; ++count)
                unique = fmt::format("{} ({})", name, count);
            plans_.push_back({unique, plan, control});
        };
        for (const Json& entry : run_.settings()["plans"]) {
            VITRINE_TRY(const auto plan, compressionPlanFrom(entry, run_.seed()));
            add(plan.text(), plan, false);
        }
        if (!run_.settings()["controls"])
            return {};
        const auto wanted = plans_;
        for (const NamedPlan& one : wanted)
            if (one.plan.prunes() && controlled.insert(one.plan.pattern.text()).second) {
                CompressionPlan control;
                control.prune = PruneMethod::Random;
                control.pattern = one.plan.pattern;
                control.skip = one.plan.skip;
                control.seed = run_.seed();
                add(fmt::format("{} {}", kControl, control.pattern.text()), control, true);
            }
        return {};
    }

    Json state() const {
        return {{"rows", rows_},         {"layers", layers_},
                {"best", best_},         {"data", texts_.dataHash},
                {"model", fingerprint_}, {"speed", speed_},
                {"times", times_},       {"plans", run_.settings()["plans"]}};
    }

    Result<void> restore(const Json& state) {
        if (state.value("model", "") != fingerprint_ || state.value("data", "") != texts_.dataHash)
            return fail(ErrorCode::InvalidArgument,
                        "model or texts are others than when this run was stopped", "settings",
                        "Start a new run.");
        rows_ = state["rows"];
        layers_ = state["layers"];
        best_ = state["best"];
        speed_ = state["speed"];
        times_ = state["times"];
        return {};
    }

    bool isDone(const std::string& plan) const {
        return std::any_of(rows_.begin(), rows_.end(), [&](const Json& row) { return row["plan"] == plan; });
    }

    Result<PerplexityScore> evaluate(const LanguageModel& model) {
        return measurePerplexity(model, *texts_.evaluation, texts_.perplexity, run_.job(),
                                 texts_.evaluationRange);
    }

    void addRow(Json row, const PerplexityScore& score) {
        row["perplexity"] = score.perplexity();
        row["nats_per_token"] = score.natsPerToken();
        row["bits_per_byte"] = score.bitsPerByte();
        row["key"] = score.key();
        row["predicted_tokens"] = score.predicted;
        row["difference_to_dense"] =
            rows_.empty() ? 0. : score.natsPerToken() - rows_[0]["nats_per_token"].get<double>();
        const std::string plan = row["plan"];
        const auto step = int64_t(rows_.size());
        run_.metric("perplexity/" + plan, step, score.perplexity());
        run_.metric("nats per token/" + plan, step, score.natsPerToken());
        run_.metric("bits per weight/" + plan, step, row["bits_per_weight"].get<double>());
        run_.log(fmt::format(
            "{}: perplexity {:.4f}, {:.4f} nats per token ({:+.4f} to dense), {:.3f} bits per weight", plan,
            score.perplexity(), score.natsPerToken(), row["difference_to_dense"].get<double>(),
            row["bits_per_weight"].get<double>()));
        rows_.push_back(std::move(row));
    }

    // One plan: compress a copy of the dense model, measure, keep what is to be kept.
    Result<void> compressBy(const NamedPlan& named) {
        VITRINE_TRY(auto model, openModel());
        DecoderBlocks blocks(model->decoder(), texts_.batches);
        CompressedWeights weights;
        MaskSet masks;
        masks.fingerprint = weightFingerprint(weightsOf(*model, named.plan));
        std::vector<LayerReport> reports;
        NamedTensors spectra;
        const bool mayKeep = !named.control && run_.settings()["keep"] != "none";
        double bits = 0, count = 0;
        const auto sink = [&](CompressedLayer&& layer) -> Result<void> {
            if (layer.mask.defined()) {
                VITRINE_TRY_VOID(masks.set(layer.report.name + ".weight", layer.mask));
            }
            const double size = double(layer.report.rows) * double(layer.report.columns);
            bits += layer.report.bitsPerWeight * size;
            count += size;
            run_.metric(fmt::format("relative error/{}/{}", named.name, roleOf(layer.report.name)),
                        layer.report.block, layer.report.relativeError);
            if (layer.spectrum && layer.saved.lowRank) {
                spectra[layer.report.name + "/singular_values"] = layer.saved.lowRank->singularValues;
                spectra[layer.report.name + "/input_eigenvalues"] = layer.spectrum->eigenvalues;
                spectra[layer.report.name + "/error_energy"] = layer.spectrum->energy;
            }
            reports.push_back(layer.report);
            if (mayKeep)
                weights.layers.emplace(layer.report.name, std::move(layer.saved));
            return {};
        };
        VITRINE_TRY(const auto driven, compressModel(blocks, named.plan, run_.job(), sink));
        VITRINE_TRY(const auto score, evaluate(*model));
        Json row{{"plan", named.name},
                 {"method", named.plan.text()},
                 {"control", named.control},
                 {"bits_per_weight", count > 0 ? bits / count : 0},
                 {"relative_error", meanError(reports)},
                 {"calibrated_tokens", driven.tokens},
                 {"statistics_bytes", driven.largestStatisticsBytes}};
        times_.push_back({{"plan", named.name},
                          {"calibration_seconds", driven.calibrationSeconds},
                          {"compression_seconds", driven.compressionSeconds},
                          {"rerun_seconds", driven.rerunSeconds},
                          {"evaluation_seconds", score.seconds}});
        run_.metric("time/compression, seconds/" + named.name, 0, driven.compressionSeconds);
        for (const LayerReport& report : reports) {
            Json entry = report.json();
            entry.erase("seconds");  // results of equal runs are equal
            entry["plan"] = named.name;
            layers_.push_back(std::move(entry));
        }
        addRow(std::move(row), score);
        VITRINE_TRY_VOID(keepSpectra(named, spectra));
        VITRINE_TRY_VOID(keep(named, *model, weights, masks));
        return run_.saveState(state());
    }

    static std::string roleOf(const std::string& layer) { return layer.substr(layer.rfind('.') + 1); }

    static double meanError(const std::vector<LayerReport>& reports) {
        double sum = 0;
        for (const LayerReport& report : reports)
            sum += report.relativeError;
        return reports.empty() ? 0 : sum / double(reports.size());
    }

    Json lineage(const NamedPlan& named) const {
        return {{"compressed_from", identity_}, {"weights", fingerprint_},
                {"plan", named.plan.text()},    {"calibration", texts_.dataHash},
                {"windows", texts_.windows},    {"length", texts_.length},
                {"seed", run_.seed()}};
    }

    // What a picture of the repair needs: singular values, and the error's energy along the inputs'
    // eigenvectors.
    Result<void> keepSpectra(const NamedPlan& named, const NamedTensors& spectra) {
        if (spectra.empty())
            return {};
        VITRINE_TRY(const auto scratch, run_.checkpointFolder());
        VITRINE_TRY_VOID(writeTensors(scratch / "spectra.tmp", spectra, {{"kind", "error spectra"}}));
        VITRINE_TRY([[maybe_unused]] const auto stored,
                    run_.putArtifactFile(
                        plainFileName(named.name) + "/spectra.safetensors", scratch / "spectra.tmp",
                        {.kind = "spectra", .mediaType = kSafetensors, .provenance = lineage(named)}, true));
        return {};
    }

    Result<void> keep(const NamedPlan& named, const LanguageModel& model, CompressedWeights& weights,
                      MaskSet& masks) {
        const std::string name = plainFileName(named.name);
        VITRINE_TRY(const auto scratch, run_.checkpointFolder());
        const Json origin = lineage(named);
        if (!masks.names().empty()) {
            masks.metadata = {{"plan", named.plan.text()}, {"model", identity_}, {"lineage", origin.dump()}};
            VITRINE_TRY_VOID(masks.save(scratch / "masks.tmp"));
            VITRINE_TRY([[maybe_unused]] const auto stored,
                        run_.putArtifactFile(
                            name + "/masks.safetensors", scratch / "masks.tmp",
                            {.kind = "masks", .mediaType = kSafetensors, .provenance = origin}, true));
        }
        const std::string policy = run_.settings()["keep"];
        const double perplexity = rows_.back()["perplexity"];
        const bool better =
            !named.control && (best_.is_null() || perplexity < best_["perplexity"].get<double>());
        if (better)
            best_ = {{"plan", named.name}, {"perplexity", perplexity}};
        if (named.control || policy == "none" || (policy == "best" && !better))
            return {};
        return exportModel(policy == "best" ? "best" : name, origin, model, weights);
    }

    Result<void> exportModel(const std::string& name, const Json& origin, const LanguageModel& model,
                             CompressedWeights& weights) {
        const std::string wanted = run_.settings()["output"], tokenizer = run_.settings()["tokenizer"];
        const fs::path folder =
            (wanted.empty() ? run_.project().runFolder(run_.run().id) : fs::path(wanted)) / name;
        SaveLanguageModelOptions options;
        VITRINE_TRY(options.type, dtypeFromTorchName(run_.settings()["output_dtype"]));
        options.tokenizerFrom = tokenizer.empty() ? run_.settings()["model"].get<std::string>() : tokenizer;
        options.lineage = origin;
        VITRINE_TRY_VOID(saveCompressedModel(model, weights, folder, options));
        for (const char* file : {"compressed.safetensors", "config.json"}) {
            VITRINE_TRY([[maybe_unused]] const auto stored,
                        run_.putArtifactFile(name + "/" + file, folder / file,
                                             {.kind = "model", .mediaType = {}, .provenance = origin}));
        }
        run_.log("model folder: " + folder.string());
        return {};
    }

    Result<void> measureSpeed() {
        SparseSpeedOptions options;
        VITRINE_TRY(options.device, deviceFromName(run_.recipe().value("device", "cpu")));
        VITRINE_TRY(options.type, dtypeFromTorchName(run_.settings()["dtype"]));
        VITRINE_TRY(const auto rows, measureSparseSpeed(shapes_, options, run_.job()));
        Json list = Json::array();
        for (const auto& row : rows) {
            list.push_back(row.json());
            run_.metric(fmt::format("time/2:4 speed/{} x {}", row.outputs, row.inputs), row.tokens,
                        row.speedup());
        }
        speed_ = {{"rows", std::move(list)}, {"verdict", sparseVerdict(rows)}};
        run_.log("2:4 products on this machine: " + sparseVerdict(rows));
        return run_.saveState(state());
    }

    Result<void> report() {
        const Json all{{"plans", rows_}, {"layers", layers_}, {"best", best_}};
        VITRINE_TRY(
            [[maybe_unused]] const auto times,
            run_.putArtifact("times.json", Json{{"plans", times_}, {"speed_of_2:4", speed_}}.dump(2) + "\n",
                             {.kind = "log", .mediaType = "application/json"}));
        VITRINE_TRY([[maybe_unused]] const auto json,
                    run_.putArtifact("compression.json", all.dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        VITRINE_TRY([[maybe_unused]] const auto plans,
                    run_.putArtifact(
                        "compression.csv",
                        jsonRowsCsv(rows_, {"plan", "perplexity", "nats_per_token", "difference_to_dense",
                                            "bits_per_byte", "bits_per_weight", "relative_error", "key"}),
                        {.kind = "table", .mediaType = "text/csv"}));
        VITRINE_TRY([[maybe_unused]] const auto layers,
                    run_.putArtifact("layers.csv",
                                     jsonRowsCsv(layers_, {"plan", "name", "block", "kept", "relative_error",
                                                           "uncompensated_error", "predicted_error",
                                                           "bits_per_weight", "dead_inputs", "damping"}),
                                     {.kind = "table", .mediaType = "text/csv"}));
        return {};
    }

    RunContext& run_;
    std::string identity_, fingerprint_;
    std::vector<NamedPlan> plans_;
    CalibrationTexts texts_;
    std::vector<std::pair<int64_t, int64_t>> shapes_;  // (outputs, inputs) of the layers that can be 2:4
    Json rows_ = Json::array(), layers_ = Json::array(), times_ = Json::array(), best_, speed_;
};

}  // namespace

JobKind compressKind() {
    JobKind kind;
    kind.name = "compress";
    kind.summary = "Prune, quantise and compensate a language model, against dense and random";
    kind.settingsSchema = compressSettingsSchema();
    kind.run = [](RunContext& run) { return CompressJob(run).execute(); };
    return kind;
}

}  // namespace vitrine
