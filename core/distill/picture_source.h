// Where a training run gets its pictures: a numbered list of which any step's batch can be made again.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace vitrine {

// Which pictures a batch is of, and all that their crops depend on: equal ones give equal batches.
struct BatchDraw {
    std::vector<int64_t> indices;
    int64_t side = 0;  // pixels
    uint64_t seed = 0;
    int64_t step = 0;
    int64_t firstPosition = 0;  // of the first index in the step's whole batch, of which this may be a part
    bool operator==(const BatchDraw&) const = default;
};

class PictureSource {
  public:
    virtual ~PictureSource() = default;
    virtual int64_t count() const = 0;
    // Fingerprint of the pictures and their preparation: a run resumes on the same one only.
    virtual std::string fingerprint() const = 0;
    // RGB in [0, 1], (indices, 3, side, side), float on the CPU. The crop of each picture is drawn from
    // (seed, step, position in the batch). A picture that cannot be read is replaced by the next one that
    // can, and is listed in skipped().
    virtual Result<at::Tensor> pictures(const BatchDraw& draw) = 0;
    // Asks for a batch that will be wanted soon; a source that loads from disk does so in the background.
    virtual void prefetch(const BatchDraw&) {}
    virtual std::vector<std::string> skipped() const { return {}; }
};

// All pictures in memory: (N, 3, S, S) in [0, 1]. A batch is a random square crop of at least `smallestCrop`
// of the side, resized with antialias, and flipped half of the time.
class TensorPictureSource : public PictureSource {
  public:
    TensorPictureSource(const at::Tensor& pictures, double smallestCrop, bool flips);
    int64_t count() const override { return pictures_.size(0); }
    std::string fingerprint() const override { return fingerprint_; }
    Result<at::Tensor> pictures(const BatchDraw& draw) override;

  private:
    at::Tensor pictures_;
    double smallestCrop_;
    bool flips_;
    std::string fingerprint_;
};

// Indices of the pictures of a batch: every epoch is a fresh permutation drawn from (seed, epoch); `position`
// counts pictures from the start of the run. The loader's whole state is that number.
std::vector<int64_t> batchIndices(int64_t count, int64_t position, int64_t batch, uint64_t seed);

}  // namespace vitrine
