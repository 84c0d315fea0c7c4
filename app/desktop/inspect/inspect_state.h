// What the Inspect workspace shows, as plain data: goes to the session and back, and into undo steps.
#pragma once

#include "core/engine/inspect_engine.h"
#include "core/media/color_map.h"
#include "widgets/view/view_link.h"

#include <QString>
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

enum class PanelCompare { None, Wipe, Blink, Difference };

struct PanelState {
    MapKind kind = MapKind::Image;
    std::string modelPath;               // folder of the model; empty: the first one
    int64_t layer = -1;                  // -1: final features
    int64_t resolution = 0;              // model pixels of the short side; 0: preferred
    std::string upsampler = "bilinear";  // as MapRequest::upsampler
    int64_t firstComponent = 0;
    int64_t head = -1;
    int64_t channel = 0;
    int64_t clusters = 6;
    ColorMap colorMap = ColorMap::Viridis;
    double clipPercent = 1;
    PanelCompare compare = PanelCompare::None;
    int compareWith = 0;  // panel index
    bool operator==(const PanelState&) const = default;

    Json toJson() const;
    // Unknown or missing fields keep their defaults: a session of another version still opens.
    static PanelState fromJson(const Json& json);
};

// Name in the session and in commands ("pca"), and what the user reads ("PCA").
struct MapKindName {
    MapKind kind;
    const char* name;
    const char* title;
    const char* tip;
    bool needsModel;
    bool scalar;
};
const std::vector<MapKindName>& mapKinds();
const MapKindName& mapKindName(MapKind kind);
MapKind mapKindFromName(const std::string& name);

// What the user reads: "joint bilateral" for "jbu", settings of a fit, the name of the folder for a trained
// one.
QString upsamplerTitle(const std::string& upsampler);
// An upsampler that is fitted to the picture on a processor in minutes, for an encoder of this patch size.
std::string quickFitFor(const EncoderInfo& info);
// A folder of a trained upsampler (FeatSharp) is opened as an upsampler, not as a model.
bool isUpsamplerFolder(const std::filesystem::path& folder);
// Trained upsamplers that a model brings along: the sub-folders of its folder that hold one, by name.
std::vector<std::string> upsamplersInside(const std::filesystem::path& modelFolder);

// What a new layout of `count` panels shows: the picture first, then the maps most asked for.
PanelState defaultPanel(int index);

// The camera of the linked viewports as [x, y, scale]; null where each view shows the whole picture.
Json cameraToJson(const Camera& camera);
// Nothing for null, and for what no view could have saved.
std::optional<Camera> cameraFromJson(const Json& json);

}  // namespace vitrine
