#include "core/tokenizers/vocabulary_files.h"

#include "core/base/file.h"
#include "core/tokenizers/byte_level.h"

#include <zlib.h>

#include <algorithm>
#include <map>

namespace vitrine {

const char* const kGpt2Split = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char* const kLlama3Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kQwen2Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kTekkenSplit =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

constexpr const char* kClipSplit = R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";
constexpr size_t kMaxVocabularyBytes = size_t(256) << 20;

Json splitJson(const std::string& pattern, const char* behavior, bool invert) {
    return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", invert}};
}

std::vector<std::string> lines(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        out.emplace_back(line);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return out;
}

using Merges = std::vector<std::pair<std::string, std::string>>;

// Lines "left right" of a merges file; a first line with "#version" is a comment.
Result<Merges> readMergeLines(const std::vector<std::string>& all, size_t count, const std::string& where) {
    Merges merges;
    for (size_t i = 0; i < all.size() && merges.size() < count; ++i) {
        const std::string& line = all[i];
        if (line.empty() || (i == 0 && line.find("#version") != std::string::npos))
            continue;
        const size_t space = line.find(' ');
        if (space == std::string::npos || space == 0 || line.find(' ', space + 1) != std::string::npos)
            return fail(ErrorCode::InvalidFile, fmt::format("line {} is not a pair of tokens", i + 1), where);
        merges.emplace_back(line.substr(0, space), line.substr(space + 1));
    }
    return merges;
}

// Inflates a gzip stream of at most kMaxVocabularyBytes.
Result<std::string> gunzip(const std::string& bytes, const std::string& where) {
    z_stream stream{};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return fail(ErrorCode::Internal, "zlib did not start", where);
    std::string out;
    std::string buffer(size_t(1) << 16, '\0');
    int status = Z_OK;
    while (status == Z_OK && out.size() < kMaxVocabularyBytes) {
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        status = inflate(&stream, Z_NO_FLUSH);
        out.append(buffer, 0, buffer.size() - stream.avail_out);
    }
    inflateEnd(&stream);
    if (status != Z_STREAM_END)
        return fail(ErrorCode::InvalidFile, "the gzip file is damaged, cut off or too large", where);
    return out;
}

std::string textOf(const Json& config, const char* key) {
    if (!config.is_object() || !config.contains(key))
        return {};
    const Json& value = config[key];
    if (value.is_object() && value.contains("content") && value["content"].is_string())
        return value["content"].get<std::string>();
    return value.is_string() ? value.get<std::string>() : std::string();
}

bool flagOf(const Json& config, const char* key, bool fallback) {
    return config.is_object() && config.contains(key) && config[key].is_boolean() ? config[key].get<bool>()
                                                                                  : fallback;
}

// Special tokens that the configuration names, as added tokens.
Json configuredTokens(const Json& config, const TokenizerDefinition& definition) {
    std::map<int64_t, Json> byId;
    for (const char* key :
         {"bos_token", "eos_token", "unk_token", "pad_token", "cls_token", "sep_token", "mask_token"}) {
        const std::string token = textOf(config, key);
        const auto id = token.empty() ? std::nullopt : definition.find(token);
        if (id)
            byId[*id] = addedTokenJson(token, *id, true);
    }
    if (config.is_object() && config.contains("added_tokens_decoder") &&
        config["added_tokens_decoder"].is_object())
        for (const auto& [text, entry] : config["added_tokens_decoder"].items()) {
            if (text.empty() || text.size() > 9 ||
                text.find_first_not_of("0123456789") != std::string::npos || !entry.is_object())
                continue;
            Json token = entry;
            token["id"] = std::stoll(text);
            byId[std::stoll(text)] = std::move(token);
        }
    Json list = Json::array();
    for (auto& [id, token] : byId)
        list.push_back(std::move(token));
    return list;
}

bool hasWordSuffix(const TokenizerDefinition& definition) {
    return std::any_of(definition.vocabulary.begin(), definition.vocabulary.end(),
                       [](const auto& entry) { return entry.first.ends_with("</w>"); });
}

// Start and end token around the text, where the vocabulary holds both.
Json framedBy(const TokenizerDefinition& definition, const std::string& first, const std::string& last) {
    const auto before = definition.find(first), after = definition.find(last);
    return before && after ? frameJson({{first, *before}}, {{last, *after}}) : Json();
}

}  // namespace

Json byteLevelBpeJson(const std::vector<std::string>& patterns) {
    Json steps = Json::array();
    for (const std::string& pattern : patterns)
        steps.push_back(splitJson(pattern, "Isolated", false));
    const Json byteLevel = {
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
    steps.push_back(byteLevel);
    return {{"normalizer", nullptr},
            {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}},
            {"post_processor", nullptr},
            {"decoder", byteLevel},
            {"added_tokens", Json::array()},
            {"model", {{"type", "BPE"}, {"vocab", Json::object()}, {"merges", Json::array()}}}};
}

Json addedTokenJson(const std::string& content, int64_t id, bool special) {
    // All fields: the tokenizers library refuses a file that leaves one out.
    return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
            {"rstrip", false}, {"normalized", false}, {"special", special}};
}

