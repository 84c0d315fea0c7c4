#include "core/engine/feature_files.h"

#include "core/base/version.h"
#include "core/features/feature_map.h"
#include "core/nn/weights.h"

#include <map>

namespace vitrine {

Result<void> writeFeatureFile(const ExtractedPicture& picture, const EncoderOutput& output, int64_t row,
                              const std::vector<int64_t>& layers, const LoadedModel& model) {
    std::map<std::string, at::Tensor> tensors;
    size_t position = 0;
    for (const int64_t layer : layers) {
        if (layer < 0) {
            tensors["features"] = output.features[row];
            continue;
        }
        const LayerOutput& part = output.layers[position++];
        tensors[fmt::format("layer.{}", layer)] = part.features[row];
        if (part.prefix.defined())
            tensors[fmt::format("layer.{}.prefix", layer)] = part.prefix[row];
    }
    if (output.summary.defined())
        tensors["summary"] = output.summary[row];
    FeatureOrigin origin;
    origin.modelPath = model.path;
    origin.modelIdentity = model.identity;
    origin.family = model.info.family;
    origin.imagePath = picture.picture.string();
    origin.imageHash = picture.imageHash;
    origin.dtype = model.dtype;
    origin.device = model.device;
    origin.codeVersion = versionText();
    return writeTensors(
        picture.target, tensors,
        {{"transform", picture.input.transform.toJson().dump()}, {"origin", origin.toJson().dump()}});
}

}  // namespace vitrine
