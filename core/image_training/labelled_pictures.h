// Labelled pictures in memory, for training small networks on the processor in minutes, and the batches of a
// training: an order for each epoch, shifted and mirrored, drawn from (seed, step) alone.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine {

// What training and the exported folders normalise pictures with (CIFAR-10's channel means and deviations).
inline constexpr double kPictureMean[3] = {0.4914, 0.4822, 0.4465};
inline constexpr double kPictureDeviation[3] = {0.2023, 0.1994, 0.2010};

struct LabelledPictures {
    at::Tensor pictures;  // (N, 3, side, side) f32, normalised
    at::Tensor labels;    // (N) int64 in [0, classes)
    std::vector<std::string> classes;

    int64_t count() const { return labels.defined() ? labels.size(0) : 0; }
    int64_t side() const { return pictures.size(2); }
    int64_t classCount() const { return int64_t(classes.size()); }
    LabelledPictures at(const at::Tensor& indices) const;  // (M) int64
    // SHA-256 over pictures and labels: another one for other data.
    std::string fingerprint() const;
};

// (N, 3, side, side) in [0, 1] -> normalised.
at::Tensor normalizedPictures(const at::Tensor& pictures);

// Procedural scenes (core/data): textured shapes on a textured ground; the class of a picture is the shape
// that shows most. The same pictures for the same seed, and different ones for another `purpose`.
// `oneShape`: only the largest shape of each scene is there, which is much easier to tell.
LabelledPictures shapeScenePictures(int64_t count, int64_t side, uint64_t seed, const std::string& purpose,
                                    bool oneShape = false);

// Disjoint parts of equal size (what remains is left out), each with the same number of pictures of each
// class up to one: indices (M) int64. InvalidArgument if a class has fewer pictures than there are parts.
Result<std::vector<at::Tensor>> balancedParts(const LabelledPictures& set, int64_t parts, uint64_t seed);

struct BatchOptions {
    int64_t size = 64;
    int64_t shift = 2;  // pixels to each side at most, what comes in is the mean colour
    bool mirror = true;
};

struct PictureBatchTensors {
    at::Tensor pictures, labels;  // (B, 3, side, side), (B)
    at::Tensor indices;           // (B) into the set
};

// Draws batch after batch; epochs end where they end, so that a batch may hold pictures of two.
class BatchDraw {
  public:
    // The set outlives this object.
    BatchDraw(const LabelledPictures& set, BatchOptions options, uint64_t seed);
    PictureBatchTensors draw(int64_t step);

  private:
    const at::Tensor& order(int64_t epoch);

    const LabelledPictures& set_;
    BatchOptions options_;
    uint64_t seed_;
    int64_t epochs_[2] = {-1, -1};
    at::Tensor orders_[2];
};

}  // namespace vitrine
