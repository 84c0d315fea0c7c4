// Depth-Anything V1 and V2 (model_type depth_anything), relative and metric, as a depth estimator; as an
// encoder the model shows its DINOv2 backbone.
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily depthAnythingFamily();

// The model that `folder.config` describes, with uninitialised parameters.
Result<std::unique_ptr<Model>> createDepthAnything(const ModelFolder& folder);

}  // namespace vitrine
