// The handwritten digits of resources/pictures/digits: real pictures that every machine has.
#pragma once

#include "core/image_training/labelled_pictures.h"

#include <filesystem>

namespace vitrine {

// resources/pictures/digits/digits.bin
std::filesystem::path digitsFile();

// (N, 3, 8, 8), three equal channels, 0 for paper and 1 for full ink: unlike other pictures they are not
// normalised, so that what BatchDraw shifts in is paper. Errors: of reading; InvalidFile for a file of
// another length, a label above 9 or a value above 16, with its record.
Result<LabelledPictures> readDigitPictures(const std::filesystem::path& file);

}  // namespace vitrine
