// A vision encoder and its pictures as a subject of compression.
#include "core/base/stopwatch.h"
#include "core/compress/encoder_blocks.h"
#include "core/compress/encoder_checkpoint.h"
#include "core/compress/feature_difference.h"
#include "core/engine/encoder_views.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr double kSame = 1e-4;  // relative; features of the stored folder against those measured

class EncoderSubject : public CompressSubject {
  public:
    explicit EncoderSubject(RunContext& run) : run_(run) {}

    Result<void> load() override {
        unload();
        const std::string path = run_.settings()["model"];
        run_.job().beginStage("loading the encoder", 1);
        VITRINE_TRY(stored_, store_.load(path, run_.recipe().value("device", "cpu"), "float32"));
        identity_ = stored_->description.identity;
        if (shapes_.empty())
            VITRINE_TRY_VOID(lookAtCheckpoint(path));
        run_.job().advance();
        return {};
    }
    void unload() override {
        if (stored_)
            store_.unload(stored_->description.id);
        stored_ = nullptr;
        reduction_.reset();
    }

    Result<void> openData() override {
        VITRINE_TRY(data_, EncoderData::open(run_, *stored_));
        VITRINE_TRY(dense_,
                    viewsOf(*stored_, data_, run_.settings().value("correspondence", true), run_.job()));
        denseSizes_ = Json();
        (void)sizes();
        dataHash_ = data_.hash;
        return run_.usedInput(
            "data", dataHash_,
            fmt::format("{} pictures, {} more to compare on", data_.calibrated, data_.compared));
    }

    Result<std::unique_ptr<BlockModel>> blocks() override {
        return encoderBlocks(*stored_->model, data_.calibration);
    }

    Result<SubjectScore> measure() override {
        double seconds = 0;
        SubjectScore score;
        {
            const Stopwatch watch(seconds);
            VITRINE_TRY(const EncoderViews views,
                        viewsOf(*stored_, data_, run_.settings().value("correspondence", true), run_.job()));
            score = scoreViews(views, dense_, data_);
            score.row.update(sizes());
            score.times = {{"encoding_seconds", views.encodingSeconds}};
        }
        score.seconds = seconds;
        return score;
    }

    NamedTensors stored(const std::string& layer, const at::Tensor& rows) const override {
        NamedTensors tensors;
        for (const StoredRows& part : storedRows(shapes_, layer))
            tensors[part.tensor] = rows.narrow(0, part.first, part.count);
        return tensors;
    }

    // The tensors of the checkpoint, those of compressed layers in their new form.
    Result<void> save(const fs::path& folder, CompressedWeights& weights, const Json& lineage) override {
        VITRINE_TRY(const ModelFolder original, openModelFolder(run_.settings()["model"].get<std::string>()));
        VITRINE_TRY(PlainCheckpoint checkpoint, readPlainCheckpoint(original));
        VITRINE_TRY(const auto blocks, encoderBlocks(*stored_->model, {}));
        for (int64_t block = 0; block < blocks->depth(); ++block)
            for (const BlockLinear& linear : blocks->linears(block)) {
                if (!weights.layers.contains(linear.name))
                    continue;
                for (const auto& [name, rows] : stored(linear.name, linear.weight.detach()))
                    checkpoint.tensors[name] = rows.cpu().to(checkpoint.tensors[name].scalar_type());
            }
        checkpoint.config["vitrine"] = lineage;
        VITRINE_TRY_VOID(writeEncoderFolder(folder, original, checkpoint.config, checkpoint.tensors));
        weights.metadata["lineage"] = lineage.dump();
        VITRINE_TRY_VOID(weights.save(folder / "compressed.safetensors"));
        return checkFolder(folder);
    }

    Result<Json> cut(const VitStructurePlan& plan, const fs::path& folder, const Json& lineage) override {
        const EncoderInfo info = stored_->description.info;
        VITRINE_TRY_VOID(plan.validate(info.layerCount));
        VITRINE_TRY(const ModelFolder original, openModelFolder(run_.settings()["model"].get<std::string>()));
        VITRINE_TRY(PlainCheckpoint checkpoint, readPlainCheckpoint(original));
        Json row = Json::object();
        if (plan.cutsTensors()) {
            VITRINE_TRY_VOID(rank(info));
            VITRINE_TRY(const VitCut cut, cutVit(checkpoint.tensors, ranking_, plan));
            checkpoint.config = cutConfig(checkpoint.config, cut, info.headCount, info.featureWidth);
            checkpoint.tensors = cut.tensors;
            row["left"] = {{"blocks", cut.blocks}, {"heads", cut.heads}, {"neurons", cut.neurons}};
            row["opens_elsewhere"] = opensElsewhere(cut, info.headCount);
        }
        if (plan.tokens)
            checkpoint.config["token_reduction"] = plan.tokens->json();
        checkpoint.config["vitrine"] = lineage;
        VITRINE_TRY_VOID(writeEncoderFolder(folder, original, checkpoint.config, checkpoint.tensors));
        unload();
        VITRINE_TRY(stored_, store_.load(folder, run_.recipe().value("device", "cpu"), "float32"));
        reduction_ = plan.tokens;
        return row;
    }

