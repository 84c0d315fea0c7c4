// Fields of CSV files (RFC 4180).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

// One field of a CSV line, quoted where RFC 4180 asks for it.
std::string csvField(const std::string& text);

// Fields of the first record of `text` (quotes, doubled quotes, line breaks inside quotes), which is taken
// off it.
std::vector<std::string> takeCsvRecord(std::string_view& text);

}  // namespace vitrine
