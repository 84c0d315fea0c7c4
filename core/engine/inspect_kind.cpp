#include "core/engine/inspect_kind.h"

#include "core/engine/html_report.h"
#include "core/engine/input_kind.h"
#include "core/engine/map_names.h"
#include "core/io/model_folder.h"
#include "core/media/image_folder.h"
#include "core/media/image_reader.h"
#include "core/media/image_writer.h"
#include "core/media/resample.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <functional>
#include <set>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMapLongSide = 448;  // pixels of the maps in the report

struct Inputs {
    std::vector<fs::path> pictures;
    std::vector<fs::path> models;
};

Result<Inputs> sortInputs(const Json& paths, JobContext& job) {
    Inputs inputs;
    for (const std::string path : paths) {
        VITRINE_TRY(const InputKind kind, inputKindOf(path));
        if (kind == InputKind::Picture) {
            inputs.pictures.emplace_back(path);
        } else if (kind == InputKind::Model) {
            inputs.models.emplace_back(path);
        } else {
            VITRINE_TRY(const ImageFolderList list, listImages(path, {}, &job));
            inputs.pictures.insert(inputs.pictures.end(), list.images.begin(), list.images.end());
        }
    }
    if (inputs.pictures.empty())
        return fail(ErrorCode::InvalidArgument, "there are no pictures among the inputs", {},
                    "Name a picture or a folder of pictures");
    if (inputs.models.empty())
        return fail(ErrorCode::InvalidArgument, "there is no model among the inputs", {},
                    "Name a model folder or a weight file");
    return inputs;
}

ImageSize mapSize(ImageSize picture) {
    const double scale = double(kMapLongSide) / double(std::max(picture.width, picture.height));
    return {std::max<int64_t>(1, std::llround(double(picture.width) * scale)),
            std::max<int64_t>(1, std::llround(double(picture.height) * scale))};
}

struct Shown {
    const char* caption;
    MapKind kind;
    const char* upsampler;
    bool shared;  // PCA in the basis of all pictures
    ColorMap colors;
};

constexpr Shown kShown[] = {
    {"picture", MapKind::Image, "none", false, ColorMap::Grey},
    {"as the model saw it", MapKind::ModelInput, "none", false, ColorMap::Grey},
    {"PCA, patches", MapKind::Pca, "nearest", true, ColorMap::Grey},
    {"PCA, joint bilateral", MapKind::Pca, "jbu", true, ColorMap::Grey},
    {"similarity to the centre", MapKind::Similarity, "jbu", false, ColorMap::Viridis},
    {"token norms", MapKind::Norms, "nearest", false, ColorMap::Magma},
};

class InspectJob {
  public:
    InspectJob(RunContext& run, std::unique_ptr<InspectEngine> engine)
        : run_(run), engine_(std::move(engine)) {}

    Result<void> execute() {
        const Json& settings = run_.settings();
        VITRINE_TRY(const Inputs inputs, sortInputs(settings["inputs"], run_.job()));
        VITRINE_TRY_VOID(choosePictures(inputs.pictures, size_t(settings["limit"].get<int64_t>())));
        for (const fs::path& path : inputs.models)
            VITRINE_TRY_VOID(inspectModel(path));
        run_.metric("pictures/left out", 0, double(leftOut_.rows.size()));
        if (!leftOut_.rows.empty())
            sections_.push_back({"Left out", {}, {}, leftOut_});
        // No run id or date inside: equal results must have equal hashes.
        const std::string html = htmlReport(
            "Vitrine inspection",
            fmt::format("{} pictures, {} models", pictures_.size(), inputs.models.size()), sections_);
        VITRINE_TRY([[maybe_unused]] const StoredFile file,
                    run_.putArtifact("report.html", html, {.kind = "report", .mediaType = "text/html"}));
        return {};
    }

  private:
    // The first `limit` pictures that can be read.
    Result<void> choosePictures(const std::vector<fs::path>& candidates, size_t limit) {
        run_.job().beginStage("reading pictures", int64_t(std::min(candidates.size(), limit)));
        for (const fs::path& picture : candidates) {
            if (pictures_.size() == limit)
                break;
            VITRINE_TRY_VOID(run_.job().checkStop());
            VITRINE_TRY(const bool readable, isReadable(picture));
            if (!readable)
                continue;
            pictures_.push_back(picture);
            run_.job().advance();
        }
        return somethingLeft();
    }

