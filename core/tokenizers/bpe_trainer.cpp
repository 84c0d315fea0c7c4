#include "core/tokenizers/bpe_trainer.h"

#include "core/tokenizers/added_tokens.h"
#include "core/tokenizers/byte_level.h"
#include "core/tokenizers/regex.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/vocabulary_files.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <unordered_set>

namespace vitrine {
namespace {

using Pair = std::pair<int32_t, int32_t>;

struct Word {
    std::vector<int32_t> symbols;
    int64_t count;
};

struct PairState {
    int64_t count = 0;
    std::unordered_set<uint32_t> words;  // may hold words that lost the pair
};

Result<std::map<std::string, int64_t>> countWords(std::string_view corpus, const BpeTrainingOptions& options,
                                                  JobContext& job) {
    std::vector<AddedToken> specials;
    for (const std::string& token : options.specialTokens)
        specials.push_back({.content = token, .id = static_cast<int64_t>(specials.size()), .special = true});
    VITRINE_TRY(const AddedTokens cutter, AddedTokens::make(std::move(specials), {}));
    VITRINE_TRY(const Regex regex, Regex::compile(kGpt2Split));
    const std::string text = unicode::sanitizeUtf8(corpus);
    std::map<std::string, int64_t> counts;
    for (const AddedTokens::Part& part : cutter.split(text, false)) {
        const std::string_view section = std::string_view(text).substr(part.begin, part.end - part.begin);
        for (size_t at = 0; part.id < 0 && at < section.size();) {
            VITRINE_TRY(const Regex::Match match, regex.find(section, at));
            if (!match.found || match.end <= at)
                break;
            ++counts[std::string(section.substr(match.begin, match.end - match.begin))];
            at = match.end;
        }
        VITRINE_TRY_VOID(job.checkStop());
    }
    return counts;
}

class Trainer {
  public:
    std::vector<std::string> tokens;
    std::vector<Word> words;
    std::map<Pair, PairState> pairs;

    void addWord(std::string_view text, int64_t count, const std::array<int32_t, 256>& ids) {
        Word word{{}, count};
        for (const char c : text)
            word.symbols.push_back(ids[static_cast<unsigned char>(c)]);
        const uint32_t index = static_cast<uint32_t>(words.size());
        for (size_t i = 0; i + 1 < word.symbols.size(); ++i)
            change({word.symbols[i], word.symbols[i + 1]}, count, index);
        words.push_back(std::move(word));
    }

    // Rebuilds the queue; called once after the words are in.
    void fillQueue() {
        for (const auto& [pair, state] : pairs)
            queue_.push({state.count, pair, this});
    }

    // The most frequent pair, or nothing.
    std::optional<Pair> best() {
        while (!queue_.empty()) {
            const Entry top = queue_.top();
            queue_.pop();
            const auto found = pairs.find(top.pair);
            if (found != pairs.end() && found->second.count == top.count && top.count > 0)
                return top.pair;
        }
        return std::nullopt;
    }

    void merge(Pair pair, int32_t id) {
        changed_.clear();
        const std::unordered_set<uint32_t> affected = std::move(pairs[pair].words);
        for (const uint32_t index : affected)
            mergeIn(index, pair, id);
        pairs.erase(pair);
        for (const Pair& other : changed_)
            if (const auto found = pairs.find(other); found != pairs.end() && found->second.count > 0)
                queue_.push({found->second.count, other, this});
    }

  private:
    struct Entry {
        int64_t count;
        Pair pair;
        const Trainer* trainer;
        bool operator<(const Entry& other) const {
            if (count != other.count)
                return count < other.count;
            const auto& tokens = trainer->tokens;
            const auto text = [&](int32_t id) -> const std::string& {
                return tokens[static_cast<size_t>(id)];
            };
            if (pair.first != other.pair.first)
                return text(pair.first) < text(other.pair.first);
            return text(pair.second) < text(other.pair.second);
        }
    };

    void change(Pair pair, int64_t by, uint32_t word) {
        PairState& state = pairs[pair];
        state.count += by;
        if (by > 0)
            state.words.insert(word);
        changed_.insert(pair);
    }

