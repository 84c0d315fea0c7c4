#include "core/engine/folder_picture_source.h"

#include "core/base/hash.h"
#include "core/base/thread_pool.h"
#include "core/distill/random_stream.h"
#include "core/media/image_reader.h"
#include "core/media/resample.h"

#include <algorithm>
#include <future>
#include <mutex>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

using PicturePointer = std::shared_ptr<const Image>;

// Where a crop lies in its picture, and whether it is mirrored.
struct Crop {
    int64_t left, top, side;
    bool flipped;
};

class FolderPictures : public PictureSource {
  public:
    FolderPictures(std::vector<fs::path> files, const FolderPictureOptions& options)
        : files_(std::move(files)), options_(options), kept_(files_.size()), pool_(options.threadCount) {
        std::string names =
            fmt::format("{} {:.3f} {}\n", options.largestSide, options.smallestCrop, options.flips);
        for (const fs::path& file : files_) {
            std::error_code ignored;
            names += fmt::format("{} {}\n", file.string(), fs::file_size(file, ignored));
        }
        fingerprint_ = sha256Hex(names).substr(0, 32);
    }

    int64_t count() const override { return int64_t(files_.size()); }
    std::string fingerprint() const override { return fingerprint_; }

    Result<at::Tensor> pictures(const BatchDraw& draw) override {
        std::vector<std::future<Result<at::Tensor>>> parts;
        if (pending_ && pending_->first == draw)
            parts = std::move(pending_->second);
        else
            parts = start(draw);
        pending_.reset();
        std::vector<at::Tensor> batch;
        for (auto& part : parts) {
            VITRINE_TRY(at::Tensor picture, part.get());
            batch.push_back(std::move(picture));
        }
        return at::stack(batch);
    }

    void prefetch(const BatchDraw& draw) override {
        auto parts = start(draw);
        pending_.emplace(draw, std::move(parts));
    }

    std::vector<std::string> skipped() const override {
        const std::lock_guard lock(mutex_);
        return skipped_;
    }

  private:
    std::vector<std::future<Result<at::Tensor>>> start(const BatchDraw& draw) {
        std::vector<std::future<Result<at::Tensor>>> parts;
        for (size_t i = 0; i < draw.indices.size(); ++i) {
            auto promise = std::make_shared<std::promise<Result<at::Tensor>>>();
            parts.push_back(promise->get_future());
            pool_.submit([this, promise, draw, i] {
                try {
                    const uint64_t position = uint64_t(draw.firstPosition) + i;
                    promise->set_value(
                        one(draw.indices[i], draw.side, draw.seed ^ (position << 40), draw.step));
                } catch (...) {
                    promise->set_value(fail(errorFromCurrentException("preparing a picture")));
                }
            });
        }
        return parts;
    }

    // The picture, or the next one of the list that can be read.
    Result<at::Tensor> one(int64_t index, int64_t side, uint64_t seed, int64_t draw) {
        for (size_t tried = 0; tried < files_.size(); ++tried) {
            const size_t at = (size_t(index) + tried) % files_.size();
            if (const PicturePointer picture = decoded(at))
                return cropped(*picture, side, seed, draw);
        }
        return fail(ErrorCode::InvalidFile, "not one of the pictures can be read",
                    files_.front().parent_path().string());
    }

    PicturePointer decoded(size_t index) {
        {
            const std::lock_guard lock(mutex_);
            if (kept_[index].state == Kept::State::Whole)
                return kept_[index].picture;
            if (kept_[index].state == Kept::State::Unreadable)
                return nullptr;
        }
        Result<PicturePointer> picture = decode(files_[index]);
        const std::lock_guard lock(mutex_);
        if (!picture) {
            if (kept_[index].state != Kept::State::Unreadable)
                skipped_.push_back(picture.error().text());
            kept_[index].state = Kept::State::Unreadable;
            return nullptr;
        }
        const int64_t bytes = int64_t((*picture)->byteCount());
        if (keptBytes_ + bytes <= options_.cacheBytes && kept_[index].state == Kept::State::Unknown) {
            keptBytes_ += bytes;
            kept_[index] = {Kept::State::Whole, *picture};
        }
        return *picture;
    }

    // Short side such that the smallest crop still has the pixels of the largest batch, at most as stored.
    Result<PicturePointer> decode(const fs::path& file) const {
        VITRINE_TRY(const Image whole, readImage(file));
        Image picture = whole.toRgb8();
        const int64_t wanted = int64_t(double(options_.largestSide) / std::max(0.5, options_.smallestCrop));
        const int64_t shortSide = std::min(picture.width(), picture.height());
        if (shortSide > wanted) {
            const double scale = double(wanted) / double(shortSide);
            VITRINE_TRY(picture,
                        resize(picture,
                               {std::max<int64_t>(1, std::llround(double(picture.width()) * scale)),
                                std::max<int64_t>(1, std::llround(double(picture.height()) * scale))},
                               Resampling::Bilinear));
        }
        return std::make_shared<const Image>(std::move(picture));
    }

    Crop drawCrop(const Image& picture, uint64_t seed, int64_t draw) const {
        const auto unit = [&](const char* purpose) {
            return double(randomHash(seed, draw, purpose) >> 11) * 0x1p-53;
        };
        const int64_t shortSide = std::min(picture.width(), picture.height());
        const double share = options_.smallestCrop + (1 - options_.smallestCrop) * unit("crop size");
        Crop crop;
        crop.side = std::clamp<int64_t>(std::llround(share * double(shortSide)), 1, shortSide);
        crop.left = int64_t(unit("crop left") * double(picture.width() - crop.side + 1));
        crop.top = int64_t(unit("crop top") * double(picture.height() - crop.side + 1));
        crop.flipped = options_.flips && unit("flip") < 0.5;
        return crop;
    }

    Result<at::Tensor> cropped(const Image& picture, int64_t side, uint64_t seed, int64_t draw) const {
        const Crop crop = drawCrop(picture, seed, draw);
        Image part({crop.side, crop.side}, 3, SampleType::U8);
        for (int64_t y = 0; y < crop.side; ++y)
            std::copy_n(picture.row<uint8_t>(crop.top + y) + 3 * crop.left, 3 * crop.side,
                        part.row<uint8_t>(y));
        if (crop.side != side) {
            VITRINE_TRY(part, resize(part, {side, side}, Resampling::Bicubic));
        }
        at::Tensor pixels = at::from_blob(part.data(), {side, side, 3}, at::kByte)
                                .permute({2, 0, 1})
                                .to(at::kFloat)
                                .div_(255);
        return (crop.flipped ? pixels.flip({2}) : pixels).contiguous();
    }

    struct Kept {
        enum class State { Unknown, Whole, Unreadable };
        State state = State::Unknown;
        PicturePointer picture;
    };

    std::vector<fs::path> files_;
    FolderPictureOptions options_;
    std::string fingerprint_;
    mutable std::mutex mutex_;
    std::vector<Kept> kept_;
    int64_t keptBytes_ = 0;
    std::vector<std::string> skipped_;
    std::optional<std::pair<BatchDraw, std::vector<std::future<Result<at::Tensor>>>>> pending_;
    ThreadPool pool_;  // last: its threads end before what they use
};

}  // namespace

Result<std::unique_ptr<PictureSource>> openFolderPictures(std::vector<fs::path> files,
                                                          const FolderPictureOptions& options) {
    if (files.empty())
        return fail(ErrorCode::InvalidArgument, "there are no pictures", "settings/images");
    return std::make_unique<FolderPictures>(std::move(files), options);
}

}  // namespace vitrine
