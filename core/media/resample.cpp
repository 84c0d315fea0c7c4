#include "core/media/resample.h"

#include "core/media/resample_filter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vitrine {
namespace {

constexpr int kPrecisionBits = 22;  // 32 bits less 8 of the sample and 2 of head room for overshoot

// Fixed-point weights of an axis, rounded half away from zero.
std::vector<int32_t> fixedWeights(const AxisFilter& filter) {
    std::vector<int32_t> fixed(filter.weights.size());
    for (size_t i = 0; i < fixed.size(); ++i) {
        const double scaled = filter.weights[i] * (1 << kPrecisionBits);
        fixed[i] = int32_t(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    return fixed;
}

uint8_t clip8(int32_t sum) {
    return uint8_t(std::clamp(sum >> kPrecisionBits, 0, 255));
}

template <int channels>
void horizontalRow8(const uint8_t* source, uint8_t* target, const AxisFilter& filter, const int32_t* fixed) {
    for (int64_t x = 0; x < filter.outputSize(); ++x, target += channels) {
        const uint8_t* pixel = source + filter.first[size_t(x)] * channels;
        const int32_t* weights = fixed + x * filter.taps;
        int32_t sums[channels];
        std::fill_n(sums, channels, 1 << (kPrecisionBits - 1));
        const int64_t count = filter.count[size_t(x)];
        for (int64_t j = 0; j < count; ++j, pixel += channels)
            for (int c = 0; c < channels; ++c)
                sums[c] += pixel[c] * weights[j];
        for (int c = 0; c < channels; ++c)
            target[c] = clip8(sums[c]);
    }
}

using HorizontalRow8 = void (*)(const uint8_t*, uint8_t*, const AxisFilter&, const int32_t*);
constexpr HorizontalRow8 kHorizontalRow8[] = {horizontalRow8<1>, horizontalRow8<2>, horizontalRow8<3>,
                                              horizontalRow8<4>};

Image horizontal8(const Image& image, int64_t width, Resampling resampling) {
    const AxisFilter filter = makeAxisFilter(image.width(), width, resampling);
    const std::vector<int32_t> fixed = fixedWeights(filter);
    Image out({width, image.height()}, image.channels(), SampleType::U8);
    const auto row = kHorizontalRow8[image.channels() - 1];
    parallelRows(image.height(), image.height() * width * filter.taps * image.channels(),
                 [&](int64_t begin, int64_t end) {
                     for (int64_t y = begin; y < end; ++y)
                         row(image.row<uint8_t>(y), out.row<uint8_t>(y), filter, fixed.data());
                 });
    return out;
}

Image vertical8(const Image& image, int64_t height, Resampling resampling) {
    const AxisFilter filter = makeAxisFilter(image.height(), height, resampling);
    const std::vector<int32_t> fixed = fixedWeights(filter);
    Image out({image.width(), height}, image.channels(), SampleType::U8);
    const size_t samples = out.rowBytes();
    parallelRows(height, height * int64_t(samples) * filter.taps, [&](int64_t begin, int64_t end) {
        std::vector<int32_t> sums(samples);
        for (int64_t y = begin; y < end; ++y) {
            std::fill(sums.begin(), sums.end(), 1 << (kPrecisionBits - 1));
            for (int64_t j = 0; j < filter.count[size_t(y)]; ++j) {
                const uint8_t* source = image.row<uint8_t>(filter.first[size_t(y)] + j);
                const int32_t weight = fixed[size_t(y * filter.taps + j)];
                for (size_t i = 0; i < samples; ++i)
                    sums[i] += source[i] * weight;
            }
            std::transform(sums.begin(), sums.end(), out.row<uint8_t>(y), clip8);
        }
    });
    return out;
}

Image nearest(const Image& image, ImageSize size) {
    const std::vector<int64_t> columns = nearestIndices(image.width(), size.width);
    const std::vector<int64_t> rows = nearestIndices(image.height(), size.height);
    const size_t pixelBytes = image.bytesPerSample() * size_t(image.channels());
    Image out(size, image.channels(), image.sampleType());
    for (int64_t y = 0; y < size.height; ++y) {
        const std::byte* source = image.row<std::byte>(rows[size_t(y)]);
        std::byte* target = out.row<std::byte>(y);
        for (const int64_t column : columns) {
            std::memcpy(target, source + size_t(column) * pixelBytes, pixelBytes);
            target += pixelBytes;
        }
    }
    return out;
}

void horizontalFloat(const float* source, float* target, int64_t rows, int64_t width,
                     const AxisFilter& filter, const std::vector<float>& weights) {
    const int64_t outWidth = filter.outputSize();
    parallelRows(rows, rows * outWidth * filter.taps, [&](int64_t begin, int64_t end) {
        for (int64_t y = begin; y < end; ++y)
            for (int64_t x = 0; x < outWidth; ++x) {
                const float* first = source + y * width + filter.first[size_t(x)];
                const float* weight = &weights[size_t(x * filter.taps)];
                float sum = 0;
                for (int64_t j = 0; j < filter.count[size_t(x)]; ++j)
                    sum += first[j] * weight[j];
                target[y * outWidth + x] = sum;
            }
    });
}

void verticalFloat(const float* source, float* target, int64_t width, const AxisFilter& filter,
                   const std::vector<float>& weights) {
    parallelRows(filter.outputSize(), filter.outputSize() * width * filter.taps,
                 [&](int64_t begin, int64_t end) {
                     for (int64_t y = begin; y < end; ++y) {
                         float* out = target + y * width;
                         std::fill_n(out, width, 0.0f);
                         for (int64_t j = 0; j < filter.count[size_t(y)]; ++j) {
                             const float* in = source + (filter.first[size_t(y)] + j) * width;
                             const float weight = weights[size_t(y * filter.taps + j)];
                             for (int64_t x = 0; x < width; ++x)
                                 out[x] += in[x] * weight;
                         }
                     }
                 });
}

template <typename T>
std::vector<float> planesOf(const Image& image) {
    std::vector<float> planes(size_t(image.width() * image.height() * image.channels()));
    for (int c = 0; c < image.channels(); ++c)
        for (int64_t y = 0; y < image.height(); ++y) {
            const T* source = image.row<T>(y) + c;
            float* target = &planes[size_t((c * image.height() + y) * image.width())];
            for (int64_t x = 0; x < image.width(); ++x)
                target[x] = float(source[x * image.channels()]);
        }
    return planes;
}

template <typename T>
Image imageOf(const std::vector<float>& planes, ImageSize size, int channels, SampleType type) {
    Image image(size, channels, type);
    for (int c = 0; c < channels; ++c)
        for (int64_t y = 0; y < size.height; ++y) {
            const float* source = &planes[size_t((c * size.height + y) * size.width)];
            T* target = image.row<T>(y) + c;
            for (int64_t x = 0; x < size.width; ++x)
                if constexpr (std::is_integral_v<T>)
                    target[x * channels] = T(std::lround(std::clamp(source[x], 0.0f, 65535.0f)));
                else
                    target[x * channels] = source[x];
        }
    return image;
}

}  // namespace

const char* resamplingName(Resampling resampling) {
    constexpr const char* kNames[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};
    return kNames[int(resampling)];
}

Result<Resampling> resamplingFromNumber(int64_t number) {
    if (number < 0 || number > 5)
        return fail(ErrorCode::InvalidArgument, fmt::format("{} is no resampling filter", number), "resample",
                    "Use 0 (nearest), 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming)");
    return Resampling(number);
}

Result<Image> resize(const Image& image, ImageSize size, Resampling resampling) {
    if (image.empty() || size.width < 1 || size.height < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("cannot resize an image of {}x{} to {}x{}: both must hold at least one pixel",
                                image.width(), image.height(), size.width, size.height));
    if (size == image.size())
        return image;
    if (resampling == Resampling::Nearest)
        return nearest(image, size);
    if (image.sampleType() != SampleType::U8) {
        const bool isFloat = image.sampleType() == SampleType::F32;
        const auto planes = isFloat ? planesOf<float>(image) : planesOf<uint16_t>(image);
        VITRINE_TRY(const auto resized,
                    resizeFloat(planes, image.channels(), image.size(), size, resampling));
        return isFloat ? imageOf<float>(resized, size, image.channels(), SampleType::F32)
                       : imageOf<uint16_t>(resized, size, image.channels(), SampleType::U16);
    }
    // A pass that would keep the size is left out, as Pillow does.
    if (size.width == image.width())
        return vertical8(image, size.height, resampling);
    Image narrow = horizontal8(image, size.width, resampling);
    return size.height == image.height() ? std::move(narrow) : vertical8(narrow, size.height, resampling);
}

Result<std::vector<float>> resizeFloat(std::span<const float> planes, int64_t channels, ImageSize from,
                                       ImageSize to, Resampling resampling) {
    if (from.width < 1 || from.height < 1 || to.width < 1 || to.height < 1 || channels < 1 ||
        planes.size() != size_t(channels * from.width * from.height))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("cannot resize {} values as {} planes of {}x{} to {}x{}", planes.size(),
                                channels, from.width, from.height, to.width, to.height));
    if (from == to)
        return std::vector<float>(planes.begin(), planes.end());
    std::vector<float> out(size_t(channels * to.width * to.height));
    if (resampling == Resampling::Nearest) {
        const auto columns = nearestIndices(from.width, to.width);
        const auto rows = nearestIndices(from.height, to.height);
        float* target = out.data();
        for (int64_t c = 0; c < channels; ++c)
            for (const int64_t row : rows)
                for (const int64_t column : columns)
                    *target++ = planes[size_t((c * from.height + row) * from.width + column)];
        return out;
    }
    const AxisFilter across = makeAxisFilter(from.width, to.width, resampling);
    const AxisFilter down = makeAxisFilter(from.height, to.height, resampling);
    const std::vector<float> acrossWeights(across.weights.begin(), across.weights.end());
    const std::vector<float> downWeights(down.weights.begin(), down.weights.end());
    std::vector<float> narrow(size_t(channels * from.height * to.width));
    horizontalFloat(planes.data(), narrow.data(), channels * from.height, from.width, across, acrossWeights);
    for (int64_t c = 0; c < channels; ++c)
        verticalFloat(narrow.data() + c * from.height * to.width, out.data() + c * to.height * to.width,
                      to.width, down, downWeights);
    return out;
}

}  // namespace vitrine
