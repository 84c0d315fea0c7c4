#include "core/distill/picture_source.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/distill/random_stream.h"
#include "core/nn/functional.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vitrine {
namespace {

// Uniform in [0, 1) from a hash.
double unit(uint64_t hash) {
    return double(hash >> 11) * 0x1p-53;
}

std::string_view bytesOf(const at::Tensor& values) {
    return {reinterpret_cast<const char*>(values.const_data_ptr<float>()), values.nbytes()};
}

// The order of the pictures in an epoch: a permutation drawn from (seed, epoch).
std::vector<int64_t> pictureOrder(int64_t count, uint64_t seed, int64_t epoch) {
    std::vector<int64_t> order(size_t(count), 0);
    std::iota(order.begin(), order.end(), 0);
    for (int64_t i = count - 1; i > 0; --i)
        std::swap(order[size_t(i)],
                  order[size_t(randomHash(seed ^ uint64_t(epoch) << 32, i, "order") % uint64_t(i + 1))]);
    return order;
}

}  // namespace

std::pair<uint64_t, int64_t> BatchDraw::cropDraw(size_t place) const {
    if (!views.empty())
        return {randomHash(0, indices[place], "fixed view"), views[place]};
    return {seed ^ ((uint64_t(firstPosition) + place) << 40), step};
}

PictureCrop drawCrop(int64_t width, int64_t height, double smallest, bool flips,
                     std::pair<uint64_t, int64_t> from) {
    const auto random = [&](const char* purpose) {
        return unit(randomHash(from.first, from.second, purpose));
    };
    const int64_t shortSide = std::min(width, height);
    const double share = smallest + (1 - smallest) * random("crop size");
    PictureCrop crop;
    crop.side = std::clamp<int64_t>(std::llround(share * double(shortSide)), 1, shortSide);
    crop.left = int64_t(random("crop left") * double(width - crop.side + 1));
    crop.top = int64_t(random("crop top") * double(height - crop.side + 1));
    crop.flipped = flips && random("flip") < 0.5;
    return crop;
}

std::string viewName(const std::string& pictureHash, const PictureCrop& crop, int64_t side) {
    return fmt::format("{} {}+{}+{}{}, {} pixels", pictureHash, crop.side, crop.left, crop.top,
                       crop.flipped ? " mirrored" : "", side);
}

TensorPictureSource::TensorPictureSource(const at::Tensor& pictures, double smallestCrop, bool flips)
    : pictures_(pictures.to(at::kFloat).contiguous()), smallestCrop_(smallestCrop), flips_(flips) {
    VITRINE_CHECK(pictures_.dim() == 4 && pictures_.size(1) == 3, "pictures are (N, 3, S, S)");
    fingerprint_ = sha256Hex(bytesOf(pictures_)).substr(0, 16) +
                   fmt::format("-{:.3f}{}", smallestCrop, flips ? "-flips" : "");
}

Result<DrawnPictures> TensorPictureSource::pictures(const BatchDraw& draw) {
    const at::NoGradGuard noGrad;
    const int64_t stored = pictures_.size(2);
    if (draw.named && hashes_.empty())
        for (const at::Tensor& picture : pictures_.unbind())
            hashes_.push_back(sha256Hex(bytesOf(picture)));
    DrawnPictures drawn;
    std::vector<at::Tensor> batch;
    for (size_t i = 0; i < draw.indices.size(); ++i) {
        const PictureCrop crop = drawCrop(stored, stored, smallestCrop_, flips_, draw.cropDraw(i));
        at::Tensor picture = pictures_[draw.indices[i]]
                                 .narrow(1, crop.top, crop.side)
                                 .narrow(2, crop.left, crop.side)
                                 .unsqueeze(0);
        if (crop.side != draw.side)
            picture = nn::resizeMap(picture, draw.side, draw.side, "bilinear", true);
        batch.push_back(crop.flipped ? picture.flip({3}) : picture);
        if (draw.named)
            drawn.names.push_back(viewName(hashes_[size_t(draw.indices[i])], crop, draw.side));
    }
    drawn.pixels = at::cat(batch).clamp(0, 1);
    return drawn;
}

BatchIndices::BatchIndices(int64_t count, uint64_t seed) : count_(count), seed_(seed) {
    VITRINE_CHECK(count > 0, "a batch needs pictures");
}

int64_t BatchIndices::at(int64_t position) {
    if (const int64_t epoch = position / count_; epoch != epoch_) {
        order_ = pictureOrder(count_, seed_, epoch);
        epoch_ = epoch;
        ++ordersMade_;
    }
    return order_[size_t(position % count_)];
}

std::vector<int64_t> BatchIndices::batch(int64_t position, int64_t size) {
    std::vector<int64_t> indices;
    indices.reserve(size_t(size));
    for (int64_t i = position; i < position + size; ++i)
        indices.push_back(at(i));
    return indices;
}

}  // namespace vitrine
