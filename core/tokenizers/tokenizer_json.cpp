#include "core/tokenizers/tokenizer_json.h"

#include "core/tokenizers/added_tokens.h"
#include "core/tokenizers/bpe_model.h"
#include "core/tokenizers/decoders.h"
#include "core/tokenizers/post_processors.h"
#include "core/tokenizers/pre_tokenizers.h"
#include "core/tokenizers/unigram_model.h"
#include "core/tokenizers/word_cache.h"
#include "core/tokenizers/word_piece_model.h"

#include <mutex>

namespace vitrine {
namespace {

class PipelineTokenizer final : public Tokenizer::Implementation {
  public:
    Normalizer normalizer_;
    PreTokenizer preTokenizer_;
    std::shared_ptr<const TokenModel> model_;
    Decoder decoder_;
    SpecialFrame frame_;
    AddedTokens added_;
    int64_t size_ = 0;
    mutable std::mutex cacheMutex_;
    mutable WordCache cache_;

    int64_t vocabularySize() const override { return size_; }

    std::optional<int64_t> tokenToId(std::string_view token) const override {
        if (const AddedToken* added = added_.byContent(token))
            return added->id;
        const int32_t id = model_->vocabulary().find(token);
        return id < 0 ? std::nullopt : std::optional<int64_t>(id);
    }

    std::optional<std::string> idToToken(int64_t id) const override {
        if (const AddedToken* added = added_.byId(id))
            return added->content;
        const std::string* token = model_->vocabulary().token(id);
        return token ? std::optional<std::string>(*token) : std::nullopt;
    }

    bool isSpecial(int64_t id) const override {
        const AddedToken* added = added_.byId(id);
        return added && added->special;
    }

    void append(int64_t id, ByteRange range, std::string_view text, const EncodeOptions& options,
                Encoding& out) const {
        out.ids.push_back(id);
        out.offsets.push_back(range);
        if (options.withPieces)
            out.pieces.push_back(special.unknown == id ? std::string(text) : idToToken(id).value_or(""));
    }

    Result<void> encodeWords(const SplitText& split, const EncodeOptions& options, WordCache& cache,
                             Encoding& out) const {
        std::vector<ModelToken> fresh;
        for (const Span& span : split.words) {
            const std::string_view word =
                std::string_view(split.text.text).substr(span.begin, span.end - span.begin);
            if (word.empty())
                continue;
            std::span<const ModelToken> tokens;
            if (const auto known = cache.find(word, split.byteLevel)) {
                tokens = *known;
            } else {
                fresh.clear();
                VITRINE_TRY_VOID(model_->encodeWord(word, split.byteLevel, fresh));
                cache.add(word, split.byteLevel, fresh);
                tokens = fresh;
            }
            size_t at = span.begin;
            for (const ModelToken& token : tokens) {
                const std::string_view text = std::string_view(split.text.text).substr(at, token.bytes);
                append(token.id, split.text.origin(at, at + token.bytes), text, options, out);
                at += token.bytes;
            }
        }
        return {};
    }

    Result<void> encodePlain(AlignedText text, bool startsSource, const EncodeOptions& options,
                             WordCache& cache, Encoding& out) const {
        SplitText split;
        split.words = {{0, text.text.size()}};
        split.text = std::move(text);
        split.startsSource = startsSource;
        if (preTokenizer_)
            VITRINE_TRY_VOID(preTokenizer_(split));
        return encodeWords(split, options, cache, out);
    }

    // Text between two tokens that are found as typed.
    Result<void> encodeSection(AlignedText text, bool startsSource, const EncodeOptions& options,
                               WordCache& cache, Encoding& out) const {
        if (normalizer_) {
            VITRINE_TRY(text, normalizer_(std::move(text)));
        }
        const auto parts = options.matchAddedTokens ? added_.split(text.text, true) : whole(text);
        if (parts.size() == 1 && parts[0].id < 0)
            return encodePlain(std::move(text), startsSource, options, cache, out);
        for (const AddedTokens::Part& part : parts) {
            if (part.id >= 0)
                append(part.id, text.origin(part.begin, part.end), {}, options, out);
            else
                VITRINE_TRY_VOID(encodePlain(slice(text, part.begin, part.end),
                                             startsSource && part.begin == 0, options, cache, out));
        }
        return {};
    }

    static std::vector<AddedTokens::Part> whole(const AlignedText& text) {
        return text.text.empty() ? std::vector<AddedTokens::Part>()
                                 : std::vector<AddedTokens::Part>{{0, text.text.size(), -1}};
    }

    static AlignedText slice(const AlignedText& text, size_t begin, size_t end) {
        AlignedText out;
        out.text = text.text.substr(begin, end - begin);
        out.base = text.base + static_cast<uint32_t>(begin);
        if (!text.origins.empty())
            out.origins.assign(text.origins.begin() + static_cast<std::ptrdiff_t>(begin),
                               text.origins.begin() + static_cast<std::ptrdiff_t>(end));
        return out;
    }

