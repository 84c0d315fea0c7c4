// Search as one types in a command palette: the query's letters must occur in order; runs of letters, word
// starts and early hits count more.
#pragma once

#include <QString>
#include <optional>
#include <vector>

namespace vitrine {

struct FuzzyMatch {
    int score = 0;               // higher is better
    std::vector<int> positions;  // indices of the matched letters in the text, for bold print
};

// Nothing if a letter of `query` (spaces ignored) is missing. An empty query matches everything with score 0.
std::optional<FuzzyMatch> fuzzyMatch(const QString& query, const QString& text);

}  // namespace vitrine
