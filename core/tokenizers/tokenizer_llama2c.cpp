#include "core/tokenizers/tokenizer_llama2c.h"

#include "core/tokenizers/sentencepiece.h"

#include <cstring>

namespace vitrine {
namespace {

using PieceType = SentencePieceModel::PieceType;

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";
constexpr int32_t kLongestPiece = 1 << 16;

template <typename T>
bool take(std::string_view& bytes, T& value) {
    if (bytes.size() < sizeof(T))
        return false;
    std::memcpy(&value, bytes.data(), sizeof(T));
    bytes.remove_prefix(sizeof(T));
    return true;
}

std::string withSpaceMarks(std::string_view text) {
    std::string marked;
    for (const char c : text) {
        if (c == ' ')
            marked += kSpaceMark;
        else
            marked += c;
    }
    return marked;
}

bool isBytePiece(std::string_view text) {
    return text.size() == 6 && text.starts_with("<0x") && text.ends_with(">");
}

SentencePieceModel::Piece pieceOf(size_t id, std::string_view text, float score) {
    if (id == 0)
        return {"<unk>", 0, PieceType::Unknown};
    if (id == 1)
        return {"<s>", 0, PieceType::Control};
    if (id == 2)
        return {"</s>", 0, PieceType::Control};
    if (isBytePiece(text))
        return {std::string(text), score, PieceType::Byte};
    return {withSpaceMarks(text), score, PieceType::Normal};
}

}  // namespace

Result<std::shared_ptr<Tokenizer::Implementation>> readLlama2cTokenizer(std::string_view bytes,
                                                                        const std::string& where) {
    const auto damaged = [&](const std::string& what) {
        return fail(ErrorCode::InvalidFile, what, where, "Is it the tokenizer file of a llama2.c model?");
    };
    int32_t longest = 0;
    if (!take(bytes, longest) || longest < 1 || longest > kLongestPiece)
        return fail(ErrorCode::UnknownFamily, "this is no vocabulary of llama2.c", where,
                    "Other tokenizers are .json, .model, .gguf, vocab.txt or bpe_simple_vocab_16e6.txt.gz");
    SentencePieceModel model;
    model.algorithm = SentencePieceModel::Algorithm::Bpe;
    model.byteFallback = true;
    model.removeExtraWhitespaces = false;
    model.addBos = true;
    model.bosId = 1;
    model.eosId = 2;
    while (!bytes.empty()) {
        float score = 0;
        int32_t length = 0;
        if (!take(bytes, score) || !take(bytes, length) || length < 0 || size_t(length) > bytes.size() ||
            length > kLongestPiece)
            return damaged(fmt::format("piece {} is truncated", model.pieces.size()));
        model.pieces.push_back(pieceOf(model.pieces.size(), bytes.substr(0, size_t(length)), score));
        bytes.remove_prefix(size_t(length));
    }
    if (model.pieces.size() < 3)
        return damaged("the vocabulary has fewer than three pieces");
    return makeSentencePiece(std::move(model), where);
}

}  // namespace vitrine
