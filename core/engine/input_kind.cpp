#include "core/engine/input_kind.h"

#include "core/io/model_folder.h"
#include "core/media/image_folder.h"

#include <algorithm>

namespace vitrine {
namespace {

bool isWeightExtension(const std::string& extension) {
    static constexpr std::string_view kExtensions[] = {".safetensors", ".pt",   ".pth",
                                                       ".bin",         ".gguf", ".json"};
    return std::find(std::begin(kExtensions), std::end(kExtensions), extension) != std::end(kExtensions);
}

}  // namespace

Result<InputKind> inputKindOf(const std::filesystem::path& path) {
    std::error_code problem;
    if (!std::filesystem::exists(path, problem))
        return fail(ErrorCode::NotFound, "no such file or folder", path.string());
    const bool folder = std::filesystem::is_directory(path, problem);
    if (!folder && hasImageExtension(path))
        return InputKind::Picture;
    const auto model = openModelFolder(path);
    if (model && model->weights)
        return InputKind::Model;
    if (folder) {
        // Damaged weights or a broken config.json: not a folder of pictures that happens to be empty.
        if (!model && model.error().code != ErrorCode::NotFound)
            if (const auto list = listImages(path); list && list->images.empty())
                return fail(model.error());
        return InputKind::PictureFolder;
    }
    if (!model && isWeightExtension(path.extension().string()))
        return fail(model.error());
    return fail(ErrorCode::InvalidArgument, "this is neither a picture nor a model", path.string());
}

}  // namespace vitrine
