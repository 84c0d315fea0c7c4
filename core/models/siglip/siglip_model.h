// SigLIP and SigLIP 2 (fixed resolution and NaFlex) as models of the workbench.
//
// Image side: no prefix tokens; features are the patch tokens after the final norm; summary is the result of
// the attention-pooling head (the mean patch where the checkpoint has none). Heights and widths are multiples
// of the patch size. NaFlex models take pictures of one size through the normal interface and padded patch
// batches in reference calls.
//
// Text is pooled at the last token, so ids must be padded to contextLength() as the model was trained.
// denseEmbedding: each patch through the pooling head as if the head's query attended to that patch only
// (value and output projection, then the head's feed-forward): the construction of MaskCLIP (Zhou et al.,
// ECCV 2022, which does it for CLIP's attention-pooled ResNet) on SigLIP's head. Patches land where the image
// embedding lies.
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily siglipFamily();

// The model that `folder.config` describes, with uninitialised parameters.
Result<std::unique_ptr<Model>> createSiglip(const ModelFolder& folder);

}  // namespace vitrine
