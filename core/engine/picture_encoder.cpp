#include "core/engine/picture_encoder.h"

#include "core/base/hash.h"
#include "core/base/version.h"
#include "core/media/shared_image.h"

#include <filesystem>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// Layers of a picture are kept together only if all of them stay below this.
constexpr int64_t kAllLayersLimitBytes = int64_t(256) << 20;

std::string cacheKey(const StoredModel& model, const FeatureSource& source, const std::string& part) {
    return fmt::format("{}|{}|{}|{}|{}|{}|{}", model.description.id, fileStamp(source.imagePath),
                       source.resolution, source.square, source.windowSize.value_or(0),
                       source.trainedUpsampler, part);
}

std::string partName(const FeatureSource& source) {
    return source.adaptor.empty() ? fmt::format("layer {}", source.layer) : "adaptor " + source.adaptor;
}

int64_t bytesOf(const FeatureMap& map) {
    return int64_t(map.features.nbytes() + (map.prefix.defined() ? map.prefix.nbytes() : 0));
}

// The whole picture is shown: the short side is set and nothing is cropped.
PreprocessOverride changeFor(const StoredModel& model, const FeatureSource& source) {
    const EncoderInfo& info = model.description.info;
    const int64_t preferred = std::min(info.preferredHeight, info.preferredWidth);
    return overrideFor(model, {source.resolution > 0 ? source.resolution : preferred, source.square});
}

at::Tensor single(const at::Tensor& batched) {
    return batched.defined() ? batched[0].to(at::kFloat).contiguous() : batched;
}

}  // namespace

std::string fileStamp(const std::string& path) {
    std::error_code problem;
    const auto written = fs::last_write_time(path, problem).time_since_epoch().count();
    return fmt::format("{}|{}|{}", path, problem ? 0 : fs::file_size(path, problem), written);
}

PreprocessOverride overrideFor(const StoredModel& model, const PictureFraming& framing) {
    const EncoderInfo& info = model.description.info;
    PreprocessOverride change;
    change.patchSize = info.patchSize;
    change.prefixTokenCount = info.prefixTokenCount;
    change.unnormalized = info.normalizesItself;
    if (info.fixedSize)
        return change;
    change.multipleOf = info.sizeMultiple;
    const int64_t side =
        framing.resolution > 0 ? framing.resolution : std::min(info.preferredHeight, info.preferredWidth);
    if (framing.square)
        change.targetSize = ImageSize{side, side};
    else if (framing.resolution > 0)
        change.shortSide = side;
    return change;
}

void PictureEncoder::setLimit(int64_t bytes) {
    features_.setLimit(bytes);
    pictures_.setLimit(bytes / 2);
}

Result<std::shared_ptr<const Image>> PictureEncoder::picture(const std::string& path) {
    const std::string key = fileStamp(path);
    if (const auto* cached = pictures_.find(key))
        return *cached;
    VITRINE_TRY(auto shared, sharedImage(path));  // the window shows the same one
    return pictures_.insert(key, shared, int64_t(shared->byteCount()));
}

Result<const TrainedUpsampler*> PictureEncoder::trainedUpsampler(const StoredModel& model,
                                                                 const FeatureSource& source) {
    auto& kept = upsamplers_[source.trainedUpsampler + "|" + model.device.str()];
    if (!kept) {
        // In float32 whatever the encoder computes in: it is small.
        VITRINE_TRY(kept, loadTrainedUpsampler(source.trainedUpsampler, {model.device, at::kFloat}));
    }
    VITRINE_TRY_VOID(kept->checkFits(model.description.info));
    return kept.get();
}

Result<PreprocessedImage> PictureEncoder::prepare(const StoredModel& model, const FeatureSource& source) {
    VITRINE_TRY(const auto image, picture(source.imagePath));
    PreprocessOverride change = changeFor(model, source);
    if (!source.trainedUpsampler.empty()) {
        // FeatSharp cuts its tiles from a square of this size, also for encoders of one fixed size.
        VITRINE_TRY(const TrainedUpsampler* upsampler, trainedUpsampler(model, source));
        if (const auto side = upsampler->squareSide()) {
            change.targetSize = ImageSize{*side, *side};
            change.shortSide.reset();
        }
    }
    auto prepared = preprocess(*image, model.preprocess, change);
    if (!prepared)
        return fail(prepared.error().in(source.imagePath));
    return prepared;
}

Result<at::Tensor> PictureEncoder::pixels(const StoredModel& model, const PreprocessedImage& input) const {
    return at::from_blob(const_cast<float*>(input.pixels.data()), {1, 3, input.height, input.width},
                         at::kFloat)
        .to(model.device, model.dtype, false, true);
}

Result<at::Tensor> PictureEncoder::modelInput(const StoredModel& model, const FeatureSource& source) {
    VITRINE_TRY(const PreprocessedImage input, prepare(model, source));
    return pixels(model, input);
}

FeatureMap PictureEncoder::makeMap(const StoredModel& model, const FeatureSource& source,
                                   const ImageTransform& transform) const {
    FeatureMap map;
    map.transform = transform;
    map.origin.modelPath = model.description.path;
    map.origin.modelIdentity = model.description.identity;
    map.origin.family = model.description.info.family;
    map.origin.imagePath = source.imagePath;
    map.origin.layer = source.layer;
    map.origin.adaptor = source.adaptor;
    map.origin.dtype = model.description.dtype;
    map.origin.device = model.description.device;
    map.origin.codeVersion = versionText();
    return map;
}

