// Names of maps and upsamplers on the command line, in recipes and in provenance lines, and pictures of
// finished maps.
#pragma once

#include "core/engine/inspect_engine.h"
#include "core/media/color_map.h"

#include <string>

namespace vitrine {

Result<MapKind> mapKindFromName(const std::string& name);
const char* mapKindName(MapKind kind);
Result<Upsampler> upsamplerFromName(const std::string& name);
const char* upsamplerName(Upsampler upsampler);

// Every way to enlarge maps: the built-in ones, then those of plugins.
struct UpsamplerEntry {
    std::string name, summary;
    bool linear = true;
};
std::vector<UpsamplerEntry> upsamplerList();
// Sets upsampler (and registeredUpsampler, source.trainedUpsampler) of `request` from what a user says: a
// name of the list or a folder with a trained upsampler. InvalidArgument with the nearest name.
Result<void> setUpsampler(MapRequest& request, const std::string& nameOrFolder);

// RGB picture of a map: its colours, or its values through a colour map over its suggested range.
Image pictureOfMap(const MapResult& map, ColorMap colors);

}  // namespace vitrine
