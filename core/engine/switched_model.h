// A language model with parts switched off or replaced for the time of one question: sub-layers, heads,
// masked weights, low-rank paths of another rank. The weights themselves are not touched.
#pragma once

#include "core/compress/compressed_weights.h"
#include "core/compress/mask_set.h"
#include "core/models/language/language_model.h"

namespace vitrine {

class SwitchedModel {
  public:
    // The model outlives it and is used by nobody else meanwhile; the destructor puts all back.
    explicit SwitchedModel(LanguageModel& model) : model_(model) {}
    ~SwitchedModel();
    SwitchedModel(const SwitchedModel&) = delete;
    SwitchedModel& operator=(const SwitchedModel&) = delete;

    // All may follow one another, in this order. In place of the layers' weights; `rank` of their low-rank
    // paths, -1: all of it. ShapeMismatch names the layer.
    Result<void> useCompressed(const CompressedWeights& weights, int64_t rank);
    // Whatever model the masks were made for, as long as the shapes fit; `layers` empty means all.
    Result<void> applyMasks(const MaskSet& masks, const std::vector<int64_t>& layers);
    // InvalidArgument names a layer or head that the model has not.
    Result<void> switchHeadsOff(const std::vector<std::pair<int64_t, int64_t>>& heads);
    Result<void> switchOff(const std::vector<int64_t>& attention, const std::vector<int64_t>& feedForward);

  private:
    Result<void> checkLayers(const std::vector<int64_t>& layers) const;
    // A copy of the layer's weight that the model computes with from now on.
    at::Tensor own(DecoderLinear& linear);
    LanguageModel& model_;
    std::map<const DecoderLinear*, at::Tensor> weights_;
};

}  // namespace vitrine
