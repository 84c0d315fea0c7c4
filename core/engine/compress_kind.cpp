#include "core/engine/compress_kind.h"

#include "core/compress/compression_driver.h"
#include "core/compress/layer_offload.h"
#include "core/compress/sparse_speed.h"
#include "core/engine/compress_plans.h"
#include "core/engine/compress_results.h"
#include "core/engine/compress_settings.h"
#include "core/engine/compress_subject.h"
#include "core/engine/compressed_model.h"
#include "core/engine/model_store.h"
#include "core/nn/weights.h"
#include "core/runs/run_context.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSafetensors = "application/x-safetensors";

class CompressJob {
  public:
    explicit CompressJob(RunContext& run) : run_(run), results_(run) {}

    Result<void> execute() {
        VITRINE_TRY(subject_, openCompressSubject(run_));
        VITRINE_TRY_VOID(subject_->load());
        VITRINE_TRY_VOID(
            run_.usedInput("model", subject_->identity(), run_.settings()["model"].get<std::string>()));
        VITRINE_TRY(plans_, compressPlansFrom(run_.settings(), run_.seed()));
        VITRINE_TRY(const auto cuts, structurePlansFrom(run_.settings(), run_.seed()));
        if (plans_.empty() && cuts.empty())
            return fail(ErrorCode::InvalidArgument, "there is nothing to do", "settings/plans",
                        "Name plans, or structures of an encoder");
        VITRINE_TRY_VOID(lookAtLayers());
        VITRINE_TRY_VOID(subject_->openData());
        if (run_.savedState()) {
            VITRINE_TRY_VOID(restore(*run_.savedState()));
        }
        if (results_.empty()) {
            VITRINE_TRY(const auto score, subject_->measure());
            results_.addRow(Json{{"plan", "dense"}, {"bits_per_weight", subject_->denseBits()}}, score);
            results_.addTimes("dense", {}, score);
            VITRINE_TRY_VOID(run_.saveState(state()));
        }
        // Every plan begins with the stored weights, so that never two models are in memory.
        subject_->unload();
        for (const NamedPlan& plan : plans_)
            if (!results_.has(plan.name)) {
                VITRINE_TRY_VOID(run_.pausePoint());
                VITRINE_TRY_VOID(compressBy(plan));
            }
        for (const VitStructurePlan& plan : cuts)
            if (!results_.has(plan.text())) {
                VITRINE_TRY_VOID(run_.pausePoint());
                VITRINE_TRY_VOID(cutBy(plan));
            }
        if (run_.settings()["speed"] && !results_.hasSpeed()) {
            VITRINE_TRY_VOID(measureSpeed());
        }
        return results_.write(subject_->scoreColumns());
    }

  private:
    // What cannot work is said before anything is computed.
    Result<void> lookAtLayers() {
        VITRINE_TRY(const auto blocks, subject_->blocks());
        for (const NamedPlan& plan : plans_)
            VITRINE_TRY_VOID(checkPlan(*blocks, plan.plan));
        fingerprint_ = weightFingerprint(weightsOf(*blocks, {}));
        for (int64_t block = 0; block < blocks->depth(); ++block)
            for (const BlockLinear& linear : blocks->linears(block))
                if (linear.weight.size(1) % 4 == 0)
                    shapes_.emplace_back(linear.weight.size(0), linear.weight.size(1));
        return {};
    }

    // Of the layers that the plan does not leave out.
    NamedTensors weightsOf(const BlockModel& blocks, const CompressionPlan& plan) const {
        NamedTensors weights;
        for (int64_t block = 0; block < blocks.depth(); ++block)
            for (const BlockLinear& linear : blocks.linears(block))
                if (!plan.skips(linear.name))
                    weights.merge(subject_->stored(linear.name, linear.weight));
        return weights;
    }

    Json state() const {
        Json state = results_.state();
        state.update(
            {{"data", subject_->dataHash()}, {"model", fingerprint_}, {"plans", run_.settings()["plans"]}});
        return state;
    }

