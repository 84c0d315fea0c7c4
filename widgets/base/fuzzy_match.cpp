#include "widgets/base/fuzzy_match.h"

#include <algorithm>

namespace vitrine {
namespace {

bool startsWord(const QString& text, int index) {
    if (index == 0)
        return true;
    const QChar before = text[index - 1];
    return !before.isLetterOrNumber() || (before.isLower() && text[index].isUpper());
}

constexpr int kUnreachable = -1'000'000;

}  // namespace

// Best alignment by dynamic programming: best[q][t] is the best score with query letter q placed on text
// letter t.
std::optional<FuzzyMatch> fuzzyMatch(const QString& query, const QString& text) {
    QString letters;
    for (const QChar letter : query)
        if (!letter.isSpace())
            letters += letter.toLower();
    const int queryLength = int(letters.size()), textLength = int(text.size());
    if (queryLength == 0)
        return FuzzyMatch{};
    if (queryLength > textLength)
        return std::nullopt;
    std::vector<std::vector<int>> best(size_t(queryLength),
                                       std::vector<int>(size_t(textLength), kUnreachable));
    std::vector<std::vector<int>> from(size_t(queryLength), std::vector<int>(size_t(textLength), -1));
    for (int q = 0; q < queryLength; ++q) {
        int bestBefore = kUnreachable, bestBeforeIndex = -1;
        for (int t = 0; t < textLength; ++t) {
            if (q > 0 && t > 0 && best[size_t(q) - 1][size_t(t) - 1] > bestBefore) {
                bestBefore = best[size_t(q) - 1][size_t(t) - 1];
                bestBeforeIndex = t - 1;
            }
            if (text[t].toLower() != letters[q])
                continue;
            const int own = 10 + (startsWord(text, t) ? 8 : 0);
            int previous = q == 0 ? -std::min(t, 15) : bestBefore;
            int previousIndex = bestBeforeIndex;
            if (q > 0 && t > 0 && best[size_t(q) - 1][size_t(t) - 1] > kUnreachable &&
                best[size_t(q) - 1][size_t(t) - 1] + 12 >= bestBefore) {
                previous = best[size_t(q) - 1][size_t(t) - 1] + 12;  // the letters stand side by side
                previousIndex = t - 1;
            }
            if (previous <= kUnreachable)
                continue;
            best[size_t(q)][size_t(t)] = previous + own;
            from[size_t(q)][size_t(t)] = previousIndex;
        }
    }
    const auto& last = best.back();
    const auto end = std::max_element(last.begin(), last.end());
    if (*end <= kUnreachable)
        return std::nullopt;
    FuzzyMatch match;
    match.score = *end - textLength / 8;
    int t = int(end - last.begin());
    for (int q = queryLength - 1; q >= 0; --q) {
        match.positions.push_back(t);
        t = from[size_t(q)][size_t(t)];
    }
    std::reverse(match.positions.begin(), match.positions.end());
    return match;
}

}  // namespace vitrine
