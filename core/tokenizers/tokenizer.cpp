#include "core/tokenizers/tokenizer.h"

#include "core/tokenizers/unicode.h"

namespace vitrine {
namespace {

constexpr size_t kMaxTextBytes = size_t(1) << 30;

// `text` with every broken sequence replaced, aligned to the bytes as given.
AlignedText readText(std::string_view text) {
    AlignedText aligned;
    aligned.text = text;
    if (unicode::isValidUtf8(text))
        return aligned;
    AlignedTextWriter writer(aligned);
    size_t invalid = 0;
    for (size_t i = 0; i < text.size();) {
        const size_t length = unicode::validCharacterBytes(text, i, invalid);
        if (length > 0)
            writer.keep(i, i + length);
        else
            writer.replace(i, i + invalid, "\xEF\xBF\xBD");
        i += length > 0 ? length : invalid;
    }
    return writer.take();
}

}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<const Implementation> implementation)
    : implementation_(std::move(implementation)) {}

Result<Encoding> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
    if (text.size() > kMaxTextBytes)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("the text has {} bytes; at most {} are encoded at once", text.size(), kMaxTextBytes),
            {}, "Split it into parts.");
    return implementation_->encode(readText(text), options);
}

Result<std::string> Tokenizer::decode(const std::vector<int64_t>& ids, const DecodeOptions& options) const {
    for (size_t i = 0; i < ids.size(); ++i)
        if (!implementation_->idToToken(ids[i]))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("token {} has id {}, which is not in the vocabulary of {} tokens", i,
                                    ids[i], vocabularySize()),
                        {}, "Decode with the tokenizer that made the ids.");
    VITRINE_TRY(std::string text, implementation_->decode(ids, options));
    return unicode::isValidUtf8(text) ? std::move(text) : unicode::sanitizeUtf8(text);
}

int64_t Tokenizer::vocabularySize() const {
    return implementation_->vocabularySize();
}
std::optional<int64_t> Tokenizer::tokenToId(std::string_view token) const {
    return implementation_->tokenToId(token);
}
std::optional<std::string> Tokenizer::idToToken(int64_t id) const {
    return implementation_->idToToken(id);
}
bool Tokenizer::isSpecial(int64_t id) const {
    return implementation_->isSpecial(id);
}
const SpecialTokenIds& Tokenizer::specialTokens() const {
    return implementation_->special;
}
std::optional<int64_t> Tokenizer::maxLength() const {
    return implementation_->maxLength;
}
const std::string& Tokenizer::description() const {
    return implementation_->description;
}

}  // namespace vitrine
