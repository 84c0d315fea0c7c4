#include "core/engine/map_maker.h"

#include "core/base/stopwatch.h"
#include "core/base/version.h"
#include "core/engine/map_names.h"
#include "core/engine/tensor_memory.h"
#include "core/features/clustering.h"
#include "core/features/similarity.h"

#include <utility>

namespace vitrine {
namespace {

Json requestJson(const MapRequest& request, const StoredModel* model) {
    Json json = {{"map", mapKindName(request.kind)},
                 {"image", request.source.imagePath},
                 {"layer", request.source.layer},
                 {"adaptor", request.source.adaptor},
                 {"resolution", request.source.resolution},
                 {"upsampler", request.upsampler},
                 {"code", versionText()}};
    if (model) {
        json["model"] = model->description.path;
        json["modelIdentity"] = model->description.identity;
        json["dtype"] = model->description.dtype;
        json["device"] = model->description.device;
    }
    if (!request.source.trainedUpsampler.empty())
        json["trainedUpsampler"] = request.source.trainedUpsampler;
    if (request.source.windowSize)
        json["window"] = *request.source.windowSize;
    if (request.kind == MapKind::Pca) {
        json["firstComponent"] = request.pca.firstComponent;
        json["basis"] = request.pca.lockedBasis.empty() ? "fitted to this picture" : request.pca.lockedBasis;
    }
    if (request.probe)
        json["probe"] = {{"image", request.probe->imagePath},
                         {"x", request.probe->positionInImage.x},
                         {"y", request.probe->positionInImage.y}};
    if (request.kind == MapKind::Attention)
        json["head"] = request.head;
    if (request.kind == MapKind::Channel)
        json["channel"] = request.channel;
    if (request.kind == MapKind::Clusters)
        json["clusters"] = request.clusterCount;
    if (request.kind == MapKind::TextHeat)
        json["text"] = request.text;
    return json;
}

// (H, W, 3) uint8 -> picture.
std::shared_ptr<const Image> imageFrom(const at::Tensor& colors) {
    const at::Tensor plain = colors.cpu().contiguous();
    auto image = std::make_shared<Image>(ImageSize{plain.size(1), plain.size(0)}, 3, SampleType::U8);
    std::memcpy(image->data(), plain.const_data_ptr(), plain.nbytes());
    return image;
}

// (count, 3) uint8.
at::Tensor labelPalette(int64_t count) {
    at::Tensor palette = at::empty({count, 3}, at::kByte);
    auto access = palette.accessor<uint8_t, 2>();
    for (int64_t label = 0; label < count; ++label) {
        const Rgb8 color = labelColor(label);
        access[label][0] = color.r;
        access[label][1] = color.g;
        access[label][2] = color.b;
    }
    return palette;
}

// Kinds of maps that are read from the encoder itself, not from features on a grid.
bool needsOwnGrid(MapKind kind) {
    return kind == MapKind::Attention || kind == MapKind::Rollout || kind == MapKind::TextHeat;
}

}  // namespace

Result<MapMaker::Cell> MapMaker::cellOf(const FeatureMap& map, const Probe& probe) {
    const Point2 patch = map.transform.patchFromImage(probe.positionInImage);
    const Cell cell{int64_t(std::floor(patch.y)), int64_t(std::floor(patch.x))};
    if (cell.row < 0 || cell.column < 0 || cell.row >= map.height() || cell.column >= map.width())
        return fail(ErrorCode::InvalidArgument, "the probe lies outside of what the model saw",
                    probe.imagePath,
                    "The model's preprocessing crops the picture: choose a point nearer to its middle");
    return cell;
}

Result<MapResult> MapMaker::make(const MapRequest& request, JobContext& job) {
    double seconds = 0;
    auto result = [&] {
        const Stopwatch watch(seconds);
        return makeNow(request, job);
    }();
    if (result)
        result->milliseconds = 1000 * seconds;
    return result;
}

Result<MapResult> MapMaker::makeNow(MapRequest request, JobContext& job) {
    const TensorMemory memory;
    // Restored when this map is done: it may be made in the middle of another one's fit.
    struct Restore {
        Work &place, outer;
        ~Restore() { place = std::move(outer); }
    } const restore{work_, std::exchange(work_, Work())};
    work_.job = &job;
    VITRINE_TRY_VOID(job.checkStop());
    VITRINE_TRY_VOID(resolveUpsampler(request));
    if (!request.source.trainedUpsampler.empty() && needsOwnGrid(request.kind))
        return fail(ErrorCode::Unsupported, "a trained upsampler has no attention and no text to show",
                    request.source.trainedUpsampler, "Choose another upsampler for this map");
    const StoredModel* model = nullptr;
    if (request.kind != MapKind::Image) {
        VITRINE_TRY(model, models_.find(request.source.modelId));
    }
    if (isImplicitUpsampler(request.source.trainedUpsampler)) {
        VITRINE_TRY(model, beginFit(request, model));
    }
    at::NoGradGuard noGrad;
    Result<MapResult> result = [&]() -> Result<MapResult> {
        switch (request.kind) {
            case MapKind::Image:
                return picture(request);
            case MapKind::ModelInput:
                return modelInput(request, *model);
            case MapKind::Pca:
            case MapKind::Clusters:
            case MapKind::Correspondence:
                return colors(request, *model);
            default:
                return scalars(request, *model);
        }
    }();
    if (!result)
        return result;
    VITRINE_TRY_VOID(job.checkStop());
    result->provenance = requestJson(request, model);
    if (!work_.fit.is_null())
        result->provenance["fit"] = work_.fit;
    result->provenance["transform"] = result->transform.toJson();
    result->encodedNow = work_.encodedNow;
    result->upsamplingMilliseconds = 1000 * work_.upsamplingSeconds;
    result->peakBytes = memory.peakBytes();
    return result;
}

Result<MapResult> MapMaker::picture(const MapRequest& request) {
    MapResult result;
    VITRINE_TRY(result.colors, pictures_.picture(request.source.imagePath));
    result.transform.imageSize = result.transform.modelSize = result.colors->size();
    return result;
}

Result<MapResult> MapMaker::modelInput(const MapRequest& request, const StoredModel& model) {
    VITRINE_TRY(const PreprocessedImage input, pictures_.prepare(model, request.source));
    MapResult result;
    result.colors = std::make_shared<const Image>(modelInputAsImage(input));
    result.transform = input.transform;
    return result;
}

Result<at::Tensor> MapMaker::enlarge(const MapRequest& request, const StoredModel& model,
                                     const at::Tensor& map, const ImageTransform& transform) {
    const Stopwatch watch(work_.upsamplingSeconds);
    return enlarger_.enlarge(request, model, map, transform);
}

Result<const PcaBasis*> MapMaker::basisFor(const MapRequest& request, const FeatureMap& map) {
    const PcaBasis* basis = nullptr;
    if (!request.pca.lockedBasis.empty()) {
        const auto it = bases_.find(request.pca.lockedBasis);
        if (it == bases_.end())
            return fail(ErrorCode::NotFound,
                        fmt::format("no basis \"{}\" is locked", request.pca.lockedBasis), {},
                        "Lock one first");
        basis = &it->second;
    } else {
        const std::string key =
            fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", request.source.modelId, request.source.imagePath,
                        request.source.layer, request.source.adaptor, request.source.resolution,
                        request.source.square, request.source.trainedUpsampler, map.origin.imageHash);
        basis = fitted_.find(key);
        if (!basis) {
            VITRINE_TRY(PcaBasis fitted, fitPca(map.tokens()));
            const int64_t bytes = int64_t(fitted.components.nbytes() + fitted.mean.nbytes());
            basis = &fitted_.insert(key, std::move(fitted), bytes);
        }
    }
    return basis;
}

