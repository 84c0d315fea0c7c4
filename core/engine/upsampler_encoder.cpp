#include "core/engine/upsampler_encoder.h"

#include <algorithm>

namespace vitrine {
namespace {

Result<int64_t> acceptedSide(const EncoderInfo& info, int64_t side) {
    const int64_t preferred = std::min(info.preferredHeight, info.preferredWidth);
    if (side == 0)
        return info.fixedSize
                   ? preferred
                   : std::max(info.sizeMultiple, preferred / info.sizeMultiple * info.sizeMultiple);
    const int64_t nearest = info.fixedSize
                                ? preferred
                                : std::max(info.sizeMultiple, (side + info.sizeMultiple / 2) /
                                                                  info.sizeMultiple * info.sizeMultiple);
    if (nearest != side)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} does not take pictures of {} pixels a side", info.name, side),
                    "settings/side", fmt::format("Take {}, or 0 for what it prefers", nearest));
    return side;
}

}  // namespace

Result<FrozenEncoder> frozenEncoderOf(const StoredModel& model, int64_t side) {
    const EncoderInfo& info = model.description.info;
    FrozenEncoder encoder;
    encoder.name = info.name;
    encoder.identity = model.description.identity;
    encoder.featureWidth = info.featureWidth;
    encoder.patchSize = info.patchSize;
    VITRINE_TRY(encoder.side, acceptedSide(info, side));
    encoder.prepare = [](const at::Tensor& pixels) { return pixels; };
    if (!info.normalizesItself && model.preprocess.normalize) {
        const auto perChannel = [&](const auto& values) {
            return at::tensor(std::vector<double>(values.begin(), values.end()), at::kFloat)
                .view({1, -1, 1, 1})
                .to(model.device);
        };
        const at::Tensor mean = perChannel(model.preprocess.mean),
                         deviation = perChannel(model.preprocess.std);
        encoder.prepare = [mean, deviation](const at::Tensor& pixels) { return (pixels - mean) / deviation; };
    }
    encoder.features = [&model](const at::Tensor& prepared) -> Result<at::Tensor> {
        VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(prepared.to(model.dtype), {}));
        return output.features;
    };
    return encoder;
}

}  // namespace vitrine
