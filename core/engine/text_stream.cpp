#include "core/engine/text_stream.h"

namespace vitrine {

Result<std::vector<int64_t>> promptTokens(const OpenedLanguage& language, const std::string& prompt) {
    VITRINE_TRY(const Encoding encoding, language.tokenizer.encode(prompt));
    std::vector<int64_t> ids = encoding.ids;
    const auto bos = language.model->config().bos;
    // Where the tokenizer puts no start token in front but the model knows one.
    if (bos && (ids.empty() || (ids.front() != *bos && prompt.empty())))
        ids.insert(ids.begin(), *bos);
    if (ids.empty())
        return fail(ErrorCode::InvalidArgument,
                    "there is nothing to go on from, and the model has no start token", "prompt",
                    "Give a prompt");
    return ids;
}

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<int64_t> prompt)
    : tokenizer_(tokenizer), ids_(std::move(prompt)) {
    shown_ = text();
}

std::string TextStream::add(int64_t id) {
    ids_.push_back(id);
    const std::string all = text();
    if (all.ends_with("\xEF\xBF\xBD") || all.size() <= shown_.size() || !all.starts_with(shown_))
        return {};
    std::string fresh = all.substr(shown_.size());
    shown_ = all;
    return fresh;
}

std::string TextStream::text() const {
    return tokenizer_.decode(ids_, {.skipSpecialTokens = true}).value_or("");
}

}  // namespace vitrine
