// A small uniform sample of pictures out of a stream, each with some of its feature vectors and their places:
// what a view of the feature space shows, coloured by picture, without keeping the features of a data set.
//
// Pictures: bottom-k sampling as TokenReservoir does it, by a hash of (seed, number of the picture). Places:
// the cells with the smallest hashes of (seed, picture, cell). Neither depends on how the stream was cut into
// batches, and streams that see the same pictures keep the same ones. At most `pictures` · `tokens` vectors
// of float32 are held: 16 · 128 of 1,280 channels take 10 MiB.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vitrine {

struct SampledPicture {
    std::string name;    // as given
    int64_t number = 0;  // in the stream, from 0
    at::Tensor tokens;   // (n, C) float32
    at::Tensor places;   // (n, 2) float32: x and y of the cells' centres, 0 to 1 over the map
};

class FeatureSample {
  public:
    // 0 pictures: nothing is kept.
    explicit FeatureSample(int64_t pictures = 16, int64_t tokens = 128, uint64_t seed = 0)
        : pictures_(pictures), tokens_(tokens), seed_(seed) {}

    // maps (B, C, h, w), mask (B, h, w) bool, true where a cell shows the picture (undefined: all), names of
    // the B pictures. Errors leave the sample as it was: ShapeMismatch (other channels than before, other
    // counts), InvalidArgument (values that are not finite).
    Result<void> addMaps(const at::Tensor& maps, const at::Tensor& mask,
                         const std::vector<std::string>& names);
    int64_t seen() const { return seen_; }
    // In the order of the stream.
    std::vector<SampledPicture> list() const;

    // One safetensors file: "setup", "priorities", "numbers", "counts", "tokens", "places"; the names in its
    // metadata, beside what is given. `load` goes on to the same sample. InvalidFile names the tensor.
    Result<void> save(const std::filesystem::path& file,
                      const std::map<std::string, std::string>& metadata = {}) const;
    static Result<FeatureSample> load(const std::filesystem::path& file);

  private:
    struct Kept {
        uint64_t priority;
        SampledPicture picture;
    };
    SampledPicture pick(const at::Tensor& map, const at::Tensor& mask, const std::string& name) const;

    int64_t pictures_, tokens_;
    uint64_t seed_;
    int64_t seen_ = 0;
    std::vector<Kept> kept_;  // by rising priority
};

}  // namespace vitrine
