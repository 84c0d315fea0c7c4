// What a path on the command line stands for: some commands take models and pictures in any order.
#pragma once

#include "core/base/result.h"

#include <filesystem>

namespace vitrine {

enum class InputKind { Model, Picture, PictureFolder };

// A path is a model if it holds tensors, else a picture or a folder (of pictures). NotFound; InvalidArgument
// for a file that is neither.
Result<InputKind> inputKindOf(const std::filesystem::path& path);

}  // namespace vitrine
