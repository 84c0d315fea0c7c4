#include "core/engine/map_names.h"

#include "core/base/nearest.h"
#include "core/features/upsampler_registry.h"
#include "core/upsampling/implicit_options.h"

#include <algorithm>
#include <array>

namespace vitrine {
namespace {

constexpr std::array<std::pair<const char*, MapKind>, 12> kKinds = {
    {{"image", MapKind::Image},
     {"model-input", MapKind::ModelInput},
     {"pca", MapKind::Pca},
     {"similarity", MapKind::Similarity},
     {"attention", MapKind::Attention},
     {"rollout", MapKind::Rollout},
     {"norms", MapKind::Norms},
     {"channel", MapKind::Channel},
     {"clusters", MapKind::Clusters},
     {"disagreement", MapKind::Disagreement},
     {"text", MapKind::TextHeat},
     {"correspondence", MapKind::Correspondence}}};
template <typename Table, typename Value>
const char* nameIn(const Table& table, Value value) {
    for (const auto& [name, entry] : table)
        if (entry == value)
            return name;
    return "";
}

template <typename Table>
auto valueIn(const Table& table, const std::string& wanted, const char* what)
    -> Result<typename Table::value_type::second_type> {
    std::vector<std::string> names;
    for (const auto& [name, entry] : table) {
        if (wanted == name)
            return entry;
        names.emplace_back(name);
    }
    const auto nearest = nearestName(wanted, names);
    return fail(ErrorCode::InvalidArgument, fmt::format("there is no {} \"{}\"", what, wanted), {},
                nearest ? fmt::format("Did you mean \"{}\"?", *nearest) : "");
}

}  // namespace

Result<MapKind> mapKindFromName(const std::string& name) {
    return valueIn(kKinds, name, "kind of map");
}
const char* mapKindName(MapKind kind) {
    return nameIn(kKinds, kind);
}
std::vector<UpsamplerEntry> upsamplerList() {
    std::vector<UpsamplerEntry> list{
        {"none", "the feature grid itself", true},
        {"nearest", "patches as they are", true},
        {"bilinear", "between the four nearest patches", true},
        {"bicubic", "between the sixteen nearest patches", true},
        {"jbu", "joint bilateral: edges of the picture", true},
        {std::string(kImplicitUpsampler),
         "FeatUp, fitted to each picture: minutes to hours; quicker with settings, as "
         "featup-implicit:jitters=300,steps=400,cell=4 (`vitrine upsampler fit --help`)",
         true}};
    for (const FeatureUpsampler& upsampler : UpsamplerRegistry::instance().all())
        list.push_back({upsampler.name, upsampler.summary, upsampler.linear});
    return list;
}

Result<void> resolveUpsampler(MapRequest& request) {
    const std::vector<UpsamplerEntry> known = upsamplerList();
    const std::string wanted = request.upsampler;
    if (isImplicitUpsampler(wanted)) {
        VITRINE_TRY(const ImplicitOptions options, implicitOptionsFrom(wanted));
        request.source.trainedUpsampler = implicitName(options);
        request.upsampler = "bilinear";
        return {};
    }
    if (std::any_of(known.begin(), known.end(),
                    [&](const UpsamplerEntry& entry) { return entry.name == wanted; }))
        return {};
    std::error_code problem;
    if (std::filesystem::exists(wanted, problem)) {
        request.source.trainedUpsampler = std::filesystem::weakly_canonical(wanted, problem).string();
        request.upsampler = "bilinear";
        return {};
    }
    std::vector<std::string> names;
    names.reserve(known.size());
    for (const UpsamplerEntry& entry : known)
        names.push_back(entry.name);
    const auto nearest = nearestName(wanted, names);
    return fail(ErrorCode::InvalidArgument, fmt::format("there is no upsampler \"{}\"", wanted), {},
                nearest ? fmt::format("Did you mean \"{}\"? A folder with a trained one works too", *nearest)
                        : "`vitrine upsamplers` lists them; a folder with a trained one works too");
}

Image pictureOfMap(const MapResult& map, ColorMap colors) {
    if (map.colors)
        return map.colors->toRgb8();
    Image picture(map.values->size(), 3, SampleType::U8);
    const ValueRange range = map.displayRange();
    for (int64_t y = 0; y < picture.height(); ++y) {
        uint8_t* row = picture.row<uint8_t>(y);
        for (int64_t x = 0; x < picture.width(); ++x) {
            const Rgb8 color = colorOf(colors, map.values->row<float>(y)[x], range.low, range.high);
            row[3 * x] = color.r;
            row[3 * x + 1] = color.g;
            row[3 * x + 2] = color.b;
        }
    }
    return picture;
}

}  // namespace vitrine
