#include "widgets/base/natural_order.h"

#include <cctype>

namespace vitrine {
namespace {

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

// Takes one number off the front of `text`, leading zeros dropped.
std::string_view takeNumber(std::string_view& text) {
    size_t zeros = 0;
    while (zeros < text.size() && text[zeros] == '0')
        ++zeros;
    size_t end = zeros;
    while (end < text.size() && isDigit(text[end]))
        ++end;
    const std::string_view number = text.substr(zeros, end - zeros);
    text.remove_prefix(end);
    return number;
}

int compareNaturally(std::string_view a, std::string_view b) {
    while (!a.empty() && !b.empty()) {
        if (isDigit(a.front()) && isDigit(b.front())) {
            const std::string_view left = takeNumber(a), right = takeNumber(b);
            if (left.size() != right.size())
                return left.size() < right.size() ? -1 : 1;
            if (const int order = left.compare(right))
                return order;
            continue;
        }
        const int left = std::tolower(static_cast<unsigned char>(a.front()));
        const int right = std::tolower(static_cast<unsigned char>(b.front()));
        if (left != right)
            return left - right;
        a.remove_prefix(1);
        b.remove_prefix(1);
    }
    return a.empty() && b.empty() ? 0 : a.empty() ? -1 : 1;
}

}  // namespace

bool naturalLess(std::string_view a, std::string_view b) {
    const int order = compareNaturally(a, b);
    return order != 0 ? order < 0 : a < b;
}

}  // namespace vitrine
