#include "core/models/language/key_value_cache.h"

#include "core/base/check.h"

#include <algorithm>

namespace vitrine {

int64_t KeyValueCache::byteCount() const {
    int64_t bytes = 0;
    for (const Layer& layer : layers_)
        if (layer.keys.defined())
            bytes += int64_t(layer.keys.nbytes() + layer.values.nbytes());
    return bytes;
}

std::pair<at::Tensor, at::Tensor> KeyValueCache::append(int64_t block, const at::Tensor& keys,
                                                        const at::Tensor& values) {
    if (block >= int64_t(layers_.size()))
        layers_.resize(size_t(block) + 1);
    Layer& layer = layers_[size_t(block)];
    const int64_t added = keys.size(2), total = length_ + added;
    if (!layer.keys.defined() || layer.keys.size(2) < total) {
        const int64_t room = std::max({total, capacity_, layer.keys.defined() ? 2 * layer.keys.size(2) : 0});
        const auto grown = [&](const at::Tensor& old, const at::Tensor& like) {
            at::Tensor fresh = at::empty({like.size(0), like.size(1), room, like.size(3)}, like.options());
            if (old.defined() && length_ > 0)
                fresh.narrow(2, 0, length_).copy_(old.narrow(2, 0, length_));
            return fresh;
        };
        layer.keys = grown(layer.keys, keys);
        layer.values = grown(layer.values, values);
    }
    VITRINE_CHECK(layer.keys.size(0) == keys.size(0), "the batch of a cache must not change");
    layer.keys.narrow(2, length_, added).copy_(keys);
    layer.values.narrow(2, length_, added).copy_(values);
    return {layer.keys.narrow(2, 0, total), layer.values.narrow(2, 0, total)};
}

void KeyValueCache::truncate(int64_t length) {
    length_ = std::clamp<int64_t>(length, 0, length_);
}

}  // namespace vitrine
