// Numbers in small text files: calibrations, poses, ascii clouds.
#pragma once

#include "core/base/result.h"

#include <string_view>
#include <vector>

namespace vitrine::clouds {

// The next word (up to white space) of `text`, which is cut off it; empty at the end.
std::string_view nextWord(std::string_view& text);
// The next line without its line end (\n or \r\n), cut off `text`.
std::string_view nextLine(std::string_view& text);
// One number as C writes it; "nan" and "inf" are numbers. False if `word` is anything else.
bool parseNumber(std::string_view word, double& number);
// All of `text` as finite numbers. InvalidFile naming `where` and the word that is none.
Result<std::vector<double>> finiteNumbers(std::string_view text, std::string_view where);

}  // namespace vitrine::clouds
