// Cutting the words of a SplitText further, and rewriting them: what the kinds of pre-tokenizers are made of.
#pragma once

#include "core/tokenizers/pre_tokenizers.h"
#include "core/tokenizers/regex.h"

namespace vitrine {

// What becomes of the runs that a splitter looks for: dropped, words of their own, joined to the word before
// or after, or joined with their like.
enum class SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };

// Runs are the matches of `regex`, with `invert` what lies between them.
PreTokenizer splitByRegex(Regex regex, SplitBehavior behavior, bool invert);

// One run per character for which `matches` holds; what lies between them in one.
PreTokenizer splitByCharacter(SplitBehavior behavior, bool (*matches)(char32_t));

// Writes every word anew through `rewrite(writer, word, first)`; `first`: it begins the user's text.
template <typename Rewrite>
void rewriteWords(SplitText& in, Rewrite rewrite) {
    AlignedTextWriter writer(in.text);
    std::vector<Span> words;
    for (size_t i = 0; i < in.words.size(); ++i) {
        const size_t begin = writer.size();
        rewrite(writer, in.words[i], i == 0 && in.startsSource);
        words.push_back({begin, writer.size()});
    }
    in.text = writer.take();
    in.words = std::move(words);
}

}  // namespace vitrine
