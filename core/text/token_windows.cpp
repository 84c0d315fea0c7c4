#include "core/text/token_windows.h"

#include "core/base/check.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kFewDocuments = 20;

}  // namespace

SplitRanges splitTail(const TokenFile& file, double share) {
    const TokenFileInfo& info = file.info();
    int64_t cut = info.tokens - int64_t(std::llround(share * double(info.tokens)));
    if (info.documents >= kFewDocuments && share > 0) {
        // The document border in front of the cut: no document is on both sides.
        int64_t low = 0, high = info.documents;
        while (high - low > 1) {
            const int64_t middle = (low + high) / 2;
            (file.documentStart(middle) <= cut ? low : high) = middle;
        }
        cut = file.documentStart(low);
    }
    return {{0, cut}, {cut, info.tokens - cut}};
}

int64_t windowLength(TokenRange range, int64_t length) {
    return std::min(range.count, length);
}

std::vector<int64_t> windowStarts(TokenRange range, int64_t length) {
    std::vector<int64_t> starts;
    const int64_t size = windowLength(range, length);
    for (int64_t at = 0; size >= 2 && at + size <= range.count; at += size)
        starts.push_back(range.first + at);
    return starts;
}

int64_t randomWindow(TokenRange range, int64_t length, uint64_t draw) {
    VITRINE_CHECK(range.count >= length, "the text is shorter than a window");
    return range.first + int64_t(draw % uint64_t(range.count - length + 1));
}

}  // namespace vitrine
