#include "core/tokenizers/word_splitting.h"

#include "core/tokenizers/unicode.h"

#include <algorithm>

namespace vitrine {
namespace {

using Behavior = SplitBehavior;

// A run of a word, and whether it is what the splitter looks for.
struct Run {
    size_t begin;
    size_t end;
    bool match;
};

void appendRuns(const std::vector<Run>& runs, Behavior behavior, std::vector<Span>& out) {
    std::vector<Span> spans;
    bool previousMatch = false;
    const auto merge = [&](const Run& run, bool join) {
        if (join && !spans.empty()) {
            spans.back().begin = std::min(spans.back().begin, run.begin);
            spans.back().end = std::max(spans.back().end, run.end);
        } else {
            spans.push_back({run.begin, run.end});
        }
        previousMatch = run.match;
    };
    if (behavior == Behavior::MergedWithNext) {
        for (auto run = runs.rbegin(); run != runs.rend(); ++run)
            merge(*run, run->match && !previousMatch);
        std::reverse(spans.begin(), spans.end());
    } else {
        for (const Run& run : runs) {
            if (behavior == Behavior::Isolated || (behavior == Behavior::Removed && !run.match))
                spans.push_back({run.begin, run.end});
            else if (behavior == Behavior::Contiguous)
                merge(run, run.match == previousMatch);
            else if (behavior == Behavior::MergedWithPrevious)
                merge(run, run.match && !previousMatch);
        }
    }
    for (const Span& span : spans)
        if (span.end > span.begin)
            out.push_back(span);
}

// Cuts every word into runs by `findRuns(text, word, runs)` and joins them as `behavior` says.
template <typename FindRuns>
Result<void> split(SplitText& in, Behavior behavior, FindRuns findRuns) {
    std::vector<Span> words;
    std::vector<Run> runs;
    for (const Span& word : in.words) {
        runs.clear();
        VITRINE_TRY_VOID(findRuns(std::string_view(in.text.text), word, runs));
        appendRuns(runs, behavior, words);
    }
    in.words = std::move(words);
    return {};
}

void addRun(std::vector<Run>& runs, size_t begin, size_t end, bool match) {
    if (end > begin)
        runs.push_back({begin, end, match});
}

Result<void> regexRuns(const Regex& regex, bool invert, std::string_view text, const Span& word,
                       std::vector<Run>& runs) {
    const std::string_view subject = text.substr(word.begin, word.end - word.begin);
    size_t kept = 0, from = 0;
    while (from < subject.size()) {
        VITRINE_TRY(const Regex::Match match, regex.find(subject, from));
        if (!match.found)
            break;
        addRun(runs, word.begin + kept, word.begin + match.begin, invert);
        addRun(runs, word.begin + match.begin, word.begin + match.end, !invert);
        kept = match.end;
        from = match.end;
        if (match.end == match.begin && from < subject.size())
            from += unicode::characterBytes(static_cast<unsigned char>(subject[from]));
    }
    addRun(runs, word.begin + kept, word.end, invert);
    return {};
}

}  // namespace

PreTokenizer splitByRegex(Regex regex, Behavior behavior, bool invert) {
    return [regex = std::move(regex), behavior, invert](SplitText& in) -> Result<void> {
        if (behavior != Behavior::Isolated)
            return split(in, behavior, [&](std::string_view text, const Span& word, std::vector<Run>& runs) {
                return regexRuns(regex, invert, text, word, runs);
            });
        std::vector<Span> words;  // the common case without the detour over joining
        std::vector<Run> runs;
        for (const Span& word : in.words) {
            runs.clear();
            VITRINE_TRY_VOID(regexRuns(regex, invert, in.text.text, word, runs));
            for (const Run& run : runs)
                words.push_back({run.begin, run.end});
        }
        in.words = std::move(words);
        return {};
    };
}

PreTokenizer splitByCharacter(Behavior behavior, bool (*matches)(char32_t)) {
    return [behavior, matches](SplitText& in) {
        return split(in, behavior,
                     [&](std::string_view text, const Span& word, std::vector<Run>& runs) -> Result<void> {
                         size_t kept = word.begin;
                         for (size_t i = word.begin; i < word.end;) {
                             const size_t begin = i;
                             if (!matches(unicode::nextCharacter(text, i)))
                                 continue;
                             addRun(runs, kept, begin, false);
                             addRun(runs, begin, i, true);
                             kept = i;
                         }
                         addRun(runs, kept, word.end, false);
                         return {};
                     });
    };
}

}  // namespace vitrine
