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

std::vector<int64_t> permutation(int64_t count, uint64_t seed, int64_t epoch) {
    std::vector<int64_t> order(size_t(count), 0);
    std::iota(order.begin(), order.end(), 0);
    for (int64_t i = count - 1; i > 0; --i)
        std::swap(order[size_t(i)],
                  order[size_t(randomHash(seed ^ uint64_t(epoch) << 32, i, "order") % uint64_t(i + 1))]);
    return order;
}

}  // namespace

TensorPictureSource::TensorPictureSource(const at::Tensor& pictures, double smallestCrop, bool flips)
    : pictures_(pictures.to(at::kFloat).contiguous()), smallestCrop_(smallestCrop), flips_(flips) {
    VITRINE_CHECK(pictures_.dim() == 4 && pictures_.size(1) == 3, "pictures are (N, 3, S, S)");
    const std::string_view bytes(reinterpret_cast<const char*>(pictures_.const_data_ptr<float>()),
                                 pictures_.nbytes());
    fingerprint_ =
        sha256Hex(bytes).substr(0, 16) + fmt::format("-{:.3f}{}", smallestCrop, flips ? "-flips" : "");
}

Result<at::Tensor> TensorPictureSource::pictures(const BatchDraw& draw) {
    const at::NoGradGuard noGrad;
    const int64_t stored = pictures_.size(2);
    std::vector<at::Tensor> batch;
    for (size_t i = 0; i < draw.indices.size(); ++i) {
        const auto random = [&](const char* purpose) {
            const uint64_t position = uint64_t(draw.firstPosition) + i;
            return unit(randomHash(draw.seed ^ (position << 40), draw.step, purpose));
        };
        const double share = smallestCrop_ + (1 - smallestCrop_) * random("crop size");
        const int64_t crop = std::clamp<int64_t>(std::llround(share * double(stored)), 1, stored);
        const int64_t left = int64_t(random("crop left") * double(stored - crop + 1));
        const int64_t top = int64_t(random("crop top") * double(stored - crop + 1));
        at::Tensor picture =
            pictures_[draw.indices[i]].narrow(1, top, crop).narrow(2, left, crop).unsqueeze(0);
        if (crop != draw.side)
            picture = nn::resizeMap(picture, draw.side, draw.side, "bilinear", true);
        batch.push_back(flips_ && random("flip") < 0.5 ? picture.flip({3}) : picture);
    }
    return at::cat(batch).clamp(0, 1);
}

std::vector<int64_t> batchIndices(int64_t count, int64_t position, int64_t batch, uint64_t seed) {
    VITRINE_CHECK(count > 0, "a batch needs pictures");
    std::vector<int64_t> indices;
    int64_t epoch = -1;
    std::vector<int64_t> order;
    for (int64_t i = position; i < position + batch; ++i) {
        if (i / count != epoch) {
            epoch = i / count;
            order = permutation(count, seed, epoch);
        }
        indices.push_back(order[size_t(i % count)]);
    }
    return indices;
}

}  // namespace vitrine
