#include "core/tokenizers/tokenizer_gguf.h"

#include "core/tokenizers/sentencepiece.h"
#include "core/tokenizers/tokenizer_json.h"
#include "core/tokenizers/vocabulary_files.h"

#include <map>

namespace vitrine {
namespace {

using Implementation = Tokenizer::Implementation;
enum TokenType { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct GgufVocabulary {
    std::vector<std::string> tokens;
    std::vector<int64_t> types;
};

Result<GgufVocabulary> readTokens(const Json& metadata, const std::string& where) {
    GgufVocabulary out;
    VITRINE_TRY(out.tokens, jsonValue<std::vector<std::string>>(metadata, "tokenizer.ggml.tokens", where));
    VITRINE_TRY(out.types,
                jsonValueOr<std::vector<int64_t>>(metadata, "tokenizer.ggml.token_type",
                                                  std::vector<int64_t>(out.tokens.size(), kNormal), where));
    if (out.types.size() != out.tokens.size())
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} tokens but {} token types", out.tokens.size(), out.types.size()), where);
    return out;
}

std::optional<int64_t> idOf(const Json& metadata, const char* key, size_t size) {
    const std::string full = std::string("tokenizer.ggml.") + key + "_token_id";
    if (!metadata.contains(full) || !metadata[full].is_number_integer())
        return std::nullopt;
    const int64_t id = metadata[full].get<int64_t>();
    return id >= 0 && id < static_cast<int64_t>(size) ? std::optional<int64_t>(id) : std::nullopt;
}

// How llama.cpp's names of pre-tokenisers cut text, in steps.
const std::map<std::string, std::vector<std::string>>& preTokenizers() {
    static const std::map<std::string, std::vector<std::string>> table = {
        {"default", {kGpt2Split}},
        {"gpt-2", {kGpt2Split}},
        {"llama-bpe", {kLlama3Split}},
        {"qwen2", {kQwen2Split}},
        {"tekken", {kTekkenSplit}},
        {"starcoder", {R"(\p{N})", kGpt2Split}},
        {"falcon", {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2Split, "[0-9][0-9][0-9]"}},
        {"deepseek-llm",
         {"[\\r\\n]", R"(\s?\p{L&}+)",
          "\\s?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}]+",
          R"(\s+$)", R"([\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+)", R"(\p{N}+)"}},
    };
    return table;
}

void addSpecialTokens(const GgufVocabulary& vocabulary, Json& json) {
    for (size_t i = 0; i < vocabulary.tokens.size(); ++i)
        if (vocabulary.types[i] == kControl || vocabulary.types[i] == kUserDefined)
            json["added_tokens"].push_back(addedTokenJson(vocabulary.tokens[i], static_cast<int64_t>(i),
                                                          vocabulary.types[i] == kControl));
}

bool flag(const Json& metadata, const char* key, bool fallback) {
    const std::string full = std::string("tokenizer.ggml.") + key;
    return metadata.contains(full) && metadata[full].is_boolean() ? metadata[full].get<bool>() : fallback;
}

Json frame(const Json& metadata, const GgufVocabulary& vocabulary, const char* first, bool addFirst,
           const char* last, bool addLast) {
    std::vector<std::pair<std::string, int64_t>> before, after;
    const auto add = [&](const char* role, auto& side) {
        if (const auto id = idOf(metadata, role, vocabulary.tokens.size()))
            side.emplace_back(vocabulary.tokens[static_cast<size_t>(*id)], *id);
    };
    if (addFirst)
        add(first, before);
    if (addLast)
        add(last, after);
    return frameJson(before, after);
}

Result<std::shared_ptr<Implementation>> readByteLevel(const Json& metadata, const GgufVocabulary& vocabulary,
                                                      const std::string& where) {
    VITRINE_TRY(const std::string pre,
                jsonValueOr<std::string>(metadata, "tokenizer.ggml.pre", "default", where));
    const auto found = preTokenizers().find(pre);
    if (found == preTokenizers().end()) {
        std::string known;
        for (const auto& [name, steps] : preTokenizers())
            known += (known.empty() ? "" : ", ") + name;
        return fail(ErrorCode::UnknownFamily,
                    fmt::format("unknown tokenizer.ggml.pre \"{}\"; known: {}", pre, known), where);
    }
    TokenizerDefinition out;
    Json& json = out.json = byteLevelBpeJson(found->second);
    VITRINE_TRY(const auto merges,
                jsonValue<std::vector<std::string>>(metadata, "tokenizer.ggml.merges", where));
    for (const std::string& merge : merges) {
        const size_t space = merge.find(' ', 1);
        if (space == std::string::npos)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("merge {} is not a pair of tokens", out.merges.size()), where);
        out.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
    }
    for (size_t i = 0; i < vocabulary.tokens.size(); ++i)
        if (vocabulary.types[i] != kUnused)
            out.vocabulary.emplace_back(vocabulary.tokens[i], static_cast<int64_t>(i));
    json["model"]["ignore_merges"] = pre == "llama-bpe" || pre == "tekken";
    if (pre == "qwen2")
        json["normalizer"] = {{"type", "NFC"}};
    addSpecialTokens(vocabulary, json);
    json["post_processor"] =
        frame(metadata, vocabulary, "bos", flag(metadata, "add_bos_token", pre == "llama-bpe"), "eos",
              flag(metadata, "add_eos_token", false));
    return makeTokenizer(std::move(out), where);
}

Result<std::shared_ptr<Implementation>> readWordPiece(const Json& metadata, GgufVocabulary vocabulary,
                                                      const std::string& where) {
    TokenizerDefinition out;
    Json& json = out.json = wordPieceJson(true);
    // Tokens that begin a word are written with U+2581 in front, the others without BERT's "##".
    constexpr std::string_view mark = "\xE2\x96\x81";
    for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
        std::string& token = vocabulary.tokens[i];
        if (token.starts_with(mark))
            token.erase(0, mark.size());
        else if (vocabulary.types[i] == kNormal)
            token = "##" + token;
        out.vocabulary.emplace_back(token, static_cast<int64_t>(i));
    }
    if (const auto unknown = idOf(metadata, "unknown", vocabulary.tokens.size()))
        json["model"]["unk_token"] = vocabulary.tokens[static_cast<size_t>(*unknown)];
    addSpecialTokens(vocabulary, json);
    const bool spelledRight = metadata.contains("tokenizer.ggml.separator_token_id");
    json["post_processor"] =
        frame(metadata, vocabulary, metadata.contains("tokenizer.ggml.cls_token_id") ? "cls" : "bos", true,
              spelledRight ? "separator" : "seperator", true);
    return makeTokenizer(std::move(out), where);
}