Result<at::Tensor> MapMaker::pcaPicture(const MapRequest& request, const StoredModel& model,
                                        const FeatureMap& map) {
    VITRINE_TRY(const PcaBasis* basis, basisFor(request, map));
    const int64_t first = std::min(request.pca.firstComponent, basis->count() - 1);
    const int64_t count = std::min<int64_t>(3, basis->count() - first);
    at::Tensor shown;
    if (enlargesLinearly(request.upsampler)) {
        // Project first, enlarge three channels after: the two commute, and it is C/3 times cheaper.
        VITRINE_TRY(const at::Tensor projected, projectOnBasis(*basis, map.features, first, count));
        VITRINE_TRY(shown, enlarge(request, model, projected, map.transform));
    } else {
        VITRINE_TRY(const at::Tensor enlarged, enlarge(request, model, map.features, map.transform));
        VITRINE_TRY(shown, projectOnBasis(*basis, enlarged, first, count));
    }
    return pcaColors(shown, basis->low.slice(0, first, first + count),
                     basis->high.slice(0, first, first + count));
}

Result<at::Tensor> MapMaker::clusterColors(const MapRequest& request, const FeatureMap& map) {
    KMeansOptions options;
    options.clusters = std::min<int64_t>(request.clusterCount, map.height() * map.width());
    options.seed = request.seed;
    VITRINE_TRY(const Clusters clusters, kMeans(map.tokens(), options));
    return labelPalette(options.clusters)
        .index({clusters.labels})
        .view({map.height(), map.width(), 3})
        .permute({2, 0, 1})
        .to(at::kFloat);
}

