#include "core/engine/augmented_views.h"

#include "core/media/resample.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace vitrine {
namespace {

struct Crop {
    int64_t left, top, width, height;
};

class Draws {
  public:
    Draws(uint64_t seed, uint64_t index, uint64_t view) {
        std::seed_seq sequence{uint32_t(seed), uint32_t(seed >> 32), uint32_t(index), uint32_t(index >> 32),
                               uint32_t(view)};
        engine_.seed(sequence);
    }
    // Of [low, high). By hand: the standard distributions differ between libraries.
    double uniform(double low, double high) { return low + (high - low) * double(engine_() >> 11) * 0x1p-53; }

  private:
    std::mt19937_64 engine_;
};

Crop drawCrop(ImageSize size, const AugmentationOptions& options, Draws& draws) {
    const double area = draws.uniform(options.smallestArea, 1);
    const double aspect =
        std::exp(draws.uniform(-std::log(options.largestAspect), std::log(options.largestAspect)));
    const double shareX = std::min(1.0, std::sqrt(area * aspect)),
                 shareY = std::min(1.0, std::sqrt(area / aspect));
    Crop crop;
    crop.width = std::clamp<int64_t>(std::llround(shareX * double(size.width)), 1, size.width);
    crop.height = std::clamp<int64_t>(std::llround(shareY * double(size.height)), 1, size.height);
    crop.left = int64_t(draws.uniform(0, double(size.width - crop.width + 1)));
    crop.top = int64_t(draws.uniform(0, double(size.height - crop.height + 1)));
    return crop;
}

Image cut(const Image& rgb, const Crop& crop, bool mirrored) {
    Image part({crop.width, crop.height}, 3, SampleType::U8);
    for (int64_t y = 0; y < crop.height; ++y) {
        const uint8_t* from = rgb.row<uint8_t>(crop.top + y) + 3 * crop.left;
        uint8_t* to = part.row<uint8_t>(y);
        for (int64_t x = 0; x < crop.width; ++x)
            std::copy_n(from + 3 * (mirrored ? crop.width - 1 - x : x), 3, to + 3 * x);
    }
    return part;
}

// value -> (value - middle) * contrast + middle * brightness
void jitter(Image& rgb, double brightness, double contrast) {
    std::array<uint8_t, 256> table;
    for (int value = 0; value < 256; ++value)
        table[size_t(value)] =
            uint8_t(std::lround(std::clamp((value - 127.5) * contrast + 127.5 * brightness, 0.0, 255.0)));
    auto* samples = reinterpret_cast<uint8_t*>(rgb.data());
    for (size_t i = 0; i < rgb.byteCount(); ++i)
        samples[i] = table[samples[i]];
}

}  // namespace

Result<std::vector<Image>> augmentedViews(const Image& picture, int64_t count, uint64_t seed, uint64_t index,
                                          const AugmentationOptions& options) {
    const Image rgb = picture.toRgb8();
    std::vector<Image> views;
    for (int64_t view = 0; view < count; ++view) {
        Draws draws(seed, index, uint64_t(view));
        const Crop crop = drawCrop(rgb.size(), options, draws);
        const bool mirrored = options.flips && draws.uniform(0, 1) < 0.5;
        VITRINE_TRY(Image part, resize(cut(rgb, crop, mirrored), rgb.size(), Resampling::Bicubic));
        const double brightness = draws.uniform(1 - options.jitter, 1 + options.jitter);
        const double contrast = draws.uniform(1 - options.jitter, 1 + options.jitter);
        jitter(part, brightness, contrast);
        views.push_back(std::move(part));
    }
    return views;
}

}  // namespace vitrine
