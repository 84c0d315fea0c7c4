// A vision encoder and its pictures as a subject of compression: how far its features are from the dense
// encoder's, and how many of labelled pictures it tells apart.
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/compress/encoder_blocks.h"
#include "core/engine/compress_subject.h"
#include "core/engine/labelled_sets.h"
#include "core/engine/model_store.h"
#include "core/engine/picture_batches.h"
#include "core/engine/picture_list.h"
#include "core/io/safetensors.h"

#include <algorithm>
#include <chrono>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kWatchedPart = 4;  // one in four pictures is measured on, not calibrated with
constexpr double kSame = 1e-4;       // relative; features of the stored folder against those measured

// What one model says of the pictures that are measured on.
struct Views {
    at::Tensor features;             // (cells, C) of all pictures
    at::Tensor summaries;            // (pictures, S)
    std::optional<double> accuracy;  // share of labelled pictures that are told right
};

at::Tensor cells(const at::Tensor& features) {
    return features.permute({0, 2, 3, 1}).reshape({-1, features.size(1)}).to(at::kCPU, at::kFloat);
}

double relativeSquare(const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).square().sum() / b.square().sum().clamp_min(1e-12)).item<double>();
}

double meanCosine(const at::Tensor& a, const at::Tensor& b) {
    return at::cosine_similarity(a, b, 1, 1e-8).mean().item<double>();
}

class EncoderSubject : public CompressSubject {
  public:
    explicit EncoderSubject(RunContext& run) : run_(run) {}

    Result<void> load() override {
        unload();
        const std::string path = run_.settings()["model"];
        run_.job().beginStage("loading the encoder", 1);
        VITRINE_TRY(stored_, store_.load(path, run_.recipe().value("device", "cpu"), "float32"));
        identity_ = stored_->description.identity;
        run_.job().advance();
        return {};
    }
    void unload() override {
        if (stored_)
            store_.unload(stored_->description.id);
        stored_ = nullptr;
    }

    Result<void> openData() override {
        VITRINE_TRY(const std::vector<std::string> files, namedPictures());
        std::vector<std::string> calibration, watched;
        for (size_t index = 0; index < files.size(); ++index)
            (files.size() > 1 && index % kWatchedPart == kWatchedPart - 1 ? watched : calibration)
                .push_back(files[index]);
        if (watched.empty())
            watched = calibration;
        VITRINE_TRY(calibration_, pixelsOf(calibration, "calibration pictures"));
        VITRINE_TRY(watched_, pixelsOf(watched, "pictures to compare on"));
        calibrated_ = int64_t(calibration.size());
        VITRINE_TRY_VOID(openLabelled());
        VITRINE_TRY(dense_, look());
        Sha256 hash;
        for (const auto* list : {&calibration_, &watched_, &labelled_})
            for (const at::Tensor& pixels : *list) {
                const at::Tensor bytes = pixels.cpu().contiguous();
                hash.update(std::span(static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes()));
            }
        dataHash_ = hash.hexDigest();
        return run_.usedInput("data", dataHash_,
                              fmt::format("{} pictures, {} more to compare on", calibrated_, watched.size()));
    }

    Result<std::unique_ptr<BlockModel>> blocks() override {
        return encoderBlocks(*stored_->model, calibration_);
    }

    Result<SubjectScore> measure() override {
        const auto start = std::chrono::steady_clock::now();
        VITRINE_TRY(const Views views, look());
        SubjectScore score;
        score.loss = relativeSquare(views.features, dense_.features);
        const double cosine = meanCosine(views.features, dense_.features);
        score.row = {{"feature_error", score.loss}, {"feature_cosine", cosine}};
        score.metrics = {{"feature error", score.loss}, {"feature cosine", cosine}};
        score.text = fmt::format("features {:.4f} from the dense ones (cosine {:.4f})", score.loss, cosine);
        if (views.summaries.defined()) {
            score.row["summary_cosine"] = meanCosine(views.summaries, dense_.summaries);
            score.metrics["summary cosine"] = score.row["summary_cosine"];
        }
        if (views.accuracy) {
            score.row["accuracy"] = *views.accuracy;
            score.metrics["accuracy"] = *views.accuracy;
            score.text += fmt::format(", {:.0f} of {} labelled pictures right ({})",
                                      *views.accuracy * double(labels_.numel()), labels_.numel(),
                                      stored_->model->classifier() ? "its own head" : "nearest neighbour");
        }
        score.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return score;
    }