Result<at::Tensor> MapMaker::correspondenceColors(const MapRequest& request, const StoredModel& model,
                                                  const FeatureMap& map) {
    FeatureSource target = request.source;
    target.imagePath = request.other.imagePath;
    VITRINE_TRY(target, fitted(target, model));
    VITRINE_TRY(const EncodedPicture other, featuresOf(model, target));
    work_.encodedNow |= other.encodedNow;
    VITRINE_TRY(const Correspondence matches, denseCorrespondence(map.features, other.map.features));
    // The matched place as a colour (x: red, y: green); places whose way back ends elsewhere are dark.
    const at::Tensor x = matches.match.remainder(other.map.width()).to(at::kFloat) /
                         double(std::max<int64_t>(1, other.map.width() - 1));
    const at::Tensor y = matches.match.div(other.map.width(), "floor").to(at::kFloat) /
                         double(std::max<int64_t>(1, other.map.height() - 1));
    const at::Tensor strength = 0.2 + 0.8 * matches.consistent.to(at::kFloat);
    return at::stack(
        {(40 + 215 * x) * strength, (40 + 215 * y) * strength, at::full_like(x, 150) * strength});
}

Result<MapResult> MapMaker::colors(const MapRequest& request, const StoredModel& model) {
    VITRINE_TRY(const EncodedPicture encoded, featuresOf(model, request.source));
    work_.encodedNow |= encoded.encodedNow;
    const FeatureMap& map = encoded.map;
    MapResult result;
    result.transform = map.transform;
    if (request.kind == MapKind::Pca) {
        VITRINE_TRY(const at::Tensor colors, pcaPicture(request, model, map));
        result.colors = imageFrom(colors);
    } else {
        VITRINE_TRY(const at::Tensor grid, request.kind == MapKind::Clusters
                                               ? clusterColors(request, map)
                                               : correspondenceColors(request, model, map));
        MapRequest blocks = request;
        if (request.upsampler != "none")
            blocks.upsampler = "nearest";  // labels and places must not be mixed
        VITRINE_TRY(const at::Tensor enlarged, enlarge(blocks, model, grid, map.transform));
        result.colors =
            imageFrom(enlarged.nan_to_num(0).clamp(0, 255).round().to(at::kByte).permute({1, 2, 0}));
    }
    if (request.probe && request.probe->imagePath == request.source.imagePath)
        if (const auto cell = cellOf(map, *request.probe)) {
            const at::Tensor vector =
                map.features.select(1, cell->row).select(1, cell->column).slice(0, 0, 64).cpu().contiguous();
            result.probeFeatures.assign(vector.const_data_ptr<float>(),
                                        vector.const_data_ptr<float>() + vector.numel());
        }
    return result;
}

Result<MapResult> MapMaker::scalars(const MapRequest& request, const StoredModel& model) {
    VITRINE_TRY(const Scalars scalars, valuesOf(request, model));
    VITRINE_TRY(
        const at::Tensor enlarged,
        enlarge(request, model, scalars.values.unsqueeze(0).to(at::kFloat).contiguous(), scalars.transform));
    auto values = std::make_shared<Image>(ImageSize{enlarged.size(2), enlarged.size(1)}, 1, SampleType::F32);
    at::from_blob(values->data(), {enlarged.size(1), enlarged.size(2)}, at::kFloat).copy_(enlarged[0]);
    MapResult result;
    result.distribution = ValueDistribution(*values);
    result.values = std::move(values);
    result.unit = scalars.unit;
    result.ranked = scalars.ranked;
    result.transform = scalars.transform;
    return result;
}

}  // namespace vitrine
