#include "core/engine/verify.h"
#include "core/media/image_reader.h"
#include "core/media/preprocess.h"

namespace vitrine {
namespace {

Result<TensorMap> preprocessed(const ModelFolder& folder, const std::filesystem::path& picture) {
    if (!folder.preprocessor)
        return fail(ErrorCode::NotFound, "there is no preprocessor_config.json", folder.path.string());
    VITRINE_TRY(const PreprocessConfig config, preprocessConfigFromJson(*folder.preprocessor));
    VITRINE_TRY(const Image image, readImage(picture));
    VITRINE_TRY(const PreprocessedImage input, preprocess(image, config));
    const auto sizeTensor = [](ImageSize size) {
        return at::tensor({size.height, size.width}, at::kLong).unsqueeze(0);
    };
    TensorMap tensors;
    if (config.kind == ProcessorKind::Siglip2) {
        const int64_t count = int64_t(input.patchMask.size());
        tensors["pixel_values"] = at::tensor(input.patches).view({1, count, -1});
        tensors["pixel_attention_mask"] = at::tensor(input.patchMask).unsqueeze(0);
        tensors["spatial_shapes"] =
            at::tensor({input.spatialShape[0], input.spatialShape[1]}, at::kLong).unsqueeze(0);
        return tensors;
    }
    tensors["pixel_values"] = at::tensor(input.pixels).view({1, 3, input.height, input.width});
    tensors["original_sizes"] = sizeTensor(input.originalSize);
    tensors["reshaped_input_sizes"] = sizeTensor(input.resizedSize);
    return tensors;
}

VerifyRow skippedRow(const std::string& call, const std::string& tensor) {
    VerifyRow row;
    row.call = call;
    row.tensor = tensor;
    row.skipped = true;
    row.note = "built without pictures (VITRINE_MEDIA=OFF)";
    return row;
}

}  // namespace

void verifyPreprocessing(std::vector<VerifyRow>& rows, const Json& call, const ModelFolder& folder,
                         const ReferenceData& data) {
    const std::string id = call.value("id", "");
    const auto outputs = call.value("outputs", std::vector<std::string>{});
    if (!picturesAreSupported()) {
        for (const std::string& name : outputs)
            rows.push_back(skippedRow(id, name));
        return;
    }
    const auto tensors = preprocessed(folder, folder.path / call["inputs"]["image"].get<std::string>());
    if (!tensors)
        return addFailedRows(rows, id, outputs, tensors.error().text());
    for (const std::string& name : outputs) {
        const auto actual = tensors->find(name.substr(name.find('.') + 1));
        const auto expected = data.expected.find(name);
        if (actual == tensors->end() || expected == data.expected.end())
            addFailedRows(rows, id, {name}, "this processor does not give that output");
        else
            rows.push_back(compareTensor(id, name, actual->second, expected->second, data.tolerance(name)));
    }
}

}  // namespace vitrine