    // The tensors of the checkpoint, those of compressed layers in their new form.
    Result<void> save(const fs::path& folder, CompressedWeights& weights, const Json& lineage) override {
        VITRINE_TRY(const ModelFolder original, openModelFolder(run_.settings()["model"].get<std::string>()));
        VITRINE_TRY(auto tensors, readAllTensors(*original.weights));
        VITRINE_TRY(const auto blocks, encoderBlocks(*stored_->model, {}));
        std::vector<std::string> names;
        for (const auto& [name, tensor] : tensors)
            names.push_back(name);
        for (int64_t block = 0; block < blocks->depth(); ++block)
            for (const BlockLinear& linear : blocks->linears(block)) {
                if (!weights.layers.contains(linear.name))
                    continue;
                const std::string name = storedWeightName(names, linear.name);
                if (name.empty())
                    return fail(ErrorCode::Unsupported,
                                "the checkpoint does not store this layer as one weight", linear.name,
                                "Leave it out (\"skip\" of the plan), or keep masks only (settings.keep)");
                tensors[name] = linear.weight.detach().cpu().to(tensors[name].scalar_type());
            }
        VITRINE_TRY_VOID(writeFolder(folder, original, tensors, lineage, 0));
        weights.metadata["lineage"] = lineage.dump();
        VITRINE_TRY_VOID(weights.save(folder / "compressed.safetensors"));
        return checkFolder(folder);
    }

    Result<Json> cut(const VitStructurePlan& plan, const fs::path& folder, const Json& lineage) override {
        const EncoderInfo info = stored_->description.info;
        if (info.family != "vit_cifar")
            return fail(ErrorCode::Unsupported,
                        fmt::format("structures of the family \"{}\" are not cut yet", info.family),
                        "settings.structures", "Those of ViTs of the family vit_cifar are");
        VITRINE_TRY_VOID(plan.validate(info.layerCount));
        if (ranking_.heads.empty()) {
            VITRINE_TRY(const auto dense, encoderBlocks(*stored_->model, calibration_));
            VITRINE_TRY(ranking_, rankVit(*dense, info.headCount, run_.job()));
        }
        VITRINE_TRY(const ModelFolder original, openModelFolder(run_.settings()["model"].get<std::string>()));
        VITRINE_TRY(const auto tensors, readAllTensors(*original.weights));
        VITRINE_TRY(const auto smaller, cutVit(tensors, ranking_, plan, info.headCount));
        VITRINE_TRY_VOID(writeFolder(folder, original, smaller, lineage, info.headCount));
        unload();
        VITRINE_TRY(stored_, store_.load(folder, run_.recipe().value("device", "cpu"), "float32"));
        const int64_t after = stored_->description.info.parameterCount;
        return Json{{"parameters", after}, {"kept_parameters", double(after) / double(info.parameterCount)}};
    }

    std::vector<std::string> scoreColumns() const override {
        return {"feature_error", "feature_cosine", "summary_cosine", "accuracy", "difference_to_dense"};
    }
    double denseBits() const override { return 32; }
    Json calibration() const override { return {{"pictures", calibrated_}}; }

  private:
    // `heads`: as many as the heads' width was counted from; 0: as the configuration has it.
    static Result<void> writeFolder(const fs::path& folder, const ModelFolder& original,
                                    const std::map<std::string, at::Tensor>& tensors, const Json& lineage,
                                    int64_t heads) {
        std::error_code problem;
        fs::create_directories(folder, problem);
        if (problem)
            return fail(ErrorCode::IoFailure, problem.message(), folder.string());
        VITRINE_TRY_VOID(writeTensors(folder / "model.safetensors", tensors));
        Json config = original.config;
        config["vitrine"] = lineage;
        if (heads > 0)
            config["num_attention_heads"] = heads;
        VITRINE_TRY_VOID(writeFileAtomically(folder / "config.json", config.dump(2) + "\n"));
        if (!original.preprocessor)
            return {};
        return writeFileAtomically(folder / "preprocessor_config.json",
                                   original.preprocessor->dump(2) + "\n");
    }

    // Files, folders, and the records of CIFAR binary files; at most as many as are asked for.
    Result<std::vector<std::string>> namedPictures() {
        const int64_t limit = run_.settings()["picture_limit"];
        std::vector<std::string> all, plain;
        for (const std::string& path : run_.settings()["pictures"].get<std::vector<std::string>>()) {
            if (fs::path(path).extension() != ".bin") {
                plain.push_back(path);
                continue;
            }
            VITRINE_TRY(const ClassifiedPictures records, openClassifiedPictures(path, {}, run_.job()));
            all.insert(all.end(), records.paths.begin(), records.paths.end());
        }
        if (!plain.empty()) {
            VITRINE_TRY(const auto files, listPictures(plain, {true, 0}, &run_.job()));
            for (const fs::path& file : files)
                all.push_back(file.string());
        }
        if (limit == 0 || int64_t(all.size()) <= limit)
            return all;
        std::vector<std::string> spread;
        for (int64_t index = 0; index < limit; ++index)
            spread.push_back(all[size_t(index) * all.size() / size_t(limit)]);
        return spread;
    }

    Result<std::vector<at::Tensor>> pixelsOf(const std::vector<std::string>& paths, const char* stage) {
        PictureSet set;
        set.paths = paths;
        set.resolution = run_.settings()["resolution"];
        set.batchSize = run_.settings()["batch"];
        BatchSource source;
        source.models = {stored_};
        source.square = true;  // batches of one size
        source.stage = fmt::format("reading {}", stage);
        source.read = readSetPicture;
        std::vector<SkippedPicture> skipped;
        std::vector<at::Tensor> batches;
        order_.clear();
        const auto use = [&](const PictureBatch& batch) -> Result<void> {
            batches.push_back(batch.models.front().pixels.clone());
            order_.insert(order_.end(), batch.pictures.begin(), batch.pictures.end());
            return {};
        };
        const auto all = forEachBatch(set, source, run_.job(), skipped, use);
        if (!all)
            return fail(all.error().in(paths.front()));
        for (const SkippedPicture& picture : skipped)
            run_.log(fmt::format("left out: {} ({})", picture.path, picture.reason));
        return batches;
    }

