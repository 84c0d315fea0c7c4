#include "core/engine/analysis_impl.h"

namespace vitrine {

std::vector<std::string> layerNames(const StoredModel& model) {
    std::vector<std::string> names;
    for (int64_t layer = 0; layer <= model.description.info.layerCount; ++layer)
        names.push_back(std::to_string(layer));
    names.push_back("final");
    return names;
}

Result<std::vector<at::Tensor>> allLayers(const StoredModel& model, const at::Tensor& pixels,
                                          at::Tensor* summary) {
    EncodeRequest request;
    for (int64_t layer = 0; layer <= model.description.info.layerCount; ++layer)
        request.layers.push_back(layer);
    VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(pixels, request));
    std::vector<at::Tensor> layers;
    for (const LayerOutput& layer : output.layers)
        layers.push_back(layer.features.to(at::kFloat));
    layers.push_back(output.features.to(at::kFloat));
    if (summary)
        *summary = output.summary.defined() ? output.summary.to(at::kFloat) : output.summary;
    return layers;
}

}  // namespace vitrine
