// How the feature cloud is drawn, as the arguments of a command and in the session.
#pragma once

#include "core/base/json.h"
#include "widgets/teachers/feature_cloud_view.h"

namespace vitrine {

// colors: "picture" or "norm"; axes: "directions" or "channels"; scale: "same" or "own".
Json cloudStyleToJson(const FeatureCloudStyle& style);
// What `json` names in place of what `style` says. InvalidArgument names the key and what it takes.
Result<FeatureCloudStyle> cloudStyleFromJson(const Json& json, FeatureCloudStyle style);

}  // namespace vitrine
