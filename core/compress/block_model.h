// What the compression driver knows of a model: blocks one behind another, each with named linear layers, run
// on the streams of a number of calibration batches. Language models (decoder_blocks.h) are one; encoders can
// be another.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace vitrine {

struct BlockLinear {
    std::string name;   // the public name of its weight, without ".weight"
    at::Tensor weight;  // (o, k), the module's own: it is given new storage (set_data) when it is compressed
    int group = 0;      // layers of one group share their input; groups count in the order of the computation
    at::Tensor outputScale{};  // (o): LayerScale behind it; undefined: none
};

// Gets the input (..., k) of every group of a block while it runs.
using InputSink = std::function<void(int group, const at::Tensor& x)>;

class BlockModel {
  public:
    virtual ~BlockModel() = default;

    virtual int64_t depth() const = 0;
    virtual std::vector<BlockLinear> linears(int64_t block) const = 0;
    // Calibration batches, and the stream in front of the first block for one of them.
    virtual int64_t batches() const = 0;
    virtual at::Tensor firstStream(int64_t batch) = 0;
    // The stream behind the block, computed with the weights as they are now; an empty sink sees nothing.
    virtual at::Tensor runBlock(int64_t block, int64_t batch, const at::Tensor& stream,
                                const InputSink& sink) = 0;
    // Called when the block's weights are final.
    virtual void finishBlock(int64_t /*block*/) {}
};

}  // namespace vitrine
