#include "core/engine/input_kind.h"

#include "core/io/model_folder.h"
#include "core/media/image_folder.h"

namespace vitrine {

Result<InputKind> inputKindOf(const std::filesystem::path& path) {
    std::error_code problem;
    if (!std::filesystem::exists(path, problem))
        return fail(ErrorCode::NotFound, "no such file or folder", path.string());
    const bool folder = std::filesystem::is_directory(path, problem);
    if (!folder && hasImageExtension(path))
        return InputKind::Picture;
    if (const auto model = openModelFolder(path); model && model->weights)
        return InputKind::Model;
    if (folder)
        return InputKind::PictureFolder;
    return fail(ErrorCode::InvalidArgument, "this is neither a picture nor a model", path.string());
}

}  // namespace vitrine
