#include "core/models/sam/windows.h"

namespace vitrine::sam {

at::Tensor splitIntoWindows(const at::Tensor& map, int64_t size) {
    const int64_t bottom = (size - map.size(1) % size) % size, right = (size - map.size(2) % size) % size;
    const at::Tensor padded = at::constant_pad_nd(map, {0, 0, 0, right, 0, bottom});
    const int64_t height = padded.size(1), width = padded.size(2), channels = padded.size(3);
    return padded.reshape({map.size(0), height / size, size, width / size, size, channels})
        .permute({0, 1, 3, 2, 4, 5})
        .reshape({-1, size, size, channels});
}

at::Tensor joinWindows(const at::Tensor& windows, int64_t size, int64_t height, int64_t width) {
    const int64_t rows = (height + size - 1) / size, columns = (width + size - 1) / size;
    return windows.reshape({-1, rows, columns, size, size, windows.size(3)})
        .permute({0, 1, 3, 2, 4, 5})
        .reshape({-1, rows * size, columns * size, windows.size(3)})
        .slice(1, 0, height)
        .slice(2, 0, width);
}

}  // namespace vitrine::sam
