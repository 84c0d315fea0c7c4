#include "core/engine/map_maker.h"

#include "core/base/version.h"
#include "core/engine/map_names.h"
#include "core/engine/tensor_memory.h"
#include "core/features/attention_maps.h"
#include "core/features/clustering.h"
#include "core/features/comparison.h"
#include "core/features/similarity.h"
#include "core/features/token_norms.h"
#include "core/features/upsampler_registry.h"
#include "core/media/resample.h"

#include <chrono>

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

// (3, H, W) in [0, 1].
at::Tensor tensorFrom(const Image& rgb) {
    return at::from_blob(const_cast<std::byte*>(rgb.data()), {rgb.height(), rgb.width(), 3}, at::kByte)
               .permute({2, 0, 1})
               .to(at::kFloat) /
           255;
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

double millisecondsSince(std::chrono::steady_clock::time_point started) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
}

// Kinds of maps that are read from the encoder itself, not from features on a grid.
bool needsOwnGrid(MapKind kind) {
    return kind == MapKind::Attention || kind == MapKind::Rollout || kind == MapKind::TextHeat;
}

struct Cell {
    int64_t row, column;
};

Result<Cell> cellOf(const FeatureMap& map, const Probe& probe) {
    const Point2 patch = map.transform.patchFromImage(probe.positionInImage);
    const Cell cell{int64_t(std::floor(patch.y)), int64_t(std::floor(patch.x))};
    if (cell.row < 0 || cell.column < 0 || cell.row >= map.height() || cell.column >= map.width())
        return fail(ErrorCode::InvalidArgument, "the probe lies outside of what the model saw",
                    probe.imagePath,
                    "The model's preprocessing crops the picture: choose a point nearer to its middle");
    return cell;
}

// Null for the built-in ones.
const FeatureUpsampler* registeredUpsampler(const std::string& name) {
    for (const FeatureUpsampler& upsampler : UpsamplerRegistry::instance().all())
        if (upsampler.name == name)
            return &upsampler;
    return nullptr;
}

}  // namespace