Result<std::shared_ptr<Implementation>> readSentencePiece(const Json& metadata,
                                                          const GgufVocabulary& vocabulary,
                                                          const std::string& where) {
    SentencePieceModel model;
    model.algorithm = SentencePieceModel::Algorithm::Bpe;
    model.byteFallback = true;
    model.removeExtraWhitespaces = flag(metadata, "remove_extra_whitespaces", false);
    model.addDummyPrefix = flag(metadata, "add_space_prefix", true);
    model.addBos = flag(metadata, "add_bos_token", true);
    model.addEos = flag(metadata, "add_eos_token", false);
    VITRINE_TRY(const auto scores, jsonValue<std::vector<double>>(metadata, "tokenizer.ggml.scores", where));
    if (scores.size() != vocabulary.tokens.size())
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} tokens but {} scores", vocabulary.tokens.size(), scores.size()), where);
    for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
        if (vocabulary.types[i] < 1 || vocabulary.types[i] > 6)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("token {} has the unknown type {}", i, vocabulary.types[i]), where);
        model.pieces.push_back({vocabulary.tokens[i], static_cast<float>(scores[i]),
                                static_cast<SentencePieceModel::PieceType>(vocabulary.types[i])});
    }
    model.bosId = idOf(metadata, "bos", vocabulary.tokens.size()).value_or(-1);
    model.eosId = idOf(metadata, "eos", vocabulary.tokens.size()).value_or(-1);
    model.padId = idOf(metadata, "padding", vocabulary.tokens.size()).value_or(-1);
    return makeSentencePiece(std::move(model), where);
}

}  // namespace

Result<std::shared_ptr<Implementation>> readGgufTokenizer(const Json& metadata, const std::string& where) {
    VITRINE_TRY(const std::string kind, jsonValue<std::string>(metadata, "tokenizer.ggml.model", where));
    VITRINE_TRY(GgufVocabulary vocabulary, readTokens(metadata, where));
    const size_t size = vocabulary.tokens.size();
    std::shared_ptr<Implementation> out;
    if (kind == "gpt2") {
        VITRINE_TRY(out, readByteLevel(metadata, vocabulary, where));
    } else if (kind == "llama") {
        VITRINE_TRY(out, readSentencePiece(metadata, vocabulary, where));
    } else if (kind == "bert") {
        VITRINE_TRY(out, readWordPiece(metadata, std::move(vocabulary), where));
    } else {
        return fail(ErrorCode::UnknownFamily,
                    fmt::format("unknown tokenizer.ggml.model \"{}\"; known: bert, gpt2, llama", kind),
                    where);
    }
    SpecialTokenIds& special = out->special;
    special.bos = idOf(metadata, "bos", size);
    special.eos = idOf(metadata, "eos", size);
    special.pad = idOf(metadata, "padding", size);
    special.cls = idOf(metadata, "cls", size);
    special.sep = idOf(metadata, "seperator", size);
    special.mask = idOf(metadata, "mask", size);
    return out;
}

}  // namespace vitrine
