// MambaVision as a model of the workbench.
//
// features are the last map after batch normalisation (B, 8·dim, H/32, W/32), summary is their mean, logits
// come from it. Layers are maps of different size and width: 0 after the stem, k = 1..4 after the blocks of
// level k - 1, before its down-sampling ([B,80,56,56] to [B,640,7,7] for the tiny model at 224 pixels). Any
// picture size is taken; views keep to multiples of 32, where cells are whole. EncodeRequest::windowSize
// replaces the window of level 2 in tokens (16 pixels each), level 3 takes half of it, as in every published
// model. No attention maps: tokens of windows and levels differ.
#pragma once

#include "core/models/mambavision/mamba_vision_network.h"
#include "core/models/model.h"

namespace vitrine {

ModelFamily mambaVisionFamily();

// The model that `folder.config` describes, with uninitialised parameters.
Result<std::unique_ptr<Model>> createMambaVision(const ModelFolder& folder);

namespace mambavision {

// What stands before the published names ("model.", "module.", ...), if this is a MambaVision checkpoint.
std::optional<std::string> storedPrefix(const TensorSource& weights);
// The configuration that the stored shapes tell. Heads and windows are not among them: they are those of the
// published model of that width and depth; a name with "512" tells the models for large pictures apart.
Result<MambaVisionConfig> configFromTensors(const TensorSource& weights, const std::string& prefix,
                                            const std::string& name);

}  // namespace mambavision
}  // namespace vitrine
