// An encoder with parts switched off or replaced for the time of one question, as SwitchedModel does with a
// language model: sub-layers, heads, masked weights, low-rank paths of another rank.
#pragma once

#include "core/compress/compressed_weights.h"
#include "core/compress/encoder_blocks.h"
#include "core/compress/encoder_checkpoint.h"
#include "core/compress/mask_set.h"

#include <memory>

namespace vitrine {

class SwitchedEncoder {
  public:
    // `stored`: names by which masks know the weights. The model outlives it and is used by nobody else
    // meanwhile; the destructor puts all back. Unsupported for families that have no such blocks.
    static Result<std::unique_ptr<SwitchedEncoder>> open(Model& model, const StoredShapes& stored);
    ~SwitchedEncoder();
    SwitchedEncoder(const SwitchedEncoder&) = delete;
    SwitchedEncoder& operator=(const SwitchedEncoder&) = delete;

    int64_t layers() const { return blocks_->depth(); }
    int64_t heads(int64_t layer) const;

    // All may follow one another, in this order. ShapeMismatch names the layer; `rank` of low-rank paths, -1:
    // all of it.
    Result<void> useCompressed(const CompressedWeights& weights, int64_t rank);
    // `layers` empty means all.
    Result<void> applyMasks(const MaskSet& masks, const std::vector<int64_t>& layers);
    // InvalidArgument names a layer or head that the model has not.
    Result<void> switchHeadsOff(const std::vector<std::pair<int64_t, int64_t>>& heads);
    Result<void> switchOff(const std::vector<int64_t>& attention, const std::vector<int64_t>& feedForward);

  private:
    SwitchedEncoder(Model& model, StoredShapes stored, std::unique_ptr<BlockModel> blocks);
    Result<void> checkLayer(int64_t layer) const;
    const BlockLinear& linear(int64_t layer, int group) const;
    // A copy of a parameter that the model computes with from now on.
    at::Tensor own(at::Tensor parameter);
    void zero(int64_t layer, int group);

    StoredShapes stored_;
    std::unique_ptr<BlockModel> blocks_;
    std::vector<std::vector<BlockLinear>> linears_;  // by layer
    std::map<std::string, at::Tensor> parameters_;   // of the module
    int64_t headWidth_ = 1;
    std::vector<std::pair<at::Tensor, at::Tensor>> before_;  // parameter, its data
};

}  // namespace vitrine
