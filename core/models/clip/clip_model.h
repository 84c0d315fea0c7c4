// CLIP models of the transformers and the open_clip layout.
//
// Image side: hidden states have one class token in front; features are the patch tokens after the final
// norm; summary is the pooled image vector after the final norm, before the projection. Heights and widths
// are multiples of the patch size; position tables are resized bicubically.
//
// denseEmbedding follows MaskCLIP (Zhou et al., "Extract Free Dense Labels from CLIP", ECCV 2022,
// section 3.2): in the last block queries and keys are left out, each patch takes its own value vector
// through the output projection (without residual and feed-forward), then final norm and image projection.
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily clipFamily();

// The model that `folder.config` describes, with uninitialised parameters.
Result<std::unique_ptr<Model>> createClip(const ModelFolder& folder);

}  // namespace vitrine