    // One that is not, is listed with its reason.
    Result<bool> isReadable(const fs::path& picture) {
        const auto image = readImage(picture);
        if (image)
            return true;
        if (image.error().code == ErrorCode::OutOfMemory)
            return fail(image.error());
        run_.log("left out: " + image.error().text());
        leftOut_.rows.push_back({picture.string(), image.error().message});
        return false;
    }

    Result<void> somethingLeft() const {
        if (!pictures_.empty())
            return {};
        const auto& first = leftOut_.rows.front();
        return fail(ErrorCode::InvalidFile, "not one picture could be read: " + first.back(), first.front());
    }

    // Carries out `work` on pictures_; where it fails because pictures have vanished since they were read,
    // again without those.
    Result<void> withoutVanished(const std::function<Result<void>()>& work) {
        while (true) {
            auto done = work();
            if (done || done.error().code == ErrorCode::Cancelled ||
                done.error().code == ErrorCode::OutOfMemory)
                return done;
            std::vector<fs::path> still;
            for (const fs::path& picture : pictures_) {
                VITRINE_TRY(const bool readable, isReadable(picture));
                if (readable)
                    still.push_back(picture);
            }
            if (still.size() == pictures_.size())
                return done;
            pictures_ = std::move(still);
            VITRINE_TRY_VOID(somethingLeft());
        }
    }

    Result<void> inspectModel(const fs::path& path) {
        const std::string device = run_.recipe().value("device", "cpu");
        VITRINE_TRY(const LoadedModel model,
                    engine_->loadModel(path, device, run_.settings()["dtype"], run_.job()));
        VITRINE_TRY_VOID(run_.usedInput("model", model.identity, model.path));
        run_.job().beginStage("fitting one basis to all pictures", 0);
        const std::string basis = model.info.name + " basis";
        VITRINE_TRY_VOID(withoutVanished([&]() -> Result<void> {
            std::vector<FeatureSource> sources;
            for (const fs::path& picture : pictures_)
                sources.push_back(sourceOf(model, picture));
            VITRINE_TRY_VOID(engine_->lockBasis(basis, sources, run_.job()));
            return {};
        }));
        run_.job().beginStage("making maps with " + model.info.name, int64_t(pictures_.size()));
        double encodeMilliseconds = 0;
        std::set<fs::path> done;
        VITRINE_TRY_VOID(withoutVanished([&]() -> Result<void> {
            for (const fs::path& picture : pictures_) {
                if (done.contains(picture))
                    continue;
                VITRINE_TRY_VOID(run_.pausePoint());
                VITRINE_TRY_VOID(inspectPicture(model, sourceOf(model, picture), basis, int64_t(done.size()),
                                                encodeMilliseconds));
                done.insert(picture);
                run_.job().advance();
            }
            return {};
        }));
        run_.metric("time/" + model.info.name + "/milliseconds per picture", 0,
                    encodeMilliseconds / double(std::max<size_t>(1, done.size())));
        return withoutVanished([&]() { return summarise(model); });
    }

    FeatureSource sourceOf(const LoadedModel& model, const fs::path& picture) const {
        FeatureSource source;
        source.modelId = model.id;
        source.imagePath = picture.string();
        source.layer = run_.settings()["layer"];
        source.resolution = run_.settings()["resolution"];
        return source;
    }

