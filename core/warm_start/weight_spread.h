// How the weights of an adaptive distillation lie over the pictures of a chunk, where the old network is
// right and where it is wrong.
#pragma once

#include "core/base/json.h"

#include <ATen/ATen.h>

#include <vector>

namespace vitrine {

class WeightSpread {
  public:
    // Bins of equal width from 0; the last one holds all that is larger.
    static constexpr int kBins = 30;
    static constexpr double kWidth = 0.1;

    // weights (B), not negative; right (B) of bool.
    void add(const at::Tensor& weights, const at::Tensor& right);
    int64_t count() const;

    // {"width", "right": [counts], "wrong": [counts]}
    Json json() const;
    // What json() gave; empty for anything else.
    static WeightSpread fromJson(const Json& json);

  private:
    std::vector<int64_t> right_ = std::vector<int64_t>(kBins), wrong_ = std::vector<int64_t>(kBins);
};

}  // namespace vitrine
