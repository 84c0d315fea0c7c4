// Cosines and sines of rotary positions, made once and grown on demand. Thread-safe.
#pragma once

#include "core/models/language/decoder_config.h"

#include <ATen/ATen.h>

#include <map>
#include <mutex>
#include <tuple>
#include <utility>

namespace vitrine {

class RotaryTables {
  public:
    // `headWidth` 0: no block has attention, and nothing is asked for.
    RotaryTables(const RopeSettings& settings, int64_t headWidth);

    // (1, length, 1, rotated/2) of positions start ..., of the given type and device.
    std::pair<at::Tensor, at::Tensor> range(int64_t start, int64_t length, at::ScalarType type,
                                            at::Device device);
    // positions (B, T) of integers -> (B, T, 1, rotated/2).
    std::pair<at::Tensor, at::Tensor> gather(const at::Tensor& positions, at::ScalarType type);

    // Angle of one position for each pair (rotated/2), float32.
    const at::Tensor& frequencies() const { return frequencies_; }

  private:
    using Tables = std::pair<at::Tensor, at::Tensor>;
    Tables upTo(int64_t length, at::ScalarType type, at::Device device);
    at::Tensor frequencies_;
    std::mutex mutex_;
    std::map<std::tuple<at::ScalarType, at::DeviceType, at::DeviceIndex>, Tables> tables_;
};

// x (B, T, heads, d) with its first `rotated` = 2·(last size of `cosine`) values turned: pair i is made of
// values i and i + rotated/2. Where no gradient is wanted and x is a fresh contiguous tensor of float32 on
// the CPU, pass `inPlace` to write the result into it.
at::Tensor rotate(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine, bool inPlace);

}  // namespace vitrine