    Result<void> inspectPicture(const LoadedModel& model, const FeatureSource& source,
                                const std::string& basis, int64_t step, double& milliseconds) {
        VITRINE_TRY(const ImageHeader header, readImageHeader(source.imagePath));
        ReportSection section;
        const std::string name = fs::path(source.imagePath).filename().string();
        section.title = fmt::format("{} · {}", name, model.info.name);
        section.text = fmt::format("{}x{} pixels", header.size.width, header.size.height);
        for (const Shown& shown : kShown) {
            MapRequest request;
            request.kind = shown.kind;
            request.source = source;
            request.upsampler = shown.upsampler;
            request.outputSize = mapSize(header.size);
            if (shown.shared)
                request.pca.lockedBasis = basis;
            request.probe =
                Probe{source.imagePath, {double(header.size.width) / 2, double(header.size.height) / 2}};
            VITRINE_TRY(const MapResult map, engine_->render(request, run_.job()));
            milliseconds += map.milliseconds;
            Image picture = pictureOfMap(map, shown.colors);
            if (shown.kind == MapKind::Image || shown.kind == MapKind::ModelInput) {
                VITRINE_TRY(picture, resize(picture, mapSize(picture.size()), Resampling::Bicubic));
            }
            VITRINE_TRY(const std::string png, encodeImage(picture, ".png"));
            section.pictures.push_back({shown.caption, png, map.provenance.dump(2)});
            VITRINE_TRY(
                [[maybe_unused]] const StoredFile file,
                run_.putArtifact(
                    fmt::format("{}/{}/{}.png", model.info.name, fs::path(name).stem().string(),
                                shown.caption),
                    png,
                    {.kind = "image", .step = step, .mediaType = "image/png", .provenance = map.provenance}));
            if (shown.kind == MapKind::Norms && map.values)
                run_.metric(model.info.name + "/token norm, 99th percentile", step, map.displayRange().high);
        }
        sections_.push_back(std::move(section));
        return {};
    }

    // Statistics over all pictures and each picture's nearest neighbour.
    Result<void> summarise(const LoadedModel& model) {
        const FeatureSource source = sourceOf(model, pictures_.front());
        const std::vector<std::string> paths(pictures_.begin(), pictures_.end());
        ReportSection section;
        section.title = "All pictures · " + model.info.name;
        VITRINE_TRY(const FeatureStatistics statistics, engine_->statistics(source, paths, run_.job()));
        section.text =
            fmt::format("{} tokens of {} channels: mean {:.4g}, standard deviation {:.4g}, RankMe {:.1f}",
                        statistics.tokenCount, statistics.channelCount, statistics.mean,
                        statistics.standardDeviation, statistics.rankMe);
        run_.metric(model.info.name + "/feature mean", 0, statistics.mean);
        run_.metric(model.info.name + "/feature std", 0, statistics.standardDeviation);
        run_.metric(model.info.name + "/RankMe", 0, statistics.rankMe);
        if (paths.size() > 1) {
            VITRINE_TRY(const SummaryEmbedding embedding, engine_->embed(source, paths, 1, run_.job()));
            section.table.header = {"picture", "nearest by summary"};
            for (size_t i = 0; i < embedding.imagePaths.size() && embedding.nearestCount > 0; ++i)
                section.table.rows.push_back(
                    {fs::path(embedding.imagePaths[i]).filename().string(),
                     fs::path(embedding.imagePaths[size_t(embedding.nearest[i])]).filename().string()});
        }
        sections_.push_back(std::move(section));
        return {};
    }

    RunContext& run_;
    std::unique_ptr<InspectEngine> engine_;
    std::vector<fs::path> pictures_;  // those that can be read
    ReportTable leftOut_{{"picture", "why"}, {}};
    std::vector<ReportSection> sections_;
};

}  // namespace

JobKind inspectKind(std::unique_ptr<InspectEngine> (*createEngine)()) {
    JobKind kind;
    kind.name = "inspect";
    kind.summary =
        "Encode pictures, keep PCA maps, upsampled features, similarity maps and statistics, write a report";
    kind.settingsSchema = Json::parse(R"({"type": "object", "required": ["inputs"], "properties": {
      "inputs": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Inputs", "description": "pictures, folders of pictures and models"},
      "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Resolution", "unit": "pixels", "description": "model pixels of the short side; 0: what the model prefers"},
      "layer": {"type": "integer", "minimum": -1, "default": -1, "title": "Layer", "description": "hidden state; -1: the final features"},
      "limit": {"type": "integer", "minimum": 1, "default": 12, "title": "Pictures at most"},
      "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Compute in"}}})");
    kind.run = [createEngine](RunContext& run) { return InspectJob(run, createEngine()).execute(); };
    return kind;
}

}  // namespace vitrine
