#include "core/models/language/decoder_attention.h"

#include "core/nn/functional.h"

#include <cmath>
#include <limits>

namespace vitrine {
namespace {

at::Tensor makeMask(int64_t window, const DecoderPass& pass, const at::Tensor& like) {
    const int64_t total = pass.past + pass.length;
    const auto indices = at::TensorOptions().dtype(at::kLong).device(like.device());
    const at::Tensor rows = at::arange(pass.past, total, indices).unsqueeze(1);
    const at::Tensor columns = at::arange(total, indices).unsqueeze(0);
    at::Tensor seen = columns.le(rows);
    if (window > 0)
        seen = at::logical_and(seen, (rows - columns).lt(window));
    seen = seen.view({1, 1, pass.length, total});
    // A padded place sees itself, so that its row of the softmax is not empty.
    if (pass.padding.defined())
        seen = at::logical_or(at::logical_and(seen, pass.padding), columns.eq(rows));
    return at::zeros(seen.sizes(), like.options())
        .masked_fill_(seen.logical_not(), -std::numeric_limits<double>::infinity());
}

const at::Tensor& maskOf(int64_t window, const DecoderPass& pass, const at::Tensor& like) {
    at::Tensor& mask = pass.masks->byWindow[window];
    if (!mask.defined())
        mask = makeMask(window, pass, like);
    return mask;
}

// Key/value heads repeated for the query heads that share them.
at::Tensor repeated(const at::Tensor& x, int64_t times) {
    if (times == 1)
        return x;
    return x.unsqueeze(2)
        .expand({x.size(0), x.size(1), times, x.size(2), x.size(3)})
        .reshape({x.size(0), x.size(1) * times, x.size(2), x.size(3)});
}

// One new token sees all that its window holds: no mask, and the query heads of a group are rows of one
// product.
at::Tensor attendOne(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionSettings& settings, double scale) {
    const int64_t total = key.size(2);
    const int64_t seen = settings.window > 0 ? std::min(settings.window, total) : total;
    const int64_t batch = query.size(0), headWidth = query.size(3);
    const at::Tensor rows = query.reshape({batch, settings.keyValueHeads, settings.groupSize(), headWidth});
    const at::Tensor result =
        nn::attention(rows, key.narrow(2, total - seen, seen), value.narrow(2, total - seen, seen), scale);
    return result.reshape({batch, 1, settings.queryHeads * headWidth});
}

}  // namespace

at::Tensor decoderAttention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const AttentionSettings& settings, const DecoderPass& pass,
                            at::Tensor* probabilities) {
    const double scale = 1.0 / std::sqrt(double(settings.headWidth));
    const int64_t total = pass.past + pass.length;
    const bool windowed = settings.window > 0 && settings.window < total;
    if (pass.length == 1 && !pass.padding.defined() && !probabilities)
        return attendOne(query, key, value, settings, scale);
    const at::Tensor keys = repeated(key, settings.groupSize());
    const at::Tensor values = repeated(value, settings.groupSize());
    if (!pass.padding.defined() && !windowed && pass.past == 0)
        return nn::mergeHeads(nn::attention(query, keys, values, scale, std::nullopt, true, probabilities));
    const at::Tensor& mask = maskOf(windowed ? settings.window : 0, pass, query);
    return nn::mergeHeads(nn::attention(query, keys, values, scale, mask, false, probabilities));
}

}  // namespace vitrine
