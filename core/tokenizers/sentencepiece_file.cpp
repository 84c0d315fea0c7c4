#include "core/tokenizers/protobuf.h"
#include "core/tokenizers/sentencepiece.h"

namespace vitrine {
namespace {

using Model = SentencePieceModel;

Failure damaged(const std::string& where, std::string_view part) {
    return fail(ErrorCode::InvalidFile,
                fmt::format("the SentencePiece model is damaged or cut off ({})", part), where,
                "Copy or download the file again.");
}

Result<void> readPiece(std::string_view bytes, Model& model, const std::string& where) {
    Model::Piece piece;
    ProtobufReader reader(bytes);
    for (ProtobufField field; reader.next(field);) {
        if (field.number == 1 && field.delimited)
            piece.text = field.bytes;
        else if (field.number == 2)
            piece.score = field.asFloat();
        else if (field.number == 3 && (field.value < 1 || field.value > 6))
            return fail(ErrorCode::InvalidFile,
                        fmt::format("piece {} has the unknown type {}", model.pieces.size(), field.value),
                        where);
        else if (field.number == 3)
            piece.type = static_cast<Model::PieceType>(field.value);
    }
    if (reader.failed())
        return damaged(where, fmt::format("piece {}", model.pieces.size()));
    model.pieces.push_back(std::move(piece));
    return {};
}

Result<void> readTrainerSpec(std::string_view bytes, Model& model, const std::string& where) {
    ProtobufReader reader(bytes);
    for (ProtobufField field; reader.next(field);) {
        switch (field.number) {
            case 3:
                if (field.value != 1 && field.value != 2)
                    return fail(
                        ErrorCode::Unsupported,
                        fmt::format(
                            "SentencePiece model type {} (word or character model) is not read; known: "
                            "1 (unigram), 2 (BPE)",
                            field.value),
                        where);
                model.algorithm = static_cast<Model::Algorithm>(field.value);
                break;
            case 24:
                model.whitespaceAsSuffix = field.value != 0;
                break;
            case 35:
                model.byteFallback = field.value != 0;
                break;
            case 41:
                model.bosId = static_cast<int32_t>(field.value);
                break;
            case 42:
                model.eosId = static_cast<int32_t>(field.value);
                break;
            case 43:
                model.padId = static_cast<int32_t>(field.value);
                break;
            case 44:
                if (field.delimited)
                    model.unknownSurface = field.bytes;
                break;
            default:
                break;
        }
    }
    return reader.failed() ? Result<void>(damaged(where, "trainer settings")) : Result<void>();
}

Result<void> readNormalizerSpec(std::string_view bytes, Model& model, const std::string& where) {
    ProtobufReader reader(bytes);
    for (ProtobufField field; reader.next(field);) {
        if (field.number == 2 && field.delimited)
            model.charsmap = field.bytes;
        else if (field.number == 3)
            model.addDummyPrefix = field.value != 0;
        else if (field.number == 4)
            model.removeExtraWhitespaces = field.value != 0;
        else if (field.number == 5)
            model.escapeWhitespaces = field.value != 0;
    }
    return reader.failed() ? Result<void>(damaged(where, "normaliser settings")) : Result<void>();
}

}  // namespace

Result<SentencePieceModel> parseSentencePiece(std::string_view bytes, const std::string& where) {
    Model model;
    ProtobufReader reader(bytes);
    for (ProtobufField field; reader.next(field);) {
        if (!field.delimited)
            continue;
        if (field.number == 1)
            VITRINE_TRY_VOID(readPiece(field.bytes, model, where));
        if (field.number == 2)
            VITRINE_TRY_VOID(readTrainerSpec(field.bytes, model, where));
        if (field.number == 3)
            VITRINE_TRY_VOID(readNormalizerSpec(field.bytes, model, where));
    }
    if (reader.failed())
        return damaged(where, fmt::format("after {} pieces", model.pieces.size()));
    if (model.pieces.empty())
        return fail(ErrorCode::InvalidFile, "the file holds no pieces and is not a SentencePiece model",
                    where);
    return model;
}

}  // namespace vitrine
