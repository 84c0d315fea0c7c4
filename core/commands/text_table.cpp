#include "core/commands/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace vitrine {
namespace {

size_t characterCount(const std::string& text) {
    return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string TextTable::text() const {
    std::vector<size_t> widths(header.size(), 0);
    const auto measure = [&](const std::vector<std::string>& row) {
        for (size_t column = 0; column < std::min(row.size(), widths.size()); ++column)
            widths[column] = std::max(widths[column], characterCount(row[column]));
    };
    measure(header);
    for (const auto& row : rows)
        measure(row);
    const auto line = [&](const std::vector<std::string>& row) {
        std::string out;
        for (size_t column = 0; column < widths.size(); ++column) {
            const std::string cell = column < row.size() ? row[column] : "";
            const std::string padding(widths[column] - characterCount(cell), ' ');
            const bool right = column < rightAligned.size() && rightAligned[column];
            out += (column ? "  " : "") + (right ? padding + cell : cell + padding);
        }
        out.erase(out.find_last_not_of(' ') + 1);
        return out + "\n";
    };
    std::string out = line(header);
    std::vector<std::string> rule;
    rule.reserve(widths.size());
    for (const size_t width : widths)
        rule.push_back(std::string(width, '-'));
    out += line(rule);
    for (const auto& row : rows)
        out += line(row);
    return out;
}

std::string bytesText(uint64_t bytes) {
    const char* units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = double(bytes);
    size_t unit = 0;
    while (value >= 1000 && unit < 4) {
        value /= 1000;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string groupedNumber(int64_t value) {
    std::string digits = std::to_string(value < 0 ? -value : value);
    for (int64_t at = int64_t(digits.size()) - 3; at > 0; at -= 3)
        digits.insert(size_t(at), ",");
    return (value < 0 ? "-" : "") + digits;
}

}  // namespace vitrine