    Result<Encoding> encode(const AlignedText& text, const EncodeOptions& options) const override {
        // The cache serves one thread at a time; a second one that comes meanwhile works with its own.
        WordCache ownCache;
        std::unique_lock lock(cacheMutex_, std::try_to_lock);
        WordCache& cache = lock ? cache_ : ownCache;
        Encoding out;
        if (options.addSpecialTokens)
            for (const int64_t id : frame_.before)
                append(id, {}, {}, options, out);
        for (const AddedTokens::Part& part :
             options.matchAddedTokens ? added_.split(text.text, false) : whole(text)) {
            if (part.id >= 0)
                append(part.id, text.origin(part.begin, part.end), {}, options, out);
            else
                VITRINE_TRY_VOID(
                    encodeSection(slice(text, part.begin, part.end), part.begin == 0, options, cache, out));
        }
        if (options.addSpecialTokens)
            for (const int64_t id : frame_.after)
                append(id, {}, {}, options, out);
        return out;
    }

    Result<std::string> decode(const std::vector<int64_t>& ids, const DecodeOptions& options) const override {
        std::vector<std::string> tokens;
        for (const int64_t id : ids)
            if (!options.skipSpecialTokens || !isSpecial(id))
                tokens.push_back(idToToken(id).value_or(""));
        if (decoder_)
            VITRINE_TRY_VOID(decoder_(tokens));
        std::string text;
        for (size_t i = 0; i < tokens.size(); ++i)
            text += (i > 0 && !decoder_ ? " " : "") + tokens[i];
        return text;
    }
};

Result<Vocabulary> makeVocabulary(TokenizerDefinition& definition, const std::string& where) {
    Vocabulary vocabulary;
    for (auto& [token, id] : definition.vocabulary)
        if (auto added = vocabulary.add(std::move(token), id); !added)
            return fail(added.error().in(where + ".vocab"));
    if (vocabulary.size() == 0)
        return fail(ErrorCode::InvalidFile, "\"vocab\" is missing or empty; it must map tokens to ids",
                    where);
    return vocabulary;
}

// A text or nothing; null and absent are nothing.
std::optional<std::string> optionalText(const Json& json, const char* key) {
    if (!json.contains(key) || !json[key].is_string())
        return std::nullopt;
    return json[key].get<std::string>();
}

Result<std::shared_ptr<const TokenModel>> readBpe(TokenizerDefinition& definition, const std::string& where) {
    const Json& model = definition.json["model"];
    BpeOptions options;
    options.unknownToken = optionalText(model, "unk_token");
    options.continuingPrefix = optionalText(model, "continuing_subword_prefix").value_or("");
    options.wordSuffix = optionalText(model, "end_of_word_suffix").value_or("");
    VITRINE_TRY(options.fuseUnknown, jsonValueOr<bool>(model, "fuse_unk", false, where));
    VITRINE_TRY(options.byteFallback, jsonValueOr<bool>(model, "byte_fallback", false, where));
    VITRINE_TRY(options.ignoreMerges, jsonValueOr<bool>(model, "ignore_merges", false, where));
    options.ranks = std::move(definition.mergeRanks);
    if (model.contains("dropout") && model["dropout"].is_number() && model["dropout"].get<double>() != 0)
        return fail(ErrorCode::Unsupported,
                    "the tokenizer drops merges at random (\"dropout\"), so its ids are not fixed",
                    where + ".dropout", "Set it to null in a copy of the file.");
    VITRINE_TRY(Vocabulary vocabulary, makeVocabulary(definition, where));
    return makeBpeModel(std::move(vocabulary), definition.merges, std::move(options));
}

Result<std::shared_ptr<const TokenModel>> readUnigram(const Json& model, const std::string& where) {
    VITRINE_TRY(const Json list, jsonValue<Json>(model, "vocab", where));
    std::vector<UnigramPiece> pieces;
    for (const Json& item : list) {
        if (!item.is_array() || item.size() != 2 || !item[0].is_string() || !item[1].is_number())
            return fail(ErrorCode::InvalidFile,
                        fmt::format("piece {} is not a pair of text and score", pieces.size()),
                        where + ".vocab");
        pieces.push_back({item[0].get<std::string>(), item[1].get<double>()});
    }
    UnigramOptions options;
    if (model.contains("unk_id") && model["unk_id"].is_number_integer())
        options.unknownId = model["unk_id"].get<int64_t>();
    VITRINE_TRY(options.byteFallback, jsonValueOr<bool>(model, "byte_fallback", false, where));
    return makeUnigramModel(pieces, options);
}

Result<std::shared_ptr<const TokenModel>> readWordPiece(TokenizerDefinition& definition,
                                                        const std::string& where) {
    const Json& model = definition.json["model"];
    WordPieceOptions options;
    VITRINE_TRY(options.unknownToken, jsonValueOr<std::string>(model, "unk_token", "[UNK]", where));
    VITRINE_TRY(options.continuingPrefix,
                jsonValueOr<std::string>(model, "continuing_subword_prefix", "##", where));
    VITRINE_TRY(options.maxCharactersPerWord,
                jsonValueOr<int64_t>(model, "max_input_chars_per_word", 100, where));
    VITRINE_TRY(Vocabulary vocabulary, makeVocabulary(definition, where));
    return makeWordPieceModel(std::move(vocabulary), std::move(options));
}

Result<std::shared_ptr<const TokenModel>> readModel(TokenizerDefinition& definition, const std::string& kind,
                                                    const std::string& where) {
    if (kind == "BPE")
        return readBpe(definition, where);
    if (kind == "Unigram")
        return readUnigram(definition.json["model"], where);
    if (kind == "WordPiece")
        return readWordPiece(definition, where);
    return fail(ErrorCode::UnknownFamily,
                fmt::format("unknown model \"{}\"; known: BPE, Unigram, WordPiece", kind), where);
}

// Older files leave the kind out; the fields tell.
Result<std::string> kindOfModel(const TokenizerDefinition& definition, const std::string& where) {
    const Json& model = definition.json["model"];
    if (!model.contains("type") && !definition.merges.empty())
        return std::string("BPE");
    if (const auto kind = optionalText(model, "type"))
        return *kind;
    if (model.contains("vocab") && model["vocab"].is_array())
        return std::string("Unigram");
    return fail(ErrorCode::UnknownFamily, "the model states no \"type\"; known: BPE, Unigram, WordPiece",
                where);
}

Result<std::vector<AddedToken>> readAddedTokens(const Json& json, const std::string& where) {
    std::vector<AddedToken> tokens;
    if (!json.contains("added_tokens") || json["added_tokens"].is_null())
        return tokens;
    for (const Json& item : json["added_tokens"]) {
        AddedToken token;
        VITRINE_TRY(token.content, jsonValue<std::string>(item, "content", where));
        VITRINE_TRY(token.id, jsonValue<int64_t>(item, "id", where));
        VITRINE_TRY(token.singleWord, jsonValueOr<bool>(item, "single_word", false, where));
        VITRINE_TRY(token.stripLeft, jsonValueOr<bool>(item, "lstrip", false, where));
        VITRINE_TRY(token.stripRight, jsonValueOr<bool>(item, "rstrip", false, where));
        VITRINE_TRY(token.special, jsonValueOr<bool>(item, "special", false, where));
        VITRINE_TRY(token.normalized, jsonValueOr<bool>(item, "normalized", !token.special, where));
        tokens.push_back(std::move(token));
    }
    return tokens;
}

Json section(const Json& json, const char* key) {
    return json.contains(key) ? json[key] : Json();
}

}  // namespace

Result<std::shared_ptr<Tokenizer::Implementation>> makeTokenizer(TokenizerDefinition definition,
                                                                 const std::string& where) {
    const Json& json = definition.json;
    auto tokenizer = std::make_shared<PipelineTokenizer>();
    if (!json.is_object() || !json.contains("model") || !json["model"].is_object())
        return fail(ErrorCode::InvalidFile, "the file holds no \"model\" and is not a tokenizer.json", where);
    const Json& model = json["model"];
    VITRINE_TRY(const std::string kind, kindOfModel(definition, where + ": model"));
    VITRINE_TRY(tokenizer->model_, readModel(definition, kind, where + ": model"));
    VITRINE_TRY(tokenizer->normalizer_, readNormalizer(section(json, "normalizer"), where + ": normalizer"));
    VITRINE_TRY(tokenizer->preTokenizer_,
                readPreTokenizer(section(json, "pre_tokenizer"), where + ": pre_tokenizer"));
    VITRINE_TRY(tokenizer->decoder_, readDecoder(section(json, "decoder"), where + ": decoder"));
    VITRINE_TRY(tokenizer->frame_,
                readPostProcessor(section(json, "post_processor"), where + ": post_processor"));
    VITRINE_TRY(auto added, readAddedTokens(json, where + ": added_tokens"));
    VITRINE_TRY(tokenizer->added_, AddedTokens::make(std::move(added), tokenizer->normalizer_));
    tokenizer->size_ = tokenizer->model_->vocabulary().size();
    for (const AddedToken& token : tokenizer->added_.tokens())
        tokenizer->size_ = std::max(tokenizer->size_, token.id + 1);
    for (const auto* side : {&tokenizer->frame_.before, &tokenizer->frame_.after})
        for (const int64_t id : *side)
            if (!tokenizer->idToToken(id))
                return fail(ErrorCode::InvalidFile, fmt::format("id {} is not in the vocabulary", id),
                            where + ": post_processor");
    if (const auto unknown = optionalText(model, "unk_token"))
        tokenizer->special.unknown = tokenizer->tokenToId(*unknown);
    else if (model.contains("unk_id") && model["unk_id"].is_number_integer())
        tokenizer->special.unknown = model["unk_id"].get<int64_t>();
    tokenizer->description = kind;
    return tokenizer;
}

}  // namespace vitrine
