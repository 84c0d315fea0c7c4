#include "core/compress/encoder_blocks.h"

#include "core/compress/post_norm_blocks.h"
#include "core/compress/radio_blocks.h"

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
                fmt::format("this encoder (family \"{}\") has no ViT blocks that could be compressed",
                            model.family()),
                {},
                "ViTs of the families radio and vit_cifar have; convolutional and hybrid encoders do not");
}

}  // namespace vitrine
