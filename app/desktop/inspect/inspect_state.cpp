#include "app/desktop/inspect/inspect_state.h"

#include "core/upsampling/implicit_options.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

const char* const kCompareNames[] = {"none", "wipe", "blink", "difference"};

template <size_t count>
size_t indexOf(const char* const (&names)[count], const std::string& name, size_t fallback) {
    for (size_t index = 0; index < count; ++index)
        if (name == names[index])
            return index;
    return fallback;
}

int64_t integer(const Json& json, const char* key, int64_t fallback) {
    return json.contains(key) && json[key].is_number_integer() ? json[key].get<int64_t>() : fallback;
}

std::string text(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
}

}  // namespace

Json PanelState::toJson() const {
    return {{"kind", mapKindName(kind).name},
            {"model", modelPath},
            {"layer", layer},
            {"resolution", resolution},
            {"upsampler", upsampler},
            {"firstComponent", firstComponent},
            {"head", head},
            {"channel", channel},
            {"clusters", clusters},
            {"colorMap", colorMapName(colorMap)},
            {"clipPercent", clipPercent},
            {"compare", kCompareNames[size_t(compare)]},
            {"compareWith", compareWith}};
}

PanelState PanelState::fromJson(const Json& json) {
    PanelState state;
    if (!json.is_object())
        return state;
    state.kind = mapKindFromName(text(json, "kind"));
    state.modelPath = text(json, "model");
    state.layer = std::max<int64_t>(-1, integer(json, "layer", -1));
    state.resolution = std::max<int64_t>(0, integer(json, "resolution", 0));
    if (const std::string upsampler = text(json, "upsampler"); !upsampler.empty())
        state.upsampler = upsampler;
    state.firstComponent = std::max<int64_t>(0, integer(json, "firstComponent", 0));
    state.head = std::max<int64_t>(-1, integer(json, "head", -1));
    state.channel = std::max<int64_t>(0, integer(json, "channel", 0));
    state.clusters = std::clamp<int64_t>(integer(json, "clusters", 6), 2, 64);
    state.colorMap = colorMapFromName(text(json, "colorMap"));
    if (json.contains("clipPercent") && json["clipPercent"].is_number())
        state.clipPercent = std::clamp(json["clipPercent"].get<double>(), 0.0, 49.0);
    state.compare = PanelCompare(indexOf(kCompareNames, text(json, "compare"), 0));
    state.compareWith = int(std::clamp<int64_t>(integer(json, "compareWith", 0), 0, 5));
    return state;
}

const std::vector<MapKindName>& mapKinds() {
    static const std::vector<MapKindName> kinds{
        {MapKind::Image, "image", "Picture", "The picture as loaded, values as stored", false, false},
        {MapKind::ModelInput, "input", "As the model saw it",
         "Resized, padded and normalised input of the model", true, false},
        {MapKind::Pca, "pca", "PCA", "Three principal components of the patch features as red, green, blue",
         true, false},
        {MapKind::Similarity, "similarity", "Similarity", "Cosine of every patch to the clicked one", true,
         true},
        {MapKind::Attention, "attention", "Attention",
         "Attention of the clicked patch, or of the class token", true, true},
        {MapKind::Rollout, "rollout", "Attention rollout", "Attention multiplied up through the blocks", true,
         true},
        {MapKind::Norms, "norms", "Token norms", "L2 norm of every patch feature", true, true},
        {MapKind::Channel, "channel", "Channel", "One channel of the features", true, true},
        {MapKind::Clusters, "clusters", "Clusters", "k-means over the patch features", true, false},
        {MapKind::Disagreement, "disagreement", "Disagreement",
         "Where this model and the next differ after the best linear map", true, true},
        {MapKind::TextHeat, "text", "Text query", "Cosine of the patches to the words in the text field",
         true, true},
        {MapKind::Correspondence, "correspondence", "Correspondence",
         "Best match of every patch in the picture that was probed", true, false}};
    return kinds;
}

const MapKindName& mapKindName(MapKind kind) {
    for (const MapKindName& each : mapKinds())
        if (each.kind == kind)
            return each;
    return mapKinds().front();
}

MapKind mapKindFromName(const std::string& name) {
    for (const MapKindName& each : mapKinds())
        if (name == each.name)
            return each.kind;
    return MapKind::Image;
}

QString upsamplerTitle(const std::string& upsampler) {
    if (upsampler == "none")
        return QObject::tr("patches as they are");
    if (upsampler == "jbu")
        return QObject::tr("joint bilateral");
    if (isImplicitUpsampler(upsampler))
        if (const auto options = implicitOptionsFrom(upsampler))
            return QObject::tr("FeatUp fit: %1 views, %2 steps, %3 px")
                .arg(options->jitters)
                .arg(options->steps)
                .arg(options->cell);
    return QString::fromStdString(std::filesystem::path(upsampler).filename().string());
}

std::string quickFitFor(const EncoderInfo& info) {
    constexpr int64_t kMostCells = 64;  // a side, at the preferred resolution
    ImplicitOptions options;
    options.jitters = 300;
    options.steps = 400;
    options.batch = 5;
    options.components = 64;
    const int64_t side = std::min(info.preferredHeight, info.preferredWidth);
    for (int64_t cell = 1; cell < info.patchSize; ++cell) {
        if (info.patchSize % cell != 0)
            continue;
        options.cell = cell;
        if (side / cell <= kMostCells)
            break;
    }
    return implicitName(options);
}

bool isUpsamplerFolder(const std::filesystem::path& folder) {
    constexpr size_t kMostBytes = 1 << 20;
    std::error_code problem;
    if (!std::filesystem::exists(folder / "config.json", problem))
        return false;
    const auto config = readJsonFile(folder / "config.json", kMostBytes);
    return config && config->is_object() && config->contains("upsample_factor");
}

std::vector<std::string> upsamplersInside(const std::filesystem::path& modelFolder) {
    std::vector<std::string> found;
    std::error_code problem;
    for (std::filesystem::directory_iterator entry(modelFolder, problem), end; !problem && entry != end;
         entry.increment(problem)) {
        std::error_code unreadable;
        if (entry->is_directory(unreadable) && isUpsamplerFolder(entry->path()))
            found.push_back(entry->path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

PanelState defaultPanel(int index) {
    static const MapKind kinds[] = {MapKind::Image, MapKind::Pca,        MapKind::Similarity,
                                    MapKind::Norms, MapKind::ModelInput, MapKind::Attention};
    PanelState state;
    state.kind = kinds[std::clamp(index, 0, 5)];
    if (state.kind == MapKind::Norms)
        state.colorMap = ColorMap::Magma;
    if (state.kind == MapKind::Pca)
        state.upsampler = "jbu";
    return state;
}

Json cameraToJson(const Camera& camera) {
    return camera.fitted ? Json() : Json{camera.centre.x(), camera.centre.y(), camera.scale};
}

std::optional<Camera> cameraFromJson(const Json& json) {
    if (!json.is_array() || json.size() != 3)
        return std::nullopt;
    for (const auto& number : json)
        if (!number.is_number() || !std::isfinite(number.get<double>()))
            return std::nullopt;
    Camera camera{{json[0].get<double>(), json[1].get<double>()}, json[2].get<double>(), false};
    return camera.scale > 0 ? std::optional(camera) : std::nullopt;
}

}  // namespace vitrine
