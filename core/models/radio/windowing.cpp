#include "core/models/radio/windowing.h"

namespace vitrine::radio {

at::Tensor toWindows(const at::Tensor& patches, int64_t height, int64_t width, int64_t windowSize) {
    const int64_t batch = patches.size(0), channels = patches.size(2), w = windowSize;
    return patches.reshape({batch, height / w, w, width / w, w, channels})
        .transpose(2, 3)
        .reshape({batch * (height / w) * (width / w), w * w, channels});
}

at::Tensor fromWindows(const at::Tensor& windows, int64_t height, int64_t width, int64_t windowSize) {
    const int64_t w = windowSize, channels = windows.size(2);
    const int64_t batch = windows.size(0) / ((height / w) * (width / w));
    return windows.reshape({batch, height / w, width / w, w, w, channels})
        .transpose(2, 3)
        .reshape({batch, height * width, channels});
}

at::Tensor spreadWindowAttention(const at::Tensor& attention, int64_t height, int64_t width,
                                 int64_t windowSize, int64_t prefixTokens) {
    const int64_t tokens = prefixTokens + height * width, heads = attention.size(1);
    const at::Tensor raster =
        at::arange(prefixTokens, tokens, attention.options().dtype(at::kLong)).view({1, height * width, 1});
    const at::Tensor index = toWindows(raster, height, width, windowSize).squeeze(2);  // (windows, ω²)
    const int64_t windows = index.size(0), batch = attention.size(0) / windows;
    at::Tensor full = at::zeros({batch, heads, tokens, tokens}, attention.options());
    for (int64_t prefix = 0; prefix < prefixTokens; ++prefix)
        full.select(2, prefix).select(2, prefix).fill_(1);
    const at::Tensor perWindow = attention.view({batch, windows, heads, index.size(1), index.size(1)});
    for (int64_t window = 0; window < windows; ++window) {
        const at::Tensor rows = index[window];
        full.index_put_({at::indexing::Slice(), at::indexing::Slice(), rows.unsqueeze(1), rows.unsqueeze(0)},
                        perWindow.select(1, window));
    }
    return full;
}

}  // namespace vitrine::radio