    Result<void> openLabelled() {
        const std::string source = run_.settings()["test"];
        if (source.empty())
            return {};
        VITRINE_TRY(const ClassifiedPictures set, openClassifiedPictures(source, {}, run_.job()));
        VITRINE_TRY(labelled_, pixelsOf(set.paths, "labelled pictures"));
        std::vector<int64_t> labels;
        for (const size_t picture : order_)
            labels.push_back(set.labels[picture]);
        labels_ = at::tensor(labels, at::kLong);
        if (!stored_->model->classifier())
            return {};
        // A head knows its own numbers of classes: CIFAR's files have them, folders only in sorted order.
        run_.log(fmt::format("classes by their number in sorted order of names: {}",
                             fmt::join(set.classes, ", ")));
        if (fs::path(source).extension() != ".bin")
            return {};
        VITRINE_TRY(labels_, numbersInTheFile(source));
        return {};
    }

    // The class bytes of a CIFAR file, in the order in which its pictures were read.
    Result<at::Tensor> numbersInTheFile(const std::string& file) const {
        constexpr size_t kRecord = 1 + 3 * 32 * 32;
        VITRINE_TRY(const std::string content, readFile(file, size_t(1) << 30));
        std::vector<int64_t> numbers;
        for (const size_t picture : order_)
            numbers.push_back(int64_t(uint8_t(content.at(picture * kRecord))));
        return at::tensor(numbers, at::kLong);
    }

    Result<Views> look() {
        const at::NoGradGuard plain;
        run_.job().beginStage("features", int64_t(watched_.size() + labelled_.size()));
        Views views;
        std::vector<at::Tensor> features, summaries;
        for (const at::Tensor& pixels : watched_) {
            VITRINE_TRY_VOID(run_.job().checkStop());
            VITRINE_TRY(const EncoderOutput output, stored_->model->encoder()->encode(pixels, {}));
            features.push_back(cells(output.features));
            if (output.summary.defined())
                summaries.push_back(output.summary.to(at::kCPU, at::kFloat));
            run_.job().advance();
        }
        views.features = at::cat(features);
        if (!summaries.empty())
            views.summaries = at::cat(summaries);
        if (!labelled_.empty()) {
            VITRINE_TRY(views.accuracy, accuracy());
        }
        return views;
    }

    // By the model's own head, else by the nearest other picture.
    Result<std::optional<double>> accuracy() {
        const ImageClassifier* head = stored_->model->classifier();
        std::vector<at::Tensor> rows;
        for (const at::Tensor& pixels : labelled_) {
            VITRINE_TRY_VOID(run_.job().checkStop());
            if (head) {
                VITRINE_TRY(const at::Tensor logits, head->classify(pixels));
                rows.push_back(logits.argmax(1).cpu());
            } else {
                VITRINE_TRY(const EncoderOutput output, stored_->model->encoder()->encode(pixels, {}));
                const at::Tensor vectors =
                    output.summary.defined() ? output.summary : output.features.mean({2, 3});
                rows.push_back(vectors.to(at::kCPU, at::kFloat));
            }
            run_.job().advance();
        }
        at::Tensor predicted = at::cat(rows);
        if (!head) {
            const at::Tensor unit = predicted / predicted.norm(2, {1}, true).clamp_min(1e-12);
            const at::Tensor similar = unit.matmul(unit.t()).fill_diagonal_(-2);
            predicted = labels_.index_select(0, similar.argmax(1));
        }
        return std::optional(predicted.eq(labels_).to(at::kDouble).mean().item<double>());
    }

    // A folder that was written is opened again: what it computes must be what was measured.
    Result<void> checkFolder(const fs::path& folder) {
        VITRINE_TRY(const auto again, loadModel(folder, {}));
        double largest = 0;
        for (const at::Tensor& pixels : watched_) {
            VITRINE_TRY(const EncoderOutput here, stored_->model->encoder()->encode(pixels, {}));
            VITRINE_TRY(const EncoderOutput there, again->encoder()->encode(pixels.cpu(), {}));
            largest = std::max(largest, relativeSquare(cells(there.features), cells(here.features)));
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
    std::vector<at::Tensor> calibration_, watched_, labelled_;  // pixels, batch by batch
    std::vector<size_t> order_;  // of the pictures read last: their places in the list of paths
    at::Tensor labels_;
    Views dense_;
    VitRanking ranking_;
    int64_t calibrated_ = 0;
};

}  // namespace

std::unique_ptr<CompressSubject> encoderSubject(RunContext& run) {
    return std::make_unique<EncoderSubject>(run);
}

}  // namespace vitrine
