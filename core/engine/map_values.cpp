// The maps of one number a place, before they are enlarged.
#include "core/engine/map_maker.h"
#include "core/features/attention_maps.h"
#include "core/features/comparison.h"
#include "core/features/similarity.h"
#include "core/features/token_norms.h"

#include <algorithm>

namespace vitrine {

Result<MapMaker::Scalars> MapMaker::similarity(const MapRequest& request, const StoredModel& model) {
    if (!request.probe)
        return fail(ErrorCode::InvalidArgument, "similarity needs a probe", {},
                    "Click a point of the picture");
    VITRINE_TRY(const EncodedPicture shown, featuresOf(model, request.source));
    work_.encodedNow |= shown.encodedNow;
    FeatureSource probed = request.source;
    if (probed.imagePath != request.probe->imagePath) {
        probed.imagePath = request.probe->imagePath;
        VITRINE_TRY(probed, fitted(probed, model));
    }
    VITRINE_TRY(const EncodedPicture origin, featuresOf(model, probed));
    work_.encodedNow |= origin.encodedNow;
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

// The grid of the errors is the coarser one of the two models.
static std::vector<RankedPatch> rankedPatches(const Disagreement& disagreement,
                                              const ImageTransform& transform) {
    constexpr int64_t kShown = 8;
    const at::Tensor error = disagreement.error.cpu().contiguous();
    const at::Tensor ranked = disagreement.ranked.cpu().contiguous();
    const int64_t rows = error.size(0), columns = error.size(1);
    const double across = double(transform.gridWidth()) / double(columns);
    const double down = double(transform.gridHeight()) / double(rows);
    std::vector<RankedPatch> patches;
    for (int64_t index = 0; index < std::min(kShown, ranked.numel()); ++index) {
        const int64_t patch = ranked.const_data_ptr<int64_t>()[index];
        const double column = double(patch % columns), row = double(patch / columns);
        patches.push_back({transform.imageFromPatch({column * across, row * down}),
                           transform.imageFromPatch({(column + 1) * across, (row + 1) * down}),
                           double(error.const_data_ptr<float>()[patch])});
    }
    return patches;
}

Result<MapMaker::Scalars> MapMaker::disagreement(const MapRequest& request, const StoredModel& model) {
    VITRINE_TRY(const StoredModel* second, models_.find(request.other.modelId));
    FeatureSource otherSource = request.other;
    otherSource.imagePath = request.source.imagePath;
    VITRINE_TRY(const EncodedPicture first, featuresOf(model, request.source));
    VITRINE_TRY(const EncodedPicture other, featuresOf(*second, otherSource));
    work_.encodedNow |= first.encodedNow || other.encodedNow;
    // How well the second model's features predict the first's.
    VITRINE_TRY(const Disagreement result, vitrine::disagreement(other.map.features, first.map.features));
    return Scalars{result.error, "relative error", first.map.transform,
                   rankedPatches(result, first.map.transform)};
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
    work_.encodedNow |= encoded.encodedNow;
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

}  // namespace vitrine
