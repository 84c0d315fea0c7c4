#include "core/io/natural_order.h"

namespace vitrine {
namespace {

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

// The digits from `at` on without leading zeros; moves `at` behind them.
std::string_view takeNumber(std::string_view text, size_t& at) {
    while (at < text.size() && text[at] == '0')
        ++at;
    const size_t start = at;
    while (at < text.size() && isDigit(text[at]))
        ++at;
    return text.substr(start, at - start);
}

}  // namespace

bool naturalLess(std::string_view a, std::string_view b) {
    size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        if (isDigit(a[i]) && isDigit(b[j])) {
            const std::string_view left = takeNumber(a, i), right = takeNumber(b, j);
            if (left.size() != right.size())
                return left.size() < right.size();
            if (left != right)
                return left < right;
        } else {
            if (a[i] != b[j])
                return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
            ++i;
            ++j;
        }
    }
    const bool aEnds = i == a.size(), bEnds = j == b.size();
    return aEnds != bEnds ? aEnds : a < b;
}

}  // namespace vitrine
