#include "core/tokenizers/word_piece_model.h"

#include "core/tokenizers/unicode.h"

#include <algorithm>

namespace vitrine {

namespace {

class WordPieceModel final : public TokenModel {
  public:
    Vocabulary vocabulary_;
    WordPieceOptions options_;
    ByteTrie beginnings_, continuations_;
    int32_t unknown_ = -1;

    const Vocabulary& vocabulary() const override { return vocabulary_; }

    Result<void> encodeWord(std::string_view word, bool, std::vector<ModelToken>& out) const override {
        const size_t before = out.size();
        const auto characters =
            std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xC0) != 0x80; });
        bool covered = characters <= options_.maxCharactersPerWord;
        for (size_t at = 0; covered && at < word.size();) {
            size_t longest = 0;
            int32_t best = -1;
            (at == 0 ? beginnings_ : continuations_)
                .forEachPrefix(word.substr(at), [&](size_t bytes, int32_t id) {
                    longest = bytes;
                    best = id;
                });
            covered = best >= 0;
            out.push_back({best, static_cast<uint32_t>(longest)});
            at += longest;
        }
        if (!covered) {
            out.resize(before);
            out.push_back({unknown_, static_cast<uint32_t>(word.size())});
        }
        return {};
    }
};

}  // namespace

Result<std::shared_ptr<const TokenModel>> makeWordPieceModel(Vocabulary vocabulary,
                                                             WordPieceOptions options) {
    auto model = std::make_shared<WordPieceModel>();
    model->unknown_ = vocabulary.find(options.unknownToken);
    if (model->unknown_ < 0)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("the unknown token \"{}\" is not in the vocabulary", options.unknownToken),
                    "model.unk_token");
    const std::string& prefix = options.continuingPrefix;
    for (int64_t id = 0; id < vocabulary.size(); ++id) {
        const std::string* token = vocabulary.token(id);
        if (!token)
            continue;
        model->beginnings_.add(*token, static_cast<int32_t>(id));
        if (token->starts_with(prefix))
            model->continuations_.add(std::string_view(*token).substr(prefix.size()),
                                      static_cast<int32_t>(id));
    }
    model->vocabulary_ = std::move(vocabulary);
    model->options_ = std::move(options);
    return model;
}

}  // namespace vitrine
