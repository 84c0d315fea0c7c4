#include "widgets/view/tile_pyramid.h"

#include "core/base/thread_pool.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace vitrine {
namespace {

// One thread builds levels, the other samples what is visible now.
ThreadPool& workers() {
    static ThreadPool pool(2);
    return pool;
}
constexpr int64_t kVisiblePriority = 10;
constexpr int64_t kSmallPixels = int64_t(1) << 21;  // all levels take about two milliseconds

template <typename T, typename Sum, int channels>
void halveRowOf(const Image& from, Image& to, int64_t y) {
    const T* upper = from.row<T>(2 * y);
    const T* lower = from.row<T>(std::min(2 * y + 1, from.height() - 1));
    T* out = to.row<T>(y);
    const auto mean = [&](int64_t x, int64_t step) {
        const T *a = upper + 2 * x * channels, *b = lower + 2 * x * channels;
        for (int64_t channel = 0; channel < channels; ++channel) {
            const Sum sum =
                Sum(a[channel]) + Sum(a[channel + step]) + Sum(b[channel]) + Sum(b[channel + step]);
            if constexpr (std::is_floating_point_v<T>)
                out[x * channels + channel] = sum * Sum(0.25);
            else
                out[x * channels + channel] = T((sum + 2) / 4);
        }
    };
    const int64_t whole = from.width() / 2;
    for (int64_t x = 0; x < whole; ++x)
        mean(x, channels);
    if (whole < to.width())
        mean(whole, 0);  // an odd last column stands for both
}

// The number of channels is known to the compiler: a map that is drawn is halved first, before the frame.
template <typename T, typename Sum>
void halveRow(const Image& from, Image& to, int64_t y) {
    switch (from.channels()) {
        case 1:
            return halveRowOf<T, Sum, 1>(from, to, y);
        case 2:
            return halveRowOf<T, Sum, 2>(from, to, y);
        case 3:
            return halveRowOf<T, Sum, 3>(from, to, y);
        default:
            return halveRowOf<T, Sum, 4>(from, to, y);
    }
}

Image sampledTile(const Image& image, const TileRect& rect, int level) {
    Image tile({rect.width, rect.height}, image.channels(), image.sampleType());
    const size_t pixelBytes = image.bytesPerSample() * size_t(image.channels());
    const int64_t step = int64_t(1) << level;
    for (int64_t y = 0; y < rect.height; ++y) {
        const int64_t sourceY = std::min((rect.y + y) * step + step / 2, image.height() - 1);
        const std::byte* source = image.row<std::byte>(sourceY);
        std::byte* out = tile.row<std::byte>(y);
        for (int64_t x = 0; x < rect.width; ++x) {
            const int64_t sourceX = std::min((rect.x + x) * step + step / 2, image.width() - 1);
            std::memcpy(out + size_t(x) * pixelBytes, source + size_t(sourceX) * pixelBytes, pixelBytes);
        }
    }
    return tile;
}

}  // namespace

Image TilePyramid::halved(const Image& image) {
    Image half({(image.width() + 1) / 2, (image.height() + 1) / 2}, image.channels(), image.sampleType());
    for (int64_t y = 0; y < half.height(); ++y) {
        if (image.sampleType() == SampleType::U8)
            halveRow<uint8_t, uint32_t>(image, half, y);
        else if (image.sampleType() == SampleType::U16)
            halveRow<uint16_t, uint32_t>(image, half, y);
        else
            halveRow<float, float>(image, half, y);
    }
    return half;
}

std::shared_ptr<TilePyramid> TilePyramid::of(std::shared_ptr<const Image> image) {
    static std::mutex mutex;
    static std::map<const Image*, std::weak_ptr<TilePyramid>> known;
    const std::lock_guard lock(mutex);
    std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
    if (auto existing = known[image.get()].lock())
        return existing;
    const Image* key = image.get();
    std::shared_ptr<TilePyramid> pyramid(new TilePyramid(std::move(image)));
    known[key] = pyramid;
    return pyramid;
}

TilePyramid::TilePyramid(std::shared_ptr<const Image> image)
    : image_(std::move(image)), geometry_(image_->size()), levels_(size_t(geometry_.levelCount())) {
    levels_[0] = image_;
}

bool TilePyramid::levelReady(int level) const {
    const std::lock_guard lock(mutex_);
    return levels_[size_t(level)] != nullptr;
}

TilePixels TilePyramid::tile(const TileKey& key) {
    const TileRect rect = geometry_.borderedRect(key);
    const std::lock_guard lock(mutex_);
    if (const auto& level = levels_[size_t(key.level)])
        return {level, rect, rect.x, rect.y, false};
    if (image_->width() * image_->height() <= kSmallPixels) {
        buildSmall();
        return {levels_[size_t(key.level)], rect, rect.x, rect.y, false};
    }
    startBuilding();
    if (const auto found = sampled_.find(key); found != sampled_.end())
        return {found->second, rect, 0, 0, true};
    startSampling(key);
    return {nullptr, rect, 0, 0, true};
}

// The lock is held.
void TilePyramid::buildSmall() {
    for (size_t level = 1; level < levels_.size(); ++level)
        if (!levels_[level])
            levels_[level] = std::make_shared<const Image>(halved(*levels_[level - 1]));
}

void TilePyramid::startBuilding() {
    if (building_)
        return;
    building_ = true;
    workers().submit([weak = weak_from_this()] {
        for (size_t level = 1;; ++level) {
            const auto self = weak.lock();
            if (!self || level >= self->levels_.size())
                return;
            std::shared_ptr<const Image> below;
            {
                const std::lock_guard lock(self->mutex_);
                below = self->levels_[level - 1];
            }
            auto built = std::make_shared<const Image>(halved(*below));
            {
                const std::lock_guard lock(self->mutex_);
                self->levels_[level] = std::move(built);
                std::erase_if(self->sampled_,
                              [&](const auto& entry) { return entry.first.level == int(level); });
            }
            emit self->changed();
        }
    });
}

void TilePyramid::startSampling(const TileKey& key) {
    if (!sampling_.insert(key).second)
        return;
    workers().submit(
        [weak = weak_from_this(), key] {
            const auto self = weak.lock();
            if (!self)
                return;
            auto tile = std::make_shared<const Image>(
                sampledTile(*self->image_, self->geometry_.borderedRect(key), key.level));
            {
                const std::lock_guard lock(self->mutex_);
                self->sampling_.erase(key);
                if (!self->levels_[size_t(key.level)])
                    self->sampled_[key] = std::move(tile);
            }
            emit self->changed();
        },
        kVisiblePriority);
}

}  // namespace vitrine
