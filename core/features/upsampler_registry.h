// Upsamplers by name, beyond the built-in ones: plugins add theirs.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace vitrine {

struct FeatureUpsampler {
    std::string name;     // shown in lists; unique
    std::string summary;  // one line
    // features (C, h, w) and guidance (3, H, W) in [0,1], the picture at the output's size -> (C, H, W).
    std::function<Result<at::Tensor>(const at::Tensor& features, const at::Tensor& guidance)> upsample;
    // Linear in the features and the same for every channel: views project to three channels first.
    bool linear = false;
};

class UpsamplerRegistry {
  public:
    static UpsamplerRegistry& instance();
    void add(FeatureUpsampler upsampler);  // replaces one of the same name
    const std::vector<FeatureUpsampler>& all() const { return upsamplers_; }
    // NotFound with the nearest name.
    Result<const FeatureUpsampler*> find(const std::string& name) const;

  private:
    std::vector<FeatureUpsampler> upsamplers_;
};

}  // namespace vitrine