    Result<void> restore(const Json& state) {
        if (state.value("model", "") != fingerprint_ || state.value("data", "") != subject_->dataHash())
            return fail(ErrorCode::InvalidArgument, "model or data are others than when this run was stopped",
                        "settings", "Start a new run.");
        results_.restore(state);
        return {};
    }

    // One plan: compress a copy of the dense model, measure, keep what is to be kept.
    Result<void> compressBy(const NamedPlan& named) {
        VITRINE_TRY_VOID(subject_->load());
        VITRINE_TRY(const auto blocks, subject_->blocks());
        VITRINE_TRY(const auto scratch, run_.checkpointFolder());
        LayerOffload packed(scratch);
        MaskSet masks;
        masks.fingerprint = weightFingerprint(weightsOf(*blocks, named.plan));
        std::vector<LayerReport> reports;
        NamedTensors spectra;
        const bool mayKeep = !named.control && run_.settings()["keep"] != "none";
        double bits = 0, count = 0;
        const auto sink = [&](CompressedLayer&& layer) -> Result<void> {
            if (layer.mask.defined()) {
                for (const auto& [name, mask] : subject_->stored(layer.report.name, layer.mask))
                    VITRINE_TRY_VOID(masks.set(name, mask));
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
            return mayKeep ? packed.add(layer.report.name, std::move(layer.saved)) : Result<void>();
        };
        VITRINE_TRY(const auto driven, compressModel(*blocks, named.plan, run_.job(), sink));
        VITRINE_TRY(const auto score, subject_->measure());
        Json row{{"plan", named.name},
                 {"method", named.plan.text()},
                 {"control", named.control},
                 {"bits_per_weight", count > 0 ? bits / count : 0},
                 {"relative_error", meanError(reports)},
                 {"calibrated_tokens", driven.tokens},
                 {"statistics_bytes", driven.largestStatisticsBytes}};
        results_.addTimes(named.name,
                          {{"calibration_seconds", driven.calibrationSeconds},
                           {"compression_seconds", driven.compressionSeconds},
                           {"rerun_seconds", driven.rerunSeconds}},
                          score);
        run_.metric("time/compression, seconds/" + named.name, 0, driven.compressionSeconds);
        for (const LayerReport& report : reports)
            results_.addLayer(named.name, report.json());
        results_.addRow(std::move(row), score);
        VITRINE_TRY_VOID(keepSpectra(named, spectra));
        CompressedWeights weights = packed.take();
        VITRINE_TRY_VOID(keep(named, score.loss, weights, masks));
        subject_->unload();
        return run_.saveState(state());
    }

    static std::string roleOf(const std::string& layer) { return layer.substr(layer.rfind('.') + 1); }

    static double meanError(const std::vector<LayerReport>& reports) {
        double sum = 0;
        for (const LayerReport& report : reports)
            sum += report.relativeError;
        return reports.empty() ? 0 : sum / double(reports.size());
    }

    // The folder of a control, or where nothing is to be kept, goes when it was measured.
    Result<void> cutBy(const VitStructurePlan& plan) {
        VITRINE_TRY_VOID(subject_->load());
        const std::string wanted = run_.settings()["output"];
        const fs::path folder =
            (wanted.empty() ? run_.project().runFolder(run_.run().id) : fs::path(wanted)) /
            plainFileName(plan.text());
        VITRINE_TRY(Json row, subject_->cut(plan, folder, lineage(plan.text())));
        VITRINE_TRY(const auto score, subject_->measure());
        row["plan"] = row["method"] = plan.text();
        row["control"] = plan.random;
        if (!plan.random && run_.settings()["controls"])
            row["control_plan"] = controlOf(plan).text();
        row["bits_per_weight"] = subject_->denseBits();
        results_.addRow(std::move(row), score);
        results_.addTimes(plan.text(), {}, score);
        subject_->unload();
        if (plan.random || run_.settings()["keep"] == "none") {
            std::error_code ignored;
            fs::remove_all(folder, ignored);
        } else {
            run_.log("model folder: " + folder.string());
        }
        return run_.saveState(state());
    }

    Json lineage(const std::string& plan) const {
        Json origin{{"compressed_from", subject_->identity()},
                    {"weights", fingerprint_},
                    {"plan", plan},
                    {"calibration", subject_->dataHash()},
                    {"seed", run_.seed()}};
        origin.update(subject_->calibration());
        return origin;
    }

    // What a picture of the repair needs: singular values, and the error's energy along the inputs'
    // eigenvectors.
    Result<void> keepSpectra(const NamedPlan& named, const NamedTensors& spectra) {
        if (spectra.empty())
            return {};
        VITRINE_TRY(const auto scratch, run_.checkpointFolder());
        VITRINE_TRY_VOID(writeTensors(scratch / "spectra.tmp", spectra, {{"kind", "error spectra"}}));
        VITRINE_TRY(
            [[maybe_unused]] const auto stored,
            run_.putArtifactFile(
                plainFileName(named.name) + "/spectra.safetensors", scratch / "spectra.tmp",
                {.kind = "spectra", .mediaType = kSafetensors, .provenance = lineage(named.plan.text())},
                true));
        return {};
    }

    Result<void> keep(const NamedPlan& named, double loss, CompressedWeights& weights, MaskSet& masks) {
        const std::string name = plainFileName(named.name);
        VITRINE_TRY(const auto scratch, run_.checkpointFolder());
        const Json origin = lineage(named.plan.text());
        if (!masks.names().empty()) {
            masks.metadata = {
                {"plan", named.plan.text()}, {"model", subject_->identity()}, {"lineage", origin.dump()}};
            VITRINE_TRY_VOID(masks.save(scratch / "masks.tmp"));
            VITRINE_TRY([[maybe_unused]] const auto stored,
                        run_.putArtifactFile(
                            name + "/masks.safetensors", scratch / "masks.tmp",
                            {.kind = "masks", .mediaType = kSafetensors, .provenance = origin}, true));
        }
        const std::string policy = run_.settings()["keep"];
        const bool better = !named.control && results_.takeIfBest(loss, subject_->scoreColumns());
        if (named.control || policy == "none" || (policy == "best" && !better))
            return {};
        return exportModel(policy == "best" ? "best" : name, origin, weights);
    }

    Result<void> exportModel(const std::string& name, const Json& origin, CompressedWeights& weights) {
        const std::string wanted = run_.settings()["output"];
        const fs::path folder =
            (wanted.empty() ? run_.project().runFolder(run_.run().id) : fs::path(wanted)) / name;
        VITRINE_TRY_VOID(subject_->save(folder, weights, origin));
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
        options.tokens = run_.settings()["speed_tokens"].get<std::vector<int64_t>>();
        VITRINE_TRY(const auto rows, measureSparseSpeed(shapes_, options, run_.job()));
        Json list = Json::array();
        for (const auto& row : rows) {
            list.push_back(row.json());
            run_.metric(fmt::format("time/2:4 speed/{} x {}", row.outputs, row.inputs), row.tokens,
                        row.speedup());
        }
        results_.setSpeed({{"rows", std::move(list)}, {"verdict", sparseVerdict(rows)}});
        run_.log("2:4 products on this machine: " + sparseVerdict(rows));
        return run_.saveState(state());
    }

    RunContext& run_;
    std::unique_ptr<CompressSubject> subject_;
    std::string fingerprint_;
    std::vector<NamedPlan> plans_;
    std::vector<std::pair<int64_t, int64_t>> shapes_;  // (outputs, inputs) of the layers that can be 2:4
    CompressResults results_;
};

}  // namespace

JobKind compressKind() {
    JobKind kind;
    kind.name = "compress";
    kind.summary = "Prune, quantise and compensate a language model or an encoder, against dense and random";
    kind.settingsSchema = compressSettingsSchema();
    kind.run = [](RunContext& run) { return CompressJob(run).execute(); };
    return kind;
}

}  // namespace vitrine
