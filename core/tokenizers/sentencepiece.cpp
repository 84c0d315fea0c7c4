#include "core/tokenizers/sentencepiece.h"

#include "core/tokenizers/charsmap.h"
#include "core/tokenizers/decoders.h"
#include "core/tokenizers/scored_bpe.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/unigram_model.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

using Model = SentencePieceModel;
using PieceType = Model::PieceType;

// Trying every cut of a piece takes quadratic time; published pieces have some hundred bytes at most.
constexpr size_t kMaxPieceBytes = 4096;
constexpr std::string_view kSpace = "\xE2\x96\x81";

class SentencePieceTokenizer final : public Tokenizer::Implementation {
  public:
    Model model_;
    Vocabulary vocabulary_;
    Charsmap charsmap_;
    ByteTrie userDefined_;
    ScoredBpe bpe_;
    std::shared_ptr<const TokenModel> unigram_;
    int64_t unknownId_ = -1;
    std::array<int32_t, 256> byteIds_;

    int64_t vocabularySize() const override { return vocabulary_.size(); }
    std::optional<int64_t> tokenToId(std::string_view token) const override {
        const int32_t id = vocabulary_.find(token);
        return id < 0 ? std::nullopt : std::optional<int64_t>(id);
    }
    std::optional<std::string> idToToken(int64_t id) const override {
        const std::string* token = vocabulary_.token(id);
        return token ? std::optional<std::string>(*token) : std::nullopt;
    }
    bool isSpecial(int64_t id) const override {
        return id >= 0 && id < vocabularySize() &&
               (typeOf(id) == PieceType::Control || typeOf(id) == PieceType::Unknown);
    }
    PieceType typeOf(int64_t id) const { return model_.pieces[static_cast<size_t>(id)].type; }

    size_t userDefinedAt(std::string_view text, int32_t& id) const {
        size_t length = 0;
        if (!text.empty() && userDefined_.startsWith(static_cast<unsigned char>(text[0])))
            userDefined_.forEachPrefix(text, [&](size_t bytes, int32_t found) {
                length = bytes;
                id = found;
            });
        return length;
    }

    // What the next bytes of `text` become, and how many they are.
    std::string_view normalizedStart(std::string_view text, size_t& bytes) const {
        int32_t id = -1;
        bytes = userDefinedAt(text, id);
        if (bytes > 0)
            return text.substr(0, bytes);
        if (const auto rule = charsmap_.match(text, false)) {
            bytes = rule->bytes;
            return rule->replacement;
        }
        bytes = unicode::characterBytes(static_cast<unsigned char>(text[0]));
        return text.substr(0, bytes);
    }

    AlignedText normalize(const AlignedText& in) const {
        const std::string_view text = in.text;
        const std::string_view space = model_.escapeWhitespaces ? kSpace : std::string_view(" ");
        AlignedTextWriter writer(in);
        size_t at = 0, bytes = 0;
        while (model_.removeExtraWhitespaces && at < text.size() &&
               normalizedStart(text.substr(at), bytes) == " ")
            at += bytes;
        if (at >= text.size())
            return writer.take();
        if (model_.addDummyPrefix && !model_.whitespaceAsSuffix)
            writer.replace(at, at, space);
        bool afterSpace = model_.removeExtraWhitespaces;
        size_t spaceEnd = writer.size();  // length without the spaces at the end
        for (; at < text.size(); at += bytes) {
            std::string_view part = normalizedStart(text.substr(at), bytes);
            while (afterSpace && part.starts_with(' '))
                part.remove_prefix(1);
            if (part.empty())
                continue;
            if (part == text.substr(at, bytes) && part.find(' ') == std::string_view::npos) {
                writer.keep(at, at + bytes);
                spaceEnd = writer.size();
            } else {
                for (const char c : part) {
                    writer.replace(at, at + bytes, c == ' ' ? space : std::string_view(&c, 1));
                    if (c != ' ')
                        spaceEnd = writer.size();
                }
            }
            afterSpace = model_.removeExtraWhitespaces && part.ends_with(' ');
        }
        if (model_.removeExtraWhitespaces)
            writer.truncate(spaceEnd);
        if (model_.addDummyPrefix && model_.whitespaceAsSuffix)
            writer.replace(text.size(), text.size(), space);
        return writer.take();
    }

