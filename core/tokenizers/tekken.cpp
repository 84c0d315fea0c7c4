#include "core/tokenizers/byte_level.h"
#include "core/tokenizers/charsmap.h"
#include "core/tokenizers/vocabulary_files.h"

#include <unordered_set>

namespace vitrine {
namespace {

// Files before version 7 leave the special tokens to the program.
constexpr const char* kEarlySpecialTokens[] = {"<unk>",
                                               "<s>",
                                               "</s>",
                                               "[INST]",
                                               "[/INST]",
                                               "[AVAILABLE_TOOLS]",
                                               "[/AVAILABLE_TOOLS]",
                                               "[TOOL_RESULTS]",
                                               "[/TOOL_RESULTS]",
                                               "[TOOL_CALLS]",
                                               "[IMG]",
                                               "<pad>",
                                               "[IMG_BREAK]",
                                               "[IMG_END]",
                                               "[PREFIX]",
                                               "[MIDDLE]",
                                               "[SUFFIX]",
                                               "[SYSTEM_PROMPT]",
                                               "[/SYSTEM_PROMPT]",
                                               "[TOOL_CONTENT]"};

// Trying every cut of a token takes quadratic time; published tokens have some hundred bytes at most.
constexpr size_t kMaxTokenBytes = 4096;

// The file states ranks only: any two neighbours whose bytes together are a token merge at that token's rank.
void addEveryCut(const std::vector<std::string>& tokens, TokenizerDefinition& out) {
    const std::unordered_set<std::string> known(tokens.begin(), tokens.end());
    for (size_t rank = 0; rank < tokens.size(); ++rank)
        for (size_t cut = 1; cut < tokens[rank].size(); ++cut) {
            const std::string left = tokens[rank].substr(0, cut), right = tokens[rank].substr(cut);
            if (!known.contains(left) || !known.contains(right))
                continue;
            out.merges.emplace_back(toByteLevel(left), toByteLevel(right));
            out.mergeRanks.push_back(static_cast<uint32_t>(rank));
        }
}

}  // namespace

Result<TokenizerDefinition> readTekken(const Json& tekken, const std::string& where) {
    VITRINE_TRY(const Json config, jsonValue<Json>(tekken, "config", where));
    VITRINE_TRY(const std::string pattern, jsonValueOr<std::string>(config, "pattern", kTekkenSplit, where));
    VITRINE_TRY(const int64_t specialCount,
                jsonValueOr<int64_t>(config, "default_num_special_tokens", 1000, where));
    VITRINE_TRY(const Json list, jsonValue<Json>(tekken, "vocab", where));
    VITRINE_TRY(const int64_t total, jsonValueOr<int64_t>(config, "default_vocab_size",
                                                          specialCount + int64_t(list.size()), where));
    TokenizerDefinition out;
    out.json = byteLevelBpeJson({pattern});
    std::vector<std::string> tokens;  // bytes, by rank
    for (const Json& item : list) {
        if (static_cast<int64_t>(tokens.size()) >= total - specialCount)
            break;
        VITRINE_TRY(const int64_t rank, jsonValue<int64_t>(item, "rank", where));
        VITRINE_TRY(const std::string encoded, jsonValue<std::string>(item, "token_bytes", where));
        VITRINE_TRY(std::string bytes, decodeBase64(encoded));
        if (rank != static_cast<int64_t>(tokens.size()) || bytes.empty() || bytes.size() > kMaxTokenBytes)
            return fail(
                ErrorCode::InvalidFile,
                fmt::format("entry {} of vocab has rank {}, is empty or too long", tokens.size(), rank),
                where);
        out.vocabulary.emplace_back(toByteLevel(bytes), rank + specialCount);
        tokens.push_back(std::move(bytes));
    }
    addEveryCut(tokens, out);
    out.json["model"]["ignore_merges"] = true;
    Json specials = Json::array();
    if (tekken.contains("special_tokens") && tekken["special_tokens"].is_array())
        specials = tekken["special_tokens"];
    if (specials.empty())
        for (const char* token : kEarlySpecialTokens)
            specials.push_back({{"rank", specials.size()}, {"token_str", token}});
    for (const Json& item : specials) {
        VITRINE_TRY(const int64_t rank, jsonValue<int64_t>(item, "rank", where));
        VITRINE_TRY(const std::string token, jsonValue<std::string>(item, "token_str", where));
        out.json["added_tokens"].push_back(addedTokenJson(token, rank, true));
        if (token == "<s>")
            out.json["post_processor"] = frameJson({{token, rank}}, {});
    }
    return out;
}

}  // namespace vitrine
