// Keys and values of the tokens that a decoder has read, so that the next token costs one step. Grown by
// doubling, never copied while there is room. A block without attention holds nothing.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace vitrine {

class KeyValueCache {
  public:
    // Room for `capacity` tokens is made at the first use of a block.
    explicit KeyValueCache(int64_t capacity = 64) : capacity_(capacity) {}

    int64_t length() const { return length_; }
    int64_t byteCount() const;

    // Writes keys and values (B, heads, T, d) of `block` behind the stored ones and gives all of them:
    // (B, heads, length + T, d), views into the cache that the next append may write behind.
    std::pair<at::Tensor, at::Tensor> append(int64_t block, const at::Tensor& keys, const at::Tensor& values);
    // The tokens of a finished pass count from now on.
    void advance(int64_t tokens) { length_ += tokens; }
    // Forgets the tokens from `length` on (speculative steps, a new prompt with a common start).
    void truncate(int64_t length);

  private:
    struct Layer {
        at::Tensor keys, values;
    };
    int64_t capacity_;
    int64_t length_ = 0;
    std::vector<Layer> layers_;
};

}  // namespace vitrine
