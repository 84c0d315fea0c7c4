#include "core/models/model.h"

#include "core/models/families.h"

namespace vitrine {

ModelFamilies::ModelFamilies() {
    families_ = builtInFamilies();
}

ModelFamilies& ModelFamilies::instance() {
    static ModelFamilies families;
    return families;
}

void ModelFamilies::add(ModelFamily family) {
    families_.push_back(std::move(family));
}

std::optional<std::string> ModelFamilies::recognize(const ModelFolder& folder) const {
    for (const ModelFamily& family : families_)
        if (family.recognizes(folder))
            return family.name;
    return std::nullopt;
}

namespace {

// Sizes that a transformers configuration does not state, so that the family's defaults were taken: the usual
// reason for shapes that do not fit. Empty where the configuration speaks another vocabulary.
std::string unstatedSizes(const Json& config) {
    std::vector<std::string> list;
    for (const char* part : {"", "vision_config", "backbone_config"}) {
        const Json sizes = *part ? config.value(part, Json::object()) : config;
        std::vector<std::string> absent;
        for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "patch_size"})
            if (!sizes.contains(key))
                absent.push_back(*part ? fmt::format("{}.{}", part, key) : key);
        if (absent.size() < 3)  // else it is no description of a transformer
            list.insert(list.end(), absent.begin(), absent.end());
    }
    return fmt::format("{}", fmt::join(list, ", "));
}

Error withUnstatedSizes(Error error, const Json& config) {
    const std::string list = unstatedSizes(config);
    if ((error.code == ErrorCode::ShapeMismatch || error.code == ErrorCode::NotFound) && !list.empty())
        error.hint += fmt::format("{}config.json does not state {}: the family's default was taken",
                                  error.hint.empty() ? "" : " ", list);
    return error;
}

}  // namespace

Result<std::unique_ptr<Model>> ModelFamilies::load(const ModelFolder& folder,
                                                   const LoadOptions& options) const {
    for (const ModelFamily& family : families_) {
        if (!family.recognizes(folder))
            continue;
        try {
            c10::InferenceMode inference(false);
            at::NoGradGuard noGrad;
            auto model = family.load(folder, options);
            if (!model)
                return fail(withUnstatedSizes(model.error().in(folder.path.string()), folder.config));
            return model;
        } catch (...) {
            return fail(errorFromCurrentException("loading " + folder.path.string()));
        }
    }
    std::string known;
    for (const ModelFamily& family : families_)
        known += (known.empty() ? "" : ", ") + family.name;
    const std::string type = folder.modelType();
    return fail(ErrorCode::UnknownFamily,
                type.empty() ? "no family recognises this model (its configuration names no model_type)"
                             : fmt::format("models of type \"{}\" are not known", type),
                folder.path.string(), fmt::format("Known families: {}", known));
}

Result<std::unique_ptr<Model>> loadModel(const std::filesystem::path& path, const LoadOptions& options) {
    VITRINE_TRY(const ModelFolder folder, openModelFolder(path));
    return ModelFamilies::instance().load(folder, options);
}

}  // namespace vitrine
