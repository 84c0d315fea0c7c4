#include "core/tokenizers/token_model.h"

namespace vitrine {

Result<void> Vocabulary::add(std::string token, int64_t id) {
    if (id < 0 || id >= kMaxId)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("token \"{}\" has id {}, outside 0 to {}", token, id, kMaxId - 1));
    const size_t index = static_cast<size_t>(id);
    if (index >= tokens_.size()) {
        tokens_.resize(index + 1);
        used_.resize(index + 1);
    }
    if (used_[index] && tokens_[index] != token)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("id {} stands for two tokens, \"{}\" and \"{}\"", id, tokens_[index], token));
    ids_.emplace(token, static_cast<int32_t>(id));
    tokens_[index] = std::move(token);
    used_[index] = true;
    return {};
}

void ByteTrie::add(std::string_view key, int32_t value) {
    if (key.empty())
        return;
    starts_[static_cast<unsigned char>(key[0])] = true;
    uint32_t node = 0;
    for (const char c : key) {
        const auto [next, isNew] = children_.try_emplace(uint64_t(node) << 8 | static_cast<unsigned char>(c),
                                                         static_cast<uint32_t>(values_.size()));
        if (isNew)
            values_.push_back(-1);
        node = next->second;
    }
    values_[node] = value;
}

}  // namespace vitrine
