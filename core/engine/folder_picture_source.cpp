#include "core/engine/folder_picture_source.h"

#include "core/base/hash.h"
#include "core/base/thread_pool.h"
#include "core/media/image_reader.h"
#include "core/media/resample.h"

#include <algorithm>
#include <future>
#include <mutex>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

using PicturePointer = std::shared_ptr<const Image>;

// A decoded picture, and the hash of its pixels where names are wanted.
struct Decoded {
    PicturePointer picture;
    std::string hash;
};

// One picture of a batch.
struct Prepared {
    at::Tensor pixels;
    std::string name;
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

    Result<DrawnPictures> pictures(const BatchDraw& draw) override {
        std::vector<std::future<Result<Prepared>>> parts;
        if (pending_ && pending_->first == draw)
            parts = std::move(pending_->second);
        else
            parts = start(draw);
        pending_.reset();
        std::vector<at::Tensor> batch;
        DrawnPictures drawn;
        for (auto& part : parts) {
            VITRINE_TRY(Prepared picture, part.get());
            batch.push_back(std::move(picture.pixels));
            if (draw.named)
                drawn.names.push_back(std::move(picture.name));
        }
        drawn.pixels = at::stack(batch);
        return drawn;
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
    std::vector<std::future<Result<Prepared>>> start(const BatchDraw& draw) {
        std::vector<std::future<Result<Prepared>>> parts;
        for (size_t i = 0; i < draw.indices.size(); ++i) {
            auto promise = std::make_shared<std::promise<Result<Prepared>>>();
            parts.push_back(promise->get_future());
            pool_.submit([this, promise, draw, i] {
                try {
                    promise->set_value(one(draw, i));
                } catch (...) {
                    promise->set_value(fail(errorFromCurrentException("preparing a picture")));
                }
            });
        }
        return parts;
    }

    // The picture, or the next one of the list that can be read.
    Result<Prepared> one(const BatchDraw& draw, size_t place) {
        for (size_t tried = 0; tried < files_.size(); ++tried) {
            const size_t at = (size_t(draw.indices[place]) + tried) % files_.size();
            if (const Decoded picture = decoded(at, draw.named); picture.picture)
                return cropped(picture, draw, place);
        }
        return fail(ErrorCode::InvalidFile, "not one of the pictures can be read",
                    files_.front().parent_path().string());
    }

    // Null where it cannot be read.
    Decoded decoded(size_t index, bool named) {
        Decoded found;
        {
            const std::lock_guard lock(mutex_);
            const Kept& kept = kept_[index];
            if (kept.state == Kept::State::Unreadable)
                return {};
            found = {kept.picture, kept.hash};
        }
        if (!found.picture) {
            Result<PicturePointer> picture = decode(files_[index]);
            const std::lock_guard lock(mutex_);
            if (!picture) {
                if (kept_[index].state != Kept::State::Unreadable)
                    skipped_.push_back(picture.error().text());
                kept_[index].state = Kept::State::Unreadable;
                return {};
            }
            found.picture = *picture;
            const int64_t bytes = int64_t(found.picture->byteCount());
            if (keptBytes_ + bytes <= options_.cacheBytes && kept_[index].state == Kept::State::Unknown) {
                keptBytes_ += bytes;
                kept_[index].state = Kept::State::Whole;
                kept_[index].picture = found.picture;
            }
        }
        if (named && found.hash.empty()) {
            found.hash = hashOf(*found.picture);
            const std::lock_guard lock(mutex_);
            if (kept_[index].picture)  // what is decoded again may have changed on disk
                kept_[index].hash = found.hash;
        }
        return found;
    }

    static std::string hashOf(const Image& picture) {
        Sha256 hash;
        hash.update(fmt::format("{}x{} ", picture.width(), picture.height()));
        for (int64_t y = 0; y < picture.height(); ++y)
            hash.update(std::as_bytes(std::span(picture.row<uint8_t>(y), size_t(3 * picture.width()))));
        return hash.hexDigest();
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

    Result<Prepared> cropped(const Decoded& decoded, const BatchDraw& draw, size_t place) const {
        const Image& picture = *decoded.picture;
        const int64_t side = draw.side;
        const PictureCrop crop = drawCrop(picture.width(), picture.height(), options_.smallestCrop,
                                          options_.flips, draw.cropDraw(place));
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
        return Prepared{(crop.flipped ? pixels.flip({2}) : pixels).contiguous(),
                        draw.named ? viewName(decoded.hash, crop, side) : std::string()};
    }

    struct Kept {
        enum class State { Unknown, Whole, Unreadable };
        State state = State::Unknown;
        PicturePointer picture;
        std::string hash;  // once it was wanted
    };

    std::vector<fs::path> files_;
    FolderPictureOptions options_;
    std::string fingerprint_;
    mutable std::mutex mutex_;
    std::vector<Kept> kept_;
    int64_t keptBytes_ = 0;
    std::vector<std::string> skipped_;
    std::optional<std::pair<BatchDraw, std::vector<std::future<Result<Prepared>>>>> pending_;
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