    void encodeBpe(std::string_view text, std::vector<ModelToken>& tokens) const {
        for (size_t at = 0; at < text.size();) {
            int32_t id = -1;
            size_t bytes = userDefinedAt(text.substr(at), id);
            const bool frozen = bytes > 0;
            if (!frozen) {
                bytes =
                    std::min(unicode::characterBytes(static_cast<unsigned char>(text[at])), text.size() - at);
                id = bpe_.symbol(text.substr(at, bytes));
            }
            // Negative ids never merge: -1 unknown, -2 - id a user-defined piece.
            tokens.push_back({frozen ? -2 - id : id, static_cast<uint32_t>(bytes)});
            at += bytes;
        }
        mergeSymbols(bpe_.table(), tokens);
        for (ModelToken& token : tokens) {
            if (token.id < -1)
                token.id = -2 - token.id;
            else if (token.id < 0 || token.id >= vocabulary_.size())
                token.id = static_cast<int32_t>(unknownId_);
        }
    }

    void append(int64_t id, ByteRange range, std::string_view piece, const EncodeOptions& options,
                Encoding& out) const {
        out.ids.push_back(id);
        out.offsets.push_back(range);
        if (options.withPieces)
            out.pieces.emplace_back(piece);
    }

    Result<Encoding> encode(const AlignedText& in, const EncodeOptions& options) const override {
        const AlignedText text = normalize(in);
        std::vector<ModelToken> tokens;
        if (unigram_) {
            if (!text.text.empty())
                VITRINE_TRY_VOID(unigram_->encodeWord(text.text, false, tokens));
        } else {
            encodeBpe(text.text, tokens);
        }
        Encoding out;
        if (options.addSpecialTokens && model_.addBos)
            append(model_.bosId, {}, idToToken(model_.bosId).value_or(""), options, out);
        appendTokens(text, tokens, options, out);
        if (options.addSpecialTokens && model_.addEos)
            append(model_.eosId, {}, idToToken(model_.eosId).value_or(""), options, out);
        return out;
    }

    void appendTokens(const AlignedText& text, const std::vector<ModelToken>& tokens,
                      const EncodeOptions& options, Encoding& out) const {
        bool afterUnknown = false;
        size_t at = 0;
        for (const ModelToken& token : tokens) {
            const std::string_view piece = std::string_view(text.text).substr(at, token.bytes);
            const bool unknown = token.id == unknownId_;
            if (unknown && model_.byteFallback) {
                for (size_t i = 0; i < piece.size(); ++i) {
                    const int32_t id = byteIds_[static_cast<unsigned char>(piece[i])];
                    append(id, text.origin(at + i, at + i + 1), idToToken(id).value_or(""), options, out);
                }
            } else if (unknown && afterUnknown) {
                out.offsets.back().end = text.origin(at, at + token.bytes).end;
                if (options.withPieces)
                    out.pieces.back() += piece;
            } else {
                append(token.id, text.origin(at, at + token.bytes), piece, options, out);
            }
            afterUnknown = unknown && !model_.byteFallback;
            at += token.bytes;
        }
    }

    Result<std::string> decode(const std::vector<int64_t>& ids, const DecodeOptions& options) const override {
        std::string text, bytes;
        bool spaceSeen = false;  // the dummy space was dropped
        const auto flush = [&] {
            text += unicode::isValidUtf8(bytes) ? bytes : brokenBytes(bytes);
            bytes.clear();
        };
        for (const int64_t id : ids) {
            const PieceType type = typeOf(id);
            if (options.skipSpecialTokens && isSpecial(id))
                continue;
            const std::string& written = model_.pieces[static_cast<size_t>(id)].text;
            if (type == PieceType::Byte) {
                bytes += static_cast<char>(byteTokenValue(written));
                continue;
            }
            flush();
            if (type == PieceType::Control)
                continue;
            if (type == PieceType::Unknown) {
                text += model_.unknownSurface;
                continue;
            }
            std::string_view piece = written;
            if (text.empty() && !spaceSeen && (model_.addDummyPrefix || model_.removeExtraWhitespaces) &&
                piece.starts_with(kSpace)) {
                piece.remove_prefix(kSpace.size());
                spaceSeen = !model_.removeExtraWhitespaces;
            }
            appendWithSpaces(piece, text);
        }
        flush();
        return text;
    }

