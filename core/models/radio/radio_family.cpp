// Recognising and loading RADIO folders: the ViTs in both published forms, E-RADIO, and convolutional
// students.
#include "core/models/radio/convolutional_model.h"
#include "core/models/radio/eradio_model.h"
#include "core/models/radio/radio_model.h"

namespace vitrine {

Result<std::shared_ptr<RadioModule>> loadRadioModule(const Json& config, const TensorSource& source,
                                                     const std::string& prefix, const LoadOptions& options) {
    const auto layout = findRadioLayout(source, prefix);
    if (!layout)
        return fail(ErrorCode::NotFound, "the checkpoint holds no RADIO patch generator",
                    prefix + "radio_model.model.patch_generator.embedder.weight",
                    "Does config.json belong to these weights?");
    VITRINE_TRY(RadioConfig described, readRadioConfig(config, source, *layout));
    VITRINE_TRY(described.adaptors, readAdaptors(config, source, *layout, described));
    const auto module = std::make_shared<RadioModule>(described);
    VITRINE_TRY_VOID(loadRadioWeights(*module, source, *layout, options));
    return module;
}

Result<std::unique_ptr<Model>> loadRadio(const ModelFolder& folder, const LoadOptions& options) {
    if (findEradioTrunk(*folder.weights))
        return loadEradio(folder, options);
    if (isConvolutionalRadio(*folder.weights))
        return loadConvolutionalRadio(folder, options);
    VITRINE_TRY(std::shared_ptr<RadioModule> module,
                loadRadioModule(folder.config, *folder.weights, "", options));
    return std::make_unique<RadioModel>(std::move(module), folder.path.filename().string());
}

ModelFamily radioFamily() {
    const auto recognizes = [](const ModelFolder& folder) {
        if (!folder.weights)
            return false;
        const std::string type = folder.modelType();
        if (type == "radio")
            return true;
        return type.empty() && (findRadioLayout(*folder.weights) || findEradioTrunk(*folder.weights));
    };
    return {"radio", "RADIO and C-RADIO agglomerative vision encoders (ViT) and E-RADIO", recognizes,
            loadRadio};
}

}  // namespace vitrine
