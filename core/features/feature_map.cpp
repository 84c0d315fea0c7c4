#include "core/features/feature_map.h"

namespace vitrine {

at::Tensor FeatureMap::tokens() const {
    return features.flatten(1).t().contiguous();
}

Json FeatureOrigin::toJson() const {
    return Json{{"model", modelPath},      {"model_identity", modelIdentity},
                {"family", family},        {"image", imagePath},
                {"image_hash", imageHash}, {"layer", layer},
                {"adaptor", adaptor},      {"dtype", dtype},
                {"device", device},        {"code_version", codeVersion}};
}

Result<FeatureOrigin> FeatureOrigin::fromJson(const Json& json) {
    const std::string where = "feature origin";
    FeatureOrigin origin;
    VITRINE_TRY(origin.modelPath, jsonValueOr<std::string>(json, "model", std::string(), where));
    VITRINE_TRY(origin.modelIdentity, jsonValueOr<std::string>(json, "model_identity", std::string(), where));
    VITRINE_TRY(origin.family, jsonValueOr<std::string>(json, "family", std::string(), where));
    VITRINE_TRY(origin.imagePath, jsonValueOr<std::string>(json, "image", std::string(), where));
    VITRINE_TRY(origin.imageHash, jsonValueOr<std::string>(json, "image_hash", std::string(), where));
    VITRINE_TRY(origin.layer, jsonValueOr<int64_t>(json, "layer", -1, where));
    VITRINE_TRY(origin.adaptor, jsonValueOr<std::string>(json, "adaptor", std::string(), where));
    VITRINE_TRY(origin.dtype, jsonValueOr<std::string>(json, "dtype", "float32", where));
    VITRINE_TRY(origin.device, jsonValueOr<std::string>(json, "device", "cpu", where));
    VITRINE_TRY(origin.codeVersion, jsonValueOr<std::string>(json, "code_version", std::string(), where));
    return origin;
}

}  // namespace vitrine