    // SentencePiece writes one U+FFFD per byte that belongs to no character.
    static std::string brokenBytes(std::string_view bytes) {
        std::string out;
        size_t invalid = 0;
        for (size_t i = 0; i < bytes.size();) {
            const size_t length = unicode::validCharacterBytes(bytes, i, invalid);
            out += length > 0 ? bytes.substr(i, length) : std::string_view("\xEF\xBF\xBD");
            i += length > 0 ? length : 1;
        }
        return out;
    }

    static void appendWithSpaces(std::string_view piece, std::string& out) {
        for (size_t at; (at = piece.find(kSpace)) != std::string_view::npos;
             piece.remove_prefix(at + kSpace.size())) {
            out += piece.substr(0, at);
            out += ' ';
        }
        out += piece;
    }
};

Result<void> checkPieces(const Model& model, const std::string& where) {
    size_t unknown = 0;
    for (size_t i = 0; i < model.pieces.size(); ++i) {
        const Model::Piece& piece = model.pieces[i];
        unknown += piece.type == PieceType::Unknown;
        if (piece.text.empty() || !unicode::isValidUtf8(piece.text) || !std::isfinite(piece.score))
            return fail(ErrorCode::InvalidFile,
                        fmt::format("piece {} is empty, not UTF-8 or has no finite score", i), where);
        if (piece.text.size() > kMaxPieceBytes)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("piece {} has {} bytes; at most {} are read", i, piece.text.size(),
                                    kMaxPieceBytes),
                        where);
        if (piece.type == PieceType::Byte && byteTokenValue(piece.text) < 0)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("piece {} is a byte but reads \"{}\"", i, piece.text), where);
        if (piece.type == PieceType::Unused && model.algorithm == Model::Algorithm::Bpe)
            return fail(ErrorCode::Unsupported, fmt::format("piece {} of a BPE model is marked unused", i),
                        where);
    }
    if (unknown != 1)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} pieces are the unknown piece, expected 1", unknown), where);
    return {};
}

}  // namespace

Result<std::shared_ptr<Tokenizer::Implementation>> makeSentencePiece(Model model, const std::string& where) {
    VITRINE_TRY_VOID(checkPieces(model, where));
    auto tokenizer = std::make_shared<SentencePieceTokenizer>();
    auto parsed = Charsmap::parse(model.charsmap);
    if (!parsed)
        return fail(parsed.error().in(where));
    tokenizer->charsmap_ = std::move(*parsed);
    std::vector<UnigramPiece> unigram;
    for (size_t i = 0; i < model.pieces.size(); ++i) {
        const Model::Piece& piece = model.pieces[i];
        if (auto added = tokenizer->vocabulary_.add(piece.text, static_cast<int64_t>(i)); !added)
            return fail(added.error().in(where));
        if (piece.type == PieceType::UserDefined)
            tokenizer->userDefined_.add(piece.text, static_cast<int32_t>(i));
        if (piece.type == PieceType::Unknown)
            tokenizer->unknownId_ = static_cast<int64_t>(i);
        unigram.push_back({piece.text, piece.score,
                           piece.type == PieceType::Normal || piece.type == PieceType::UserDefined,
                           piece.type == PieceType::UserDefined});
    }
    if (model.algorithm == Model::Algorithm::Unigram) {
        VITRINE_TRY(tokenizer->unigram_, makeUnigramModel(unigram, {tokenizer->unknownId_, false}));
    } else {
        tokenizer->bpe_.build(model, tokenizer->vocabulary_.size());
    }
    for (size_t byte = 0; byte < 256; ++byte) {
        tokenizer->byteIds_[byte] = tokenizer->vocabulary_.byteToken(static_cast<unsigned char>(byte));
        if (model.byteFallback && tokenizer->byteIds_[byte] < 0)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("byte fallback is on but <0x{:02X}> is missing", byte), where);
    }
    const auto role = [&](int64_t id) {
        return id >= 0 && id < tokenizer->vocabularySize() ? std::optional<int64_t>(id) : std::nullopt;
    };
    tokenizer->special = {
        role(model.bosId), role(model.eosId), role(model.padId), tokenizer->unknownId_, {}, {}, {}};
    model.addBos = model.addBos && tokenizer->special.bos;
    model.addEos = model.addEos && tokenizer->special.eos;
    tokenizer->description = tokenizer->unigram_ ? "SentencePiece Unigram" : "SentencePiece BPE";
    tokenizer->model_ = std::move(model);
    return tokenizer;
}

}  // namespace vitrine
