#include "core/base/nearest.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace vitrine {

size_t editDistance(std::string_view a, std::string_view b) {
    std::vector<size_t> beforePrevious(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
    for (size_t column = 0; column <= b.size(); ++column)
        previous[column] = column;
    for (size_t row = 1; row <= a.size(); ++row) {
        current[0] = row;
        for (size_t column = 1; column <= b.size(); ++column) {
            const size_t substitution = previous[column - 1] + (a[row - 1] != b[column - 1]);
            current[column] = std::min({substitution, previous[column] + 1, current[column - 1] + 1});
            if (row > 1 && column > 1 && a[row - 1] == b[column - 2] && a[row - 2] == b[column - 1])
                current[column] = std::min(current[column], beforePrevious[column - 2] + 1);
        }
        std::swap(beforePrevious, previous);
        std::swap(previous, current);
    }
    return previous[b.size()];
}

std::optional<std::string> nearestName(std::string_view name, std::span<const std::string> candidates) {
    const auto lower = [](std::string_view text) {
        std::string out(text);
        std::transform(out.begin(), out.end(), out.begin(),
                       [](unsigned char c) { return char(std::tolower(c)); });
        return out;
    };
    const std::string wanted = lower(name);
    std::optional<std::string> best;
    size_t bestDistance = std::max<size_t>(1, wanted.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const size_t distance = editDistance(wanted, lower(candidate));
        if (distance < bestDistance) {
            bestDistance = distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace vitrine