    std::vector<std::string> scoreColumns() const override { return viewColumns(dense_); }
    double denseBits() const override { return 32; }
    Json calibration() const override { return {{"pictures", data_.calibrated}}; }

  private:
    // Said before anything is computed: a layer that cannot be written back.
    Result<void> lookAtCheckpoint(const std::string& path) {
        VITRINE_TRY(const ModelFolder folder, openModelFolder(path));
        shapes_ = plainShapes(*folder.weights);
        VITRINE_TRY(const auto blocks, encoderBlocks(*stored_->model, {}));
        for (int64_t block = 0; block < blocks->depth(); ++block)
            for (const BlockLinear& linear : blocks->linears(block)) {
                int64_t rows = 0;
                for (const StoredRows& part : storedRows(shapes_, linear.name))
                    rows += part.count;
                if (rows != linear.weight.size(0))
                    return fail(ErrorCode::Unsupported,
                                fmt::format("the checkpoint stores {} of the {} rows of this layer as plain "
                                            "matrices, so it could not be written back",
                                            rows, linear.weight.size(0)),
                                path + ": " + linear.name,
                                "Convert it to a folder with one weight for each layer");
            }
        int64_t parametrised = 0;
        for (const TensorInfo& info : folder.weights->tensors())
            parametrised += info.name.ends_with(".parametrizations.weight.original");
        if (parametrised > 0)
            run_.log(
                fmt::format("{} weights are spectrally re-parametrised: they are worked out, and what is "
                            "written has them plain (masks name them NAME.weight)",
                            parametrised));
        return {};
    }

    Result<void> rank(const EncoderInfo& info) {
        if (!ranking_.heads.empty())
            return {};
        VITRINE_TRY(const auto dense, encoderBlocks(*stored_->model, data_.calibration));
        VITRINE_TRY(ranking_, rankVit(*dense, info.featureWidth / info.headCount, run_.job()));
        return {};
    }

    // Of the model at hand: all parameters, weights of the layers in blocks, and operations of one picture of
    // the size that is compared on, also as parts of the dense model's.
    Json sizes() {
        const EncoderInfo& info = stored_->description.info;
        const at::Tensor& pixels = data_.watched.front();
        const int64_t patches = (pixels.size(2) / info.patchSize) * (pixels.size(3) / info.patchSize);
        std::vector<int64_t> tokens(size_t(info.layerCount), patches);
        if (reduction_)
            tokens = reduction_->schedule(info.layerCount, patches);
        for (int64_t& each : tokens)
            each += info.prefixTokenCount;
        const auto blocks = encoderBlocks(*stored_->model, {});
        if (!blocks)
            return Json::object();
        int64_t weights = 0;
        for (int64_t block = 0; block < (*blocks)->depth(); ++block)
            for (const BlockLinear& linear : (*blocks)->linears(block))
                weights += linear.weight.numel();
        Json row{{"parameters", info.parameterCount},
                 {"block_weights", weights},
                 {"operations", vitOperations(**blocks, patches + info.prefixTokenCount, tokens)}};
        if (denseSizes_.is_null())
            denseSizes_ = row;
        for (const char* key : {"parameters", "operations"})
            row[std::string("kept_") + key] = row[key].get<double>() / denseSizes_[key].get<double>();
        return row;
    }

    // A folder that was written is opened again: what it computes must be what was measured.
    Result<void> checkFolder(const fs::path& folder) {
        VITRINE_TRY(const auto again, loadModel(folder, {}));
        double largest = 0;
        for (const at::Tensor& pixels : data_.watched) {
            VITRINE_TRY(const EncoderOutput here, stored_->model->encoder()->encode(pixels, {}));
            VITRINE_TRY(const EncoderOutput there, again->encoder()->encode(pixels.cpu(), {}));
            largest = std::max(largest, relativeSquare(cellsOf(there.features), cellsOf(here.features)));
        }
        run_.log(
            fmt::format("the stored folder opens with the same features (relative error {:.1e})", largest));
        if (largest > kSame)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("the stored folder gives other features: relative error {:.3g}", largest),
                        folder.string());
        return {};
    }

    RunContext& run_;
    ModelStore store_;
    const StoredModel* stored_ = nullptr;
    StoredShapes shapes_;
    EncoderData data_;
    EncoderViews dense_;
    VitRanking ranking_;
    std::optional<nn::TokenReductionSettings> reduction_;  // of the model at hand
    Json denseSizes_;
};

}  // namespace

std::unique_ptr<CompressSubject> encoderSubject(RunContext& run) {
    return std::make_unique<EncoderSubject>(run);
}

}  // namespace vitrine
