// Where a training run gets its pictures: a numbered list of which any step's batch can be made again.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

namespace vitrine {

// Which pictures a batch is of, and all that their crops depend on: equal ones give equal batches.
struct BatchDraw {
    std::vector<int64_t> indices;
    int64_t side = 0;  // pixels
    uint64_t seed = 0;
    int64_t step = 0;
    int64_t firstPosition = 0;  // of the first index in the step's whole batch, of which this may be a part
    // Which of its fixed views each picture shows, whatever seed and step. Empty: a fresh crop, drawn from
    // (seed, step, position in the batch).
    std::vector<int64_t> views = {};
    bool named = false;  // whether the names of the views are wanted as well
    bool operator==(const BatchDraw&) const = default;

    // What the crop of the picture at this place of `indices` is drawn from: (seed, number).
    std::pair<uint64_t, int64_t> cropDraw(size_t place) const;
};

struct DrawnPictures {
    at::Tensor pixels;               // RGB in [0, 1], (indices, 3, side, side), float on the CPU
    std::vector<std::string> names;  // where draw.named: equal names have equal pixels, in any run
};

class PictureSource {
  public:
    virtual ~PictureSource() = default;
    virtual int64_t count() const = 0;
    // Fingerprint of the pictures and their preparation: a run resumes on the same one only.
    virtual std::string fingerprint() const = 0;
    // A picture that cannot be read is replaced by the next one that can, and is listed in skipped().
    virtual Result<DrawnPictures> pictures(const BatchDraw& draw) = 0;
    // Asks for a batch that will be wanted soon; a source that loads from disk does so in the background.
    virtual void prefetch(const BatchDraw&) {}
    virtual std::vector<std::string> skipped() const { return {}; }
};

// Where a square crop lies in its picture, and whether it is mirrored.
struct PictureCrop {
    int64_t left = 0, top = 0, side = 0;
    bool flipped = false;
};
// A crop of at least `smallest` of the short side, mirrored half of the time where `flips`.
PictureCrop drawCrop(int64_t width, int64_t height, double smallest, bool flips,
                     std::pair<uint64_t, int64_t> from);
// "PICTURE 24+3+7 mirrored, 16 pixels", the picture by the hash of its pixels.
std::string viewName(const std::string& pictureHash, const PictureCrop& crop, int64_t side);

// All pictures in memory: (N, 3, S, S) in [0, 1]. A batch is a random square crop of at least `smallestCrop`
// of the side, resized with antialias, and flipped half of the time.
class TensorPictureSource : public PictureSource {
  public:
    TensorPictureSource(const at::Tensor& pictures, double smallestCrop, bool flips);
    int64_t count() const override { return pictures_.size(0); }
    std::string fingerprint() const override { return fingerprint_; }
    Result<DrawnPictures> pictures(const BatchDraw& draw) override;

  private:
    at::Tensor pictures_;
    double smallestCrop_;
    bool flips_;
    std::string fingerprint_;
    std::vector<std::string> hashes_;  // of the pictures; empty until it is asked for
};

// Which of `count` pictures make up a batch: each once an epoch. What it says is a function of its arguments
// alone, so that a resumed run sees what an undisturbed one does; it only remembers the order of the epoch
// that was asked for last, since making that anew for each batch costs more than a step once there are
// millions of pictures.
class BatchIndices {
  public:
    BatchIndices(int64_t count, uint64_t seed);
    // Positions count pictures from the start of the run.
    int64_t at(int64_t position);
    std::vector<int64_t> batch(int64_t position, int64_t size);
    // Orders made so far.
    int64_t ordersMade() const { return ordersMade_; }

  private:
    int64_t count_;
    uint64_t seed_;
    int64_t epoch_ = -1;
    std::vector<int64_t> order_;  // of that epoch
    int64_t ordersMade_ = 0;
};

}  // namespace vitrine
