#include "core/language/calibration_windows.h"

#include "core/distill/random_stream.h"

namespace vitrine {

std::vector<at::Tensor> calibrationWindows(const std::vector<LanguageTrainingText>& texts, int64_t windows,
                                           int64_t length, int64_t batch, uint64_t seed, at::Device device) {
    std::vector<at::Tensor> batches;
    for (int64_t first = 0; first < windows; first += batch) {
        const int64_t rows = std::min(batch, windows - first);
        const at::Tensor ids = at::empty({rows, length}, at::kLong);
        for (int64_t row = 0; row < rows; ++row) {
            const LanguageTrainingText& text = texts[size_t(first + row) % texts.size()];
            const uint64_t draw = randomHash(seed, first + row, "calibration window");
            text.tokens->read(randomWindow(text.training, length, draw),
                              {ids.data_ptr<int64_t>() + row * length, size_t(length)});
        }
        batches.push_back(ids.to(device));
    }
    return batches;
}

}  // namespace vitrine
