// Names of maps and upsamplers on the command line, in recipes and in provenance lines, and pictures of
// finished maps.
#pragma once

#include "core/engine/inspect_engine.h"
#include "core/media/color_map.h"

#include <string>

namespace vitrine {

Result<MapKind> mapKindFromName(const std::string& name);
const char* mapKindName(MapKind kind);

// Every way to enlarge maps: the built-in ones, then those of plugins.
std::vector<UpsamplerEntry> upsamplerList();
// A folder in request.upsampler becomes source.trainedUpsampler, with bilinear steps from its grid to pixels;
// so does an upsampler that is fitted to the picture, by the name that implicitName gives it. InvalidArgument
// with the nearest name for what is neither a name of the list nor a folder.
Result<void> resolveUpsampler(MapRequest& request);

// RGB picture of a map: its colours, or its values through a colour map over its suggested range.
Image pictureOfMap(const MapResult& map, ColorMap colors);

}  // namespace vitrine
