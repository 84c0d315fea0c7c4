#include "core/engine/extract_kind.h"

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/feature_files.h"
#include "core/engine/model_store.h"
#include "core/engine/picture_encoder.h"
#include "core/engine/prefetcher.h"
#include "core/media/image_folder.h"
#include "core/media/image_reader.h"
#include "core/runs/run_context.h"

#include <chrono>
#include <future>
#include <map>
#include <thread>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// The state holds the index of all pictures done: writing it after each batch would take longer than
// encoding.
constexpr std::chrono::milliseconds kBetweenSaves(1000);

// A batch whose files are being written while the next one is encoded.
struct WrittenBatch {
    std::vector<ExtractedPicture> pictures;
    // What is true once they are written.
    size_t next = 0;
    int64_t reused = 0, failed = 0;
    std::future<Result<void>> written;
};

class ExtractJob {
  public:
    explicit ExtractJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        const Json& settings = run_.settings();
        VITRINE_TRY(model_, store_.load(settings["model"].get<std::string>(),
                                        run_.recipe().value("device", "cpu"), settings["dtype"]));
        VITRINE_TRY_VOID(run_.usedInput("model", model_->description.identity, model_->description.path));
        layers_ = settings["layers"].get<std::vector<int64_t>>();
        folder_ = settings["output"].get<std::string>().empty()
                      ? run_.project().folder() / "features"
                      : fs::path(settings["output"].get<std::string>());
        std::error_code problem;
        fs::create_directories(folder_, problem);
        if (problem)
            return fail(errorFromErrno(problem.value(), "make the folder", folder_));
        run_.log(fmt::format("features are kept in {}", folder_.string()));
        VITRINE_TRY(const std::vector<fs::path> pictures, listPictures());
        VITRINE_TRY_VOID(restore(pictures));
        return encodeAll(pictures);
    }

  private:
    Result<std::vector<fs::path>> listPictures() {
        std::vector<fs::path> pictures;
        for (const std::string path : run_.settings()["images"]) {
            std::error_code problem;
            if (!fs::is_directory(path, problem)) {
                pictures.emplace_back(path);
                continue;
            }
            VITRINE_TRY(const ImageFolderList list,
                        listImages(path, {.recursive = run_.settings()["recursive"]}, &run_.job()));
            pictures.insert(pictures.end(), list.images.begin(), list.images.end());
        }
        if (pictures.empty())
            return fail(ErrorCode::InvalidArgument, "there are no pictures to extract features from",
                        "settings.images");
        return pictures;
    }

    // --- state: everything before picture `next_` is done. A batch never reaches across it, so that a
    // resumed run makes the batches, and with them the bits, that an undisturbed one makes.
    Result<void> restore(const std::vector<fs::path>& pictures) {
        listHash_ = sha256Hex(fmt::format("{}", fmt::join(asText(pictures), "\n")));
        if (!run_.savedState())
            return {};
        const Json& state = *run_.savedState();
        if (state.value("pictures", "") != listHash_)
            return fail(ErrorCode::InvalidArgument, "the pictures are others than when this run was stopped",
                        "settings.images", "Start a new run");
        next_ = state["next"];
        index_ = state["index"].get<std::map<size_t, Json>>();
        encoded_ = state["encoded"];
        reused_ = state["reused"];
        failed_ = state["failed"];
        run_.log(fmt::format("going on from picture {} of {}", next_ + 1, pictures.size()));
        return {};
    }

    Result<void> saveState(const WrittenBatch& batch) {
        next_ = batch.next;
        const auto now = std::chrono::steady_clock::now();
        if (now - lastSave_ < kBetweenSaves)
            return {};
        lastSave_ = now;
        return run_.saveState({{"pictures", listHash_},
                               {"next", next_},
                               {"index", index_},
                               {"encoded", encoded_},
                               {"reused", batch.reused},
                               {"failed", batch.failed}});
    }

    static std::vector<std::string> asText(const std::vector<fs::path>& paths) {
        return {paths.begin(), paths.end()};
    }

    // Whether the features were there before this run: what a killed process of it wrote is made again.
    bool isCached(const fs::path& target) const {
        std::error_code problem;
        const auto written = fs::last_write_time(target, problem);
        if (problem)
            return false;
        const auto since = std::chrono::file_clock::to_sys(written).time_since_epoch();
        return std::chrono::duration<double>(since).count() < run_.run().created;
    }

    PreprocessOverride change() const {
        const int64_t resolution = run_.settings()["resolution"];
        return overrideFor(*model_, {resolution, resolution > 0 && run_.settings()["square"].get<bool>()});
    }

    ExtractedPicture prepare(const fs::path& picture, size_t index) const {
        ExtractedPicture prepared;
        prepared.index = index;
        prepared.picture = picture;
        const auto hash = sha256OfFile(picture);
        if (!hash) {
            prepared.error = hash.error();
            return prepared;
        }
        prepared.imageHash = *hash;
        const Json& settings = run_.settings();
        const std::string key =
            fmt::format("{}|{}|{}|{}|{}|{}", *hash, model_->description.identity, settings["layers"].dump(),
                        settings["resolution"].dump(), settings["square"].dump(), settings["dtype"].dump());
        prepared.target = folder_ / (sha256Hex(key).substr(0, 32) + ".safetensors");
        prepared.cached = isCached(prepared.target);
        if (prepared.cached)
            return prepared;
        const auto image = readImage(picture);
        auto input = image ? preprocess(*image, model_->preprocess, change())
                           : Result<PreprocessedImage>(fail(image.error()));
        if (input)
            prepared.input = std::move(*input);
        else
            prepared.error = input.error().where.empty() ? input.error().in(picture.string()) : input.error();
        return prepared;
    }

    Result<void> encodeAll(const std::vector<fs::path>& pictures) {
        const int64_t batchSize = run_.settings()["batch"];
        const size_t threads = std::max(1u, std::thread::hardware_concurrency() / 2);
        const size_t first = next_;
        Prefetcher<ExtractedPicture> prefetcher(pictures.size() - first, threads,
                                                size_t(2 * batchSize) + threads,
                                                [this, &pictures, first](size_t index) {
                                                    return prepare(pictures[first + index], first + index);
                                                });
        run_.job().beginStage("extracting features", int64_t(pictures.size()));
        run_.job().advance(int64_t(first));
        const auto started = std::chrono::steady_clock::now();
        std::vector<ExtractedPicture> batch;
        for (size_t index = 0; index < prefetcher.count(); ++index) {
            VITRINE_TRY_VOID(run_.pausePoint());
            ExtractedPicture prepared = prefetcher.take(index);
            if (prepared.error && prepared.error->code == ErrorCode::OutOfMemory)
                return fail(*prepared.error);
            if (prepared.error) {
                // One unreadable picture among thousands must not end the job: it is listed.
                ++failed_;
                run_.log("left out: " + prepared.error->text());
                run_.job().advance();
                continue;
            }
            if (prepared.cached) {
                ++reused_;
                remember(prepared);
                run_.job().advance();
                continue;
            }
            const bool fits = batch.empty() || (batch.front().input.height == prepared.input.height &&
                                                batch.front().input.width == prepared.input.width);
            if (!fits || int64_t(batch.size()) == batchSize)
                VITRINE_TRY_VOID(encodeBatch(batch, prepared.index));
            batch.push_back(std::move(prepared));
        }
        VITRINE_TRY_VOID(encodeBatch(batch, pictures.size()));
        VITRINE_TRY_VOID(finishWriting());
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
        // What was there before is no part of the result: the same features are, whoever made them.
        run_.metric("system/pictures encoded", 0, double(encoded_));
        run_.metric("system/pictures reused", 0, double(reused_));
        run_.metric("pictures/left out", 0, double(failed_));
        run_.metric("time/pictures per second", 0, double(prefetcher.count()) / std::max(seconds, 1e-9));
        VITRINE_TRY([[maybe_unused]] const StoredFile file,
                    run_.putArtifact("index.json", indexList().dump(2),
                                     {.kind = "index", .mediaType = "application/json"}));
        if (encoded_ + reused_ == 0)
            return fail(ErrorCode::InvalidFile, "not one picture could be read", {},
                        "See the run's events for the reasons");
        return {};
    }

    // `next`: the first picture after the batch.
    Result<void> encodeBatch(std::vector<ExtractedPicture>& batch, size_t next) {
        if (batch.empty())
            return {};
        std::vector<at::Tensor> pixels;
        pixels.reserve(batch.size());
        for (const ExtractedPicture& prepared : batch)
            pixels.push_back(at::from_blob(const_cast<float*>(prepared.input.pixels.data()),
                                           {3, prepared.input.height, prepared.input.width}, at::kFloat));
        EncodeRequest request;
        for (const int64_t layer : layers_)
            if (layer >= 0)
                request.layers.push_back(layer);
        VITRINE_TRY(EncoderOutput output, model_->model->encoder()->encode(
                                              at::stack(pixels).to(model_->device, model_->dtype), request));
        VITRINE_TRY_VOID(finishWriting());
        writing_.emplace(WrittenBatch{std::exchange(batch, {}), next, reused_, failed_, {}});
        writing_->written =
            std::async(std::launch::async, [this, output = std::move(output)]() -> Result<void> {
                for (size_t row = 0; row < writing_->pictures.size(); ++row)
                    VITRINE_TRY_VOID(writeFeatureFile(writing_->pictures[row], output, int64_t(row), layers_,
                                                      model_->description));
                return {};
            });
        return {};
    }

    Result<void> finishWriting() {
        if (!writing_)
            return {};
        VITRINE_TRY_VOID(writing_->written.get());
        for (const ExtractedPicture& picture : writing_->pictures) {
            remember(picture);
            run_.job().advance();
        }
        encoded_ += int64_t(writing_->pictures.size());
        VITRINE_TRY_VOID(saveState(*writing_));
        writing_.reset();
        return {};
    }

    void remember(const ExtractedPicture& prepared) {
        index_[prepared.index] = {{"picture", prepared.picture.string()},
                                  {"sha256", prepared.imageHash},
                                  {"features", prepared.target.filename().string()}};
    }

    Json indexList() const {
        Json list = Json::array();
        for (const auto& [index, entry] : index_)
            list.push_back(entry);
        return list;
    }

    RunContext& run_;
    ModelStore store_;
    const StoredModel* model_ = nullptr;
    std::vector<int64_t> layers_;
    fs::path folder_;
    std::string listHash_;
    std::chrono::steady_clock::time_point lastSave_ = std::chrono::steady_clock::now();
    size_t next_ = 0;               // the first picture that is not done
    std::map<size_t, Json> index_;  // by picture, in the order of the list
    int64_t encoded_ = 0, reused_ = 0, failed_ = 0;
    std::optional<WrittenBatch> writing_;  // last: its thread ends before what it uses
};

}  // namespace

JobKind extractKind() {
    JobKind kind;
    kind.name = "extract";
    kind.summary = "Extract features of many pictures as safetensors with coordinates";
    kind.settingsSchema = Json::parse(R"({"type": "object", "required": ["model", "images"], "properties": {
      "model": {"type": "string", "minLength": 1, "title": "Model", "description": "model folder or weight file"},
      "images": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Pictures", "description": "pictures and folders of pictures"},
      "recursive": {"type": "boolean", "default": false, "title": "Folders below too"},
      "layers": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": -1}, "default": [-1], "title": "Layers", "description": "hidden states; -1: the final features"},
      "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Resolution", "unit": "pixels", "description": "model pixels of the short side; 0: as preprocessor_config.json says"},
      "square": {"type": "boolean", "default": false, "title": "Square", "description": "resize to a square, so that pictures of all shapes go into one batch"},
      "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 8, "title": "Batch", "unit": "pictures"},
      "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Compute in"},
      "output": {"type": "string", "default": "", "title": "Folder for the files", "description": "empty: features/ of the project"}}})");
    kind.run = [](RunContext& run) {
        loadEnginePlugins();
        return ExtractJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