Json frameJson(const std::vector<std::pair<std::string, int64_t>>& before,
               const std::vector<std::pair<std::string, int64_t>>& after) {
    Json single = Json::array(), table = Json::object();
    const auto add = [&](const std::pair<std::string, int64_t>& token) {
        single.push_back({{"SpecialToken", {{"id", token.first}, {"type_id", 0}}}});
        table[token.first] = {{"id", token.first}, {"ids", Json::array({token.second})}};
    };
    for (const auto& token : before)
        add(token);
    single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
    for (const auto& token : after)
        add(token);
    return {
        {"type", "TemplateProcessing"}, {"single", std::move(single)}, {"special_tokens", std::move(table)}};
}

Json clipBpeJson() {
    Json json = byteLevelBpeJson({});
    Json steps = Json::array();
    steps.push_back(splitJson(kClipSplit, "Removed", true));
    steps.push_back(json["pre_tokenizer"]["pretokenizers"][0]);
    json["pre_tokenizer"]["pretokenizers"] = std::move(steps);
    Json normalizers = Json::array();
    normalizers.push_back({{"type", "NFC"}});
    normalizers.push_back({{"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", " "}});
    normalizers.push_back({{"type", "Lowercase"}});
    json["normalizer"] = {{"type", "Sequence"}, {"normalizers", std::move(normalizers)}};
    json["model"]["end_of_word_suffix"] = "</w>";
    json["model"]["unk_token"] = "<|endoftext|>";
    return json;
}

Json wordPieceJson(bool lowercase) {
    return {
        {"normalizer", {{"type", "BertNormalizer"}, {"lowercase", lowercase}, {"strip_accents", nullptr}}},
        {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
        {"post_processor", nullptr},
        {"decoder", {{"type", "WordPiece"}}},
        {"added_tokens", Json::array()},
        {"model", {{"type", "WordPiece"}, {"unk_token", "[UNK]"}, {"vocab", Json::object()}}}};
}

Result<TokenizerDefinition> readVocabMerges(const std::filesystem::path& vocab,
                                            const std::filesystem::path& merges, const Json& config) {
    TokenizerDefinition out;
    VITRINE_TRY(const std::string vocabularyText, readFile(vocab, kMaxVocabularyBytes));
    VITRINE_TRY(out.vocabulary, parseVocabularyJson(vocabularyText, vocab.string()));
    VITRINE_TRY(const std::string mergeText, readFile(merges, kMaxVocabularyBytes));
    VITRINE_TRY(out.merges, readMergeLines(lines(mergeText), SIZE_MAX, merges.string()));
    const std::string kind = textOf(config, "tokenizer_class");
    if (kind.starts_with("CLIP") ||
        (!kind.starts_with("GPT2") && !kind.starts_with("Qwen") && hasWordSuffix(out))) {
        out.json = clipBpeJson();
        out.json["post_processor"] = framedBy(out, "<|startoftext|>", "<|endoftext|>");
    } else if (kind.starts_with("Qwen") || textOf(config, "eos_token") == "<|im_end|>" ||
               out.find("<|im_start|>")) {
        out.json = byteLevelBpeJson({kQwen2Split});
        out.json["normalizer"] = {{"type", "NFC"}};
    } else {
        out.json = byteLevelBpeJson({kGpt2Split});
        if (kind.starts_with("Roberta"))
            out.json["post_processor"] = framedBy(out, "<s>", "</s>");
    }
    out.json["added_tokens"] = configuredTokens(config, out);
    return out;
}

Result<TokenizerDefinition> readVocabText(const std::filesystem::path& file, const Json& config) {
    VITRINE_TRY(const std::string text, readFile(file, kMaxVocabularyBytes));
    TokenizerDefinition out;
    out.json = wordPieceJson(flagOf(config, "do_lower_case", true));
    for (std::string& line : lines(text))
        out.vocabulary.emplace_back(std::move(line), static_cast<int64_t>(out.vocabulary.size()));
    for (const char* token : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"})
        if (const auto id = out.find(token))
            out.json["added_tokens"].push_back(addedTokenJson(token, *id, true));
    out.json["post_processor"] = framedBy(out, "[CLS]", "[SEP]");
    return out;
}

Result<TokenizerDefinition> readClipMerges(const std::filesystem::path& file) {
    VITRINE_TRY(std::string text, readFile(file, kMaxVocabularyBytes));
    if (text.starts_with("\x1F\x8B")) {
        VITRINE_TRY(text, gunzip(text, file.string()));
    }
    TokenizerDefinition out;
    // The file goes on behind the merges that the published models use: 49152 - 256 - 2 of them.
    VITRINE_TRY(out.merges, readMergeLines(lines(text), 49152 - 256 - 2, file.string()));
    out.json = clipBpeJson();
    const auto add = [&](std::string token) {
        out.vocabulary.emplace_back(std::move(token), static_cast<int64_t>(out.vocabulary.size()));
        return out.vocabulary.back().second;
    };
    // Ids follow the code points that stand for the bytes: printable ones first.
    std::vector<std::string> characters(byteLevelCharacters().begin(), byteLevelCharacters().end());
    std::sort(characters.begin(), characters.end());  // UTF-8 sorts by code point
    for (const char* suffix : {"", "</w>"})
        for (const std::string& character : characters)
            add(character + suffix);
    for (const auto& [left, right] : out.merges)
        add(left + right);
    const int64_t start = add("<|startoftext|>"), end = add("<|endoftext|>");
    out.json["added_tokens"].push_back(addedTokenJson("<|startoftext|>", start, true));
    out.json["added_tokens"].push_back(addedTokenJson("<|endoftext|>", end, true));
    out.json["post_processor"] = frameJson({{"<|startoftext|>", start}}, {{"<|endoftext|>", end}});
    return out;
}

}  // namespace vitrine