    void mergeIn(uint32_t index, Pair pair, int32_t id) {
        Word& word = words[index];
        std::vector<int32_t> merged;
        for (size_t i = 0; i < word.symbols.size(); ++i) {
            const bool here = i + 1 < word.symbols.size() && word.symbols[i] == pair.first &&
                              word.symbols[i + 1] == pair.second;
            merged.push_back(here ? id : word.symbols[i]);
            i += here;
        }
        if (merged.size() == word.symbols.size())
            return;
        for (size_t i = 0; i + 1 < word.symbols.size(); ++i)
            change({word.symbols[i], word.symbols[i + 1]}, -word.count, index);
        for (size_t i = 0; i + 1 < merged.size(); ++i)
            change({merged[i], merged[i + 1]}, word.count, index);
        word.symbols = std::move(merged);
    }

    std::priority_queue<Entry> queue_;
    std::set<Pair> changed_;
};

}  // namespace

Result<TrainedBpe> trainByteLevelBpe(std::string_view corpus, const BpeTrainingOptions& options,
                                     JobContext& job) {
    const int64_t first = static_cast<int64_t>(options.specialTokens.size()) + 256;
    if (options.vocabularySize < first || options.vocabularySize > Vocabulary::kMaxId)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a vocabulary of {} cannot hold {} special tokens and 256 bytes",
                                options.vocabularySize, options.specialTokens.size()));
    job.beginStage("counting words", 0);
    VITRINE_TRY(const auto counts, countWords(corpus, options, job));
    Trainer trainer;
    trainer.tokens = options.specialTokens;
    std::array<int32_t, 256> ids;
    std::vector<std::pair<std::string, int>> order;
    order.reserve(256);
    for (int byte = 0; byte < 256; ++byte)
        order.emplace_back(byteLevelCharacters()[static_cast<size_t>(byte)], byte);
    std::sort(order.begin(), order.end());  // by the code point that stands for the byte
    for (const auto& [character, byte] : order) {
        ids[static_cast<size_t>(byte)] = static_cast<int32_t>(trainer.tokens.size());
        trainer.tokens.push_back(std::string(1, static_cast<char>(byte)));
    }
    for (const auto& [word, count] : counts)
        trainer.addWord(word, count, ids);
    trainer.fillQueue();
    TrainedBpe trained;
    job.beginStage("learning merges", options.vocabularySize - first);
    while (static_cast<int64_t>(trainer.tokens.size()) < options.vocabularySize) {
        VITRINE_TRY_VOID(job.checkStop());
        const auto pair = trainer.best();
        if (!pair)
            break;
        const std::string left = trainer.tokens[static_cast<size_t>(pair->first)];
        const std::string right = trainer.tokens[static_cast<size_t>(pair->second)];
        trainer.tokens.push_back(left + right);
        trainer.merge(*pair, static_cast<int32_t>(trainer.tokens.size()) - 1);
        trained.merges.emplace_back(left, right);
        job.advance();
    }
    trained.tokens = std::move(trainer.tokens);
    return trained;
}

std::string trainedTokenizerJson(const TrainedBpe& trained, const BpeTrainingOptions& options) {
    Json json = byteLevelBpeJson({kGpt2Split});
    const size_t specials = options.specialTokens.size();
    nlohmann::json vocabulary = nlohmann::json::object();  // the ordered type looks keys up one by one
    for (size_t i = 0; i < trained.tokens.size(); ++i) {
        const bool special = i < specials;
        vocabulary[special ? trained.tokens[i] : toByteLevel(trained.tokens[i])] = i;
        if (special)
            json["added_tokens"].push_back(addedTokenJson(trained.tokens[i], static_cast<int64_t>(i), true));
    }
    nlohmann::json out = nlohmann::json(json);
    out["version"] = "1.0";
    out["model"]["vocab"] = std::move(vocabulary);
    for (const auto& [left, right] : trained.merges)
        out["model"]["merges"].push_back(nlohmann::json::array({toByteLevel(left), toByteLevel(right)}));
    return out.dump(1);
}

}  // namespace vitrine