Result<MapResult> MapMaker::make(const MapRequest& asked, JobContext& job) {
    const auto started = std::chrono::steady_clock::now();
    const TensorMemory memory;
    encodedNow_ = false;
    upsamplingMilliseconds_ = 0;
    VITRINE_TRY_VOID(job.checkStop());
    MapRequest request = asked;
    VITRINE_TRY_VOID(resolveUpsampler(request));
    if (!request.source.trainedUpsampler.empty() && needsOwnGrid(request.kind))
        return fail(ErrorCode::Unsupported, "a trained upsampler has no attention and no text to show",
                    request.source.trainedUpsampler, "Choose another upsampler for this map");
    const StoredModel* model = nullptr;
    if (request.kind != MapKind::Image) {
        VITRINE_TRY(model, models_.find(request.source.modelId));
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
    result->provenance["transform"] = result->transform.toJson();
    result->encodedNow = encodedNow_;
    result->milliseconds = millisecondsSince(started);
    result->upsamplingMilliseconds = upsamplingMilliseconds_;
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

Result<std::shared_ptr<const JbuTaps>> MapMaker::tapsFor(const FeatureSource& source,
                                                         const StoredModel& model, ImageSize size,
                                                         ImageSize grid) {
    const std::string key =
        fmt::format("{}|{}|{}|{}|{}|{}x{}|{}x{}", source.imagePath, model.description.id, source.resolution,
                    source.square, source.trainedUpsampler, size.width, size.height, grid.width, grid.height);
    if (const auto* cached = taps_.find(key))
        return *cached;
    // Guided by what the model saw: features and picture are aligned to the pixel.
    VITRINE_TRY(const PreprocessedImage input, pictures_.prepare(model, source));
    VITRINE_TRY(const Image guidance, resize(modelInputAsImage(input), size, Resampling::Bicubic));
    VITRINE_TRY(JbuTaps taps, JbuTaps::guided(tensorFrom(guidance), grid.height, grid.width));
    auto shared = std::make_shared<const JbuTaps>(std::move(taps));
    return taps_.insert(key, shared, shared->byteCount());
}

Result<EncodedPicture> MapMaker::featuresOf(const StoredModel& model, const FeatureSource& source) {
    const auto started = std::chrono::steady_clock::now();
    auto encoded = pictures_.features(model, source);
    if (!source.trainedUpsampler.empty())
        upsamplingMilliseconds_ += millisecondsSince(started);
    return encoded;
}

Result<at::Tensor> MapMaker::enlargeWhole(const MapRequest& request, const StoredModel& model,
                                          const at::Tensor& map, ImageSize size) {
    if (request.upsampler == "jbu") {
        VITRINE_TRY(const auto taps, tapsFor(request.source, model, size, {map.size(2), map.size(1)}));
        return taps->apply(map);
    }
    if (const FeatureUpsampler* upsampler = registeredUpsampler(request.upsampler)) {
        VITRINE_TRY(const PreprocessedImage input, pictures_.prepare(model, request.source));
        VITRINE_TRY(const Image guidance, resize(modelInputAsImage(input), size, Resampling::Bicubic));
        VITRINE_TRY(const at::Tensor enlarged, upsampler->upsample(map, tensorFrom(guidance)));
        if (enlarged.dim() != 3 || enlarged.size(0) != map.size(0) || enlarged.size(1) != size.height ||
            enlarged.size(2) != size.width)
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("the upsampler did not give {} channels of {} x {}", map.size(0),
                                    size.width, size.height),
                        request.upsampler);
        return enlarged.to(at::kFloat);
    }
    const ResizeMode mode = request.upsampler == "nearest"    ? ResizeMode::Nearest
                            : request.upsampler == "bilinear" ? ResizeMode::Bilinear
                                                              : ResizeMode::Bicubic;
    return resizeFeatures(map, size.height, size.width, mode);
}

Result<at::Tensor> MapMaker::enlarge(const MapRequest& request, const StoredModel& model,
                                     const at::Tensor& map, const ImageTransform& transform) {
    const auto started = std::chrono::steady_clock::now();
    auto enlarged = enlargeUntimed(request, model, map, transform);
    upsamplingMilliseconds_ += millisecondsSince(started);
    return enlarged;
}

Result<at::Tensor> MapMaker::enlargeUntimed(const MapRequest& request, const StoredModel& model,
                                            const at::Tensor& map, const ImageTransform& transform) {
    if (request.upsampler == "none" || request.outputSize.width < 1 || request.outputSize.height < 1)
        return map;
    // Output pixels per model pixel; the whole model input is enlarged, then the picture's part of it is
    // taken.
    const double perModelX =
        double(request.outputSize.width) / (double(transform.imageSize.width) * transform.scale.x);
    const double perModelY =
        double(request.outputSize.height) / (double(transform.imageSize.height) * transform.scale.y);
    const ImageSize whole{
        std::max<int64_t>(map.size(2), std::llround(double(transform.modelSize.width) * perModelX)),
        std::max<int64_t>(map.size(1), std::llround(double(transform.modelSize.height) * perModelY))};
    VITRINE_TRY(const at::Tensor enlarged, enlargeWhole(request, model, map, whole));
    const int64_t left = std::llround(transform.offset.x * perModelX),
                  top = std::llround(transform.offset.y * perModelY);
    if (left == 0 && top == 0 && enlarged.size(2) == request.outputSize.width &&
        enlarged.size(1) == request.outputSize.height)
        return enlarged;
    // Where the model saw nothing (cropped away) the map says nothing: NaN.
    at::Tensor canvas = at::full({map.size(0), request.outputSize.height, request.outputSize.width},
                                 std::numeric_limits<float>::quiet_NaN());
    const int64_t fromX = std::max<int64_t>(0, left), fromY = std::max<int64_t>(0, top);
    const int64_t toX = std::max<int64_t>(0, -left), toY = std::max<int64_t>(0, -top);
    const int64_t width = std::min(enlarged.size(2) - fromX, canvas.size(2) - toX),
                  height = std::min(enlarged.size(1) - fromY, canvas.size(1) - toY);
    if (width > 0 && height > 0)
        canvas.narrow(1, toY, height)
            .narrow(2, toX, width)
            .copy_(enlarged.narrow(1, fromY, height).narrow(2, fromX, width));
    return canvas;
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
    const FeatureUpsampler* upsampler = registeredUpsampler(request.upsampler);
    const bool linear = !upsampler || upsampler->linear;
    at::Tensor shown;
    if (linear) {
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
    VITRINE_TRY(const EncodedPicture other, featuresOf(model, target));
    encodedNow_ |= other.encodedNow;
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
    encodedNow_ |= encoded.encodedNow;
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

Result<MapMaker::Scalars> MapMaker::similarity(const MapRequest& request, const StoredModel& model) {
    if (!request.probe)
        return fail(ErrorCode::InvalidArgument, "similarity needs a probe", {},
                    "Click a point of the picture");
    VITRINE_TRY(const EncodedPicture shown, featuresOf(model, request.source));
    encodedNow_ |= shown.encodedNow;
    FeatureSource probed = request.source;
    probed.imagePath = request.probe->imagePath;
    VITRINE_TRY(const EncodedPicture origin, featuresOf(model, probed));
    encodedNow_ |= origin.encodedNow;
    VITRINE_TRY(const Cell cell, cellOf(origin.map, *request.probe));
    VITRINE_TRY(const at::Tensor vector, patchVector(origin.map.features, cell.row, cell.column));
    VITRINE_TRY(const at::Tensor cosine, cosineMap(shown.map.features, vector));
    return Scalars{cosine.view({shown.map.height(), shown.map.width()}), "cosine", shown.map.transform};
}

Result<MapMaker::Scalars> MapMaker::attention(const MapRequest& request, const StoredModel& model) {
    const EncoderInfo& info = model.description.info;
    if (info.headCount == 0)
        return fail(ErrorCode::Unsupported, "this model has no attention to show", model.description.path,
                    "Choose a transformer");
    const int64_t layer = request.source.layer > 0 ? request.source.layer : info.layerCount;
    VITRINE_TRY(const AttentionMaps maps, pictures_.attention(model, request.source, layer));
    const ImageTransform& transform = maps.transform;
    int64_t token = 0;
    if (request.probe) {
        const auto found = transform.tokenFromImage(request.probe->positionInImage);
        if (!found)
            return fail(ErrorCode::InvalidArgument, "the probe lies outside of what the model saw");
        token = *found;
    }
    at::Tensor fused;
    if (request.kind == MapKind::Rollout) {
        VITRINE_TRY(fused, attentionRollout(maps.layers));
    } else {
        VITRINE_TRY(fused, fuseHeads(maps.layers.back(), request.head));
    }
    VITRINE_TRY(const at::Tensor values, attentionMap(fused, token, info.prefixTokenCount,
                                                      transform.gridHeight(), transform.gridWidth()));
    return Scalars{values, "attention", transform};
}

Result<MapMaker::Scalars> MapMaker::disagreement(const MapRequest& request, const StoredModel& model) {
    VITRINE_TRY(const StoredModel* second, models_.find(request.other.modelId));
    FeatureSource otherSource = request.other;
    otherSource.imagePath = request.source.imagePath;
    VITRINE_TRY(const EncodedPicture first, featuresOf(model, request.source));
    VITRINE_TRY(const EncodedPicture other, featuresOf(*second, otherSource));
    encodedNow_ |= first.encodedNow || other.encodedNow;
    // How well the second model's features predict the first's.
    VITRINE_TRY(const Disagreement result, vitrine::disagreement(other.map.features, first.map.features));
    return Scalars{result.error, "relative error", first.map.transform};
}

Result<MapMaker::Scalars> MapMaker::textHeat(const MapRequest& request, const StoredModel& model) {
    const TextEncoder* text = model.model->textEncoder();
    if (!text || !model.textTokens)
        return fail(ErrorCode::Unsupported, "this model has no text side", model.description.path,
                    "Text heat maps need CLIP or SigLIP");
    if (request.text.empty())
        return fail(ErrorCode::InvalidArgument, "say what to look for", {}, "Type a few words");
    VITRINE_TRY(const FeatureMap map, pictures_.textSpaceFeatures(model, request.source));
    VITRINE_TRY(const TextTokens tokens, model.textTokens(request.text, text->contextLength()));
    VITRINE_TRY(const at::Tensor embedding,
                text->encodeText(tokens.ids.to(model.device),
                                 tokens.mask.defined() ? tokens.mask.to(model.device) : tokens.mask));
    VITRINE_TRY(const at::Tensor cosine, cosineMap(map.features, embedding[0].to(at::kFloat).cpu()));
    return Scalars{cosine.view({map.height(), map.width()}), "cosine", map.transform};
}

Result<MapMaker::Scalars> MapMaker::valuesOf(const MapRequest& request, const StoredModel& model) {
    switch (request.kind) {
        case MapKind::Similarity:
            return similarity(request, model);
        case MapKind::Attention:
        case MapKind::Rollout:
            return attention(request, model);
        case MapKind::Disagreement:
            return disagreement(request, model);
        case MapKind::TextHeat:
            return textHeat(request, model);
        default:
            break;
    }
    VITRINE_TRY(const EncodedPicture encoded, featuresOf(model, request.source));
    encodedNow_ |= encoded.encodedNow;
    const FeatureMap& map = encoded.map;
    if (request.kind == MapKind::Channel) {
        if (request.channel < 0 || request.channel >= map.channels())
            return fail(ErrorCode::InvalidArgument, fmt::format("there is no channel {}", request.channel),
                        {}, fmt::format("Channels are 0 to {}", map.channels() - 1));
        return Scalars{map.features[request.channel], "activation", map.transform};
    }
    VITRINE_TRY(const at::Tensor norms, tokenNorms(map.features));
    return Scalars{norms, "L2 norm", map.transform};
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
    result.transform = scalars.transform;
    return result;
}

}  // namespace vitrine
