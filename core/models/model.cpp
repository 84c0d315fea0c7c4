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
                return fail(model.error().in(folder.path.string()));
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
