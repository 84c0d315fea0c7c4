#include "core/tokenizers/token_model.h"

#include <utility>

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
        uint32_t next = child(node, static_cast<unsigned char>(c));
        if (next == 0) {
            next = static_cast<uint32_t>(values_.size());
            values_.push_back(-1);
            insert(uint64_t(node) << 8 | static_cast<unsigned char>(c), next);
        }
        node = next;
    }
    values_[node] = value;
}

void ByteTrie::insert(uint64_t key, uint32_t node) {
    if (values_.size() * 2 > edges_.size()) {
        const std::vector<Edge> old = std::exchange(edges_, std::vector<Edge>(edges_.size() * 2));
        mask_ = edges_.size() - 1;
        for (const Edge& edge : old)
            if (edge.node != 0)
                insert(edge.key, edge.node);
    }
    size_t at = hash(key) & mask_;
    while (edges_[at].node != 0)
        at = (at + 1) & mask_;
    edges_[at] = {key, node};
}

}  // namespace vitrine
