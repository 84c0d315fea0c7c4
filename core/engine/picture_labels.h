// Classes of pictures, from a CSV file or from the folders that they lie in.
#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <string>
#include <vector>

namespace vitrine {

// The class of each of `pictures`, "" where the file does not name it. The CSV file has a header line;
// pictures are in the column "file", "path", "picture" or "image" (else the first), by name or by as much of
// the path as tells them apart; classes are in `column`, or, if that is empty, in "label" or "class" (else
// the second). Errors: as readFile; InvalidFile without two columns; NotFound for an unknown column or if not
// one picture is named.
Result<std::vector<std::string>> labelsFromCsv(const std::filesystem::path& file, const std::string& column,
                                               const std::vector<std::string>& pictures);

// The name of the folder of each picture.
std::vector<std::string> labelsFromFolders(const std::vector<std::string>& pictures);

}  // namespace vitrine
