// Aligned tables for terminals.
#pragma once

#include <string>
#include <vector>

namespace vitrine {

struct TextTable {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;
    std::vector<bool> rightAligned;  // per column; missing entries: left

    // Columns two spaces apart, a rule under the header; widths count UTF-8 characters.
    std::string text() const;
};

// "17.4 MB", "1.2 GB".
std::string bytesText(uint64_t bytes);
// 4,653,992
std::string groupedNumber(int64_t value);

}  // namespace vitrine
