#include "core/compress/encoder_blocks.h"

#include "core/compress/post_norm_blocks.h"
#include "core/compress/radio_blocks.h"

#include <algorithm>

namespace vitrine {

bool isCompressibleEncoder(const std::string& family) {
    return family == "radio" || family == "vit_cifar";
}

Result<std::unique_ptr<BlockModel>> encoderBlocks(Model& model, std::vector<at::Tensor> pictures) {
    if (auto* radio = dynamic_cast<RadioModule*>(model.module()))
        return std::make_unique<RadioBlocks>(*radio, std::move(pictures));
    if (model.family() == "vit_cifar")
        return std::make_unique<PostNormBlocks>(model, std::move(pictures));
    return fail(ErrorCode::Unsupported,
                fmt::format("encoders of the family \"{}\" are not compressed yet", model.family()), {},
                "ViTs of the families radio and vit_cifar are");
}

std::string storedWeightName(const std::vector<std::string>& storedNames, const std::string& layer) {
    const auto has = [&](const std::string& name) {
        return std::find(storedNames.begin(), storedNames.end(), name) != storedNames.end();
    };
    for (const char* ending : {".weight", "_weight"})
        if (has(layer + ending))
            return layer + ending;
    // Another layout of the same model: the same block and part behind another prefix.
    const size_t block = layer.find("blocks.");
    if (block == std::string::npos)
        return {};
    const std::string tail = layer.substr(block) + ".weight";
    std::vector<std::string> found;
    for (const std::string& name : storedNames)
        if (name == tail || name.ends_with("." + tail))
            found.push_back(name);
    return found.size() == 1 ? found.front() : std::string();
}

}  // namespace vitrine