Result<EncodedPicture> PictureEncoder::features(const StoredModel& model, const FeatureSource& source) {
    if (const FeatureMap* cached = features_.find(cacheKey(model, source, partName(source))))
        return EncodedPicture{*cached, false};
    if (!source.trainedUpsampler.empty())
        return upsampledFeatures(model, source);
    VITRINE_TRY(const PreprocessedImage input, prepare(model, source));
    VITRINE_TRY(const at::Tensor tensor, pixels(model, input));
    const EncoderInfo& info = model.description.info;

    EncodeRequest request;
    request.windowSize = source.windowSize;
    const int64_t tokens = input.transform.gridWidth() * input.transform.gridHeight() + info.prefixTokenCount;
    const int64_t allLayersBytes = (info.layerCount + 1) * tokens * info.featureWidth * 4;
    if (!source.adaptor.empty())
        request.adaptors = {source.adaptor};
    else if (source.layer >= 0 && allLayersBytes <= kAllLayersLimitBytes)
        for (int64_t layer = 0; layer <= info.layerCount; ++layer)
            request.layers.push_back(layer);
    else if (source.layer >= 0)
        request.layers = {source.layer};
    VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(tensor, request));

    const at::Tensor summary = single(output.summary);
    VITRINE_TRY(const std::string imageHash, sha256OfFile(source.imagePath));
    const auto keep = [&](const FeatureSource& part, const at::Tensor& features, const at::Tensor& prefix,
                          const at::Tensor& ownSummary) {
        FeatureMap map = makeMap(model, part, input.transform);
        map.origin.imageHash = imageHash;
        map.features = single(features);
        map.prefix = single(prefix);
        map.summary = ownSummary;
        // Convolutional networks have finer early layers: the stride follows from the map itself.
        if (map.width() > 0)
            map.transform.patchSize = std::max<int64_t>(1, input.transform.modelSize.width / map.width());
        return features_.insert(cacheKey(model, part, partName(part)), map, bytesOf(map));
    };
    FeatureSource part = source;
    for (size_t i = 0; i < request.layers.size(); ++i) {
        part.layer = request.layers[i];
        if (part.layer != source.layer)
            keep(part, output.layers[i].features, output.layers[i].prefix, summary);
    }
    part.layer = source.layer;
    if (!source.adaptor.empty()) {
        const AdaptorOutput& adaptor = output.adaptors.at(source.adaptor);
        return EncodedPicture{keep(part, adaptor.features, {}, single(adaptor.summary)), true};
    }
    if (source.layer < 0)
        return EncodedPicture{keep(part, output.features, {}, summary), true};
    const size_t index = request.layers.size() == 1 ? 0 : size_t(source.layer);
    return EncodedPicture{keep(part, output.layers[index].features, output.layers[index].prefix, summary),
                          true};
}

Result<EncodedPicture> PictureEncoder::upsampledFeatures(const StoredModel& model,
                                                         const FeatureSource& source) {
    if (source.layer >= 0 || !source.adaptor.empty())
        return fail(ErrorCode::Unsupported,
                    fmt::format("a trained upsampler gives the final features, not {}", partName(source)),
                    source.trainedUpsampler, "Choose the final features or another upsampler");
    VITRINE_TRY(const TrainedUpsampler* upsampler, trainedUpsampler(model, source));
    VITRINE_TRY(const PreprocessedImage input, prepare(model, source));
    VITRINE_TRY(const at::Tensor tensor, pixels(model, input));
    VITRINE_TRY(const at::Tensor fine, upsampler->sharpen(*model.model->encoder(), tensor));
    FeatureMap map = makeMap(model, source, input.transform);
    VITRINE_TRY(map.origin.imageHash, sha256OfFile(source.imagePath));
    map.features = single(fine);
    map.transform.patchSize = upsampler->cellPixels(model.description.info);
    return EncodedPicture{features_.insert(cacheKey(model, source, partName(source)), map, bytesOf(map)),
                          true};
}

Result<AttentionMaps> PictureEncoder::attention(const StoredModel& model, const FeatureSource& source,
                                                int64_t lastLayer) {
    VITRINE_TRY(const PreprocessedImage input, prepare(model, source));
    VITRINE_TRY(const at::Tensor tensor, pixels(model, input));
    EncodeRequest request;
    for (int64_t layer = 1; layer <= lastLayer; ++layer)
        request.attentionLayers.push_back(layer);
    VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(tensor, request));
    AttentionMaps maps;
    maps.transform = input.transform;
    for (const at::Tensor& layer : output.attention)
        maps.layers.push_back(single(layer));
    return maps;
}

Result<FeatureMap> PictureEncoder::textSpaceFeatures(const StoredModel& model, const FeatureSource& source) {
    const TextEncoder* text = model.model->textEncoder();
    if (!text)
        return fail(ErrorCode::Unsupported, "this model has no text side", model.description.path,
                    "Text heat maps need CLIP or SigLIP");
    const std::string key = cacheKey(model, source, "text space");
    if (const FeatureMap* cached = features_.find(key))
        return *cached;
    VITRINE_TRY(const PreprocessedImage input, prepare(model, source));
    VITRINE_TRY(const at::Tensor tensor, pixels(model, input));
    FeatureMap map = makeMap(model, source, input.transform);
    VITRINE_TRY(const at::Tensor dense, text->denseEmbedding(tensor));
    VITRINE_TRY(const at::Tensor summary, text->imageEmbedding(tensor));
    map.features = single(dense);
    map.summary = single(summary);
    return features_.insert(key, map, bytesOf(map));
}

}  // namespace vitrine
