#include "core/upsampling/implicit_options.h"

#include "core/base/nearest.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace vitrine {
namespace {

// One setting: a whole number, a number or a yes-or-no (0, 1), with its bounds.
struct Setting {
    const char* name;
    double low, high;
    bool whole;
    const char* text;
    double (*get)(const ImplicitOptions&);
    void (*set)(ImplicitOptions&, double);
};

template <auto member>
constexpr Setting setting(const char* name, double low, double high, bool whole, const char* text) {
    return {name,
            low,
            high,
            whole,
            text,
            [](const ImplicitOptions& options) { return double(options.*member); },
            [](ImplicitOptions& options, double value) {
                options.*member = static_cast<std::decay_t<decltype(options.*member)>>(value);
            }};
}

using O = ImplicitOptions;
constexpr Setting kSettings[] = {
    setting<&O::jitters>("jitters", 2, 100000, true, "views of the picture that the encoder is asked about"),
    setting<&O::steps>("steps", 1, 1000000, true, "steps of the fit"),
    setting<&O::batch>("batch", 1, 1000, true, "views of a step"),
    setting<&O::cell>("cell", 1, 64, true, "pixels a side of a fine cell; divides the encoder's patch"),
    setting<&O::components>("components", 1, 4096, true,
                            "principal components of the features that are fitted"),
    setting<&O::kernel>("kernel", 0, 128, true, "window of the downsampler in fine cells; 0: as published"),
    setting<&O::rate>("rate", 1e-7, 1, false, "learning rate"),
    setting<&O::zoom>("zoom", 1, 8, false, "largest zoom of the views"),
    setting<&O::margin>("margin", 0, 0.45, false, "share of the side reflected around the picture"),
    setting<&O::magnitude>("magnitude", 0, 1000, false, "weight of the lengths of downsampled vectors"),
    setting<&O::variation>("variation", 0, 1000, false, "weight of the jumps of the lengths of fine vectors"),
    setting<&O::pin>("pin", 0, 1000, false, "weight of what a blur changes"),
    setting<&O::uncertainty>("uncertainty", 0, 1, true, "1: learn which places of views can be trusted"),
    setting<&O::seed>("seed", 0, 9007199254740991.0, true, "seed of all draws"),
};

std::string bounds(const Setting& setting) {
    return fmt::format("expected {} from {} to {}", setting.whole ? "a whole number" : "a number",
                       setting.low, setting.high);
}

Result<void> put(ImplicitOptions& options, const std::string& name, double value, const std::string& found) {
    std::vector<std::string> names;
    for (const Setting& setting : kSettings) {
        names.emplace_back(setting.name);
        if (setting.name != name)
            continue;
        if (!(value >= setting.low && value <= setting.high) || (setting.whole && value != std::floor(value)))
            return fail(ErrorCode::InvalidArgument, fmt::format("{}, found {}", bounds(setting), found),
                        name);
        setting.set(options, value);
        return {};
    }
    const auto nearest = nearestName(name, names);
    return fail(ErrorCode::InvalidArgument, fmt::format("{} has no setting \"{}\"", kImplicitUpsampler, name),
                {},
                nearest ? fmt::format("Did you mean \"{}\"?", *nearest)
                        : fmt::format("It has {}", fmt::join(names, ", ")));
}

}  // namespace

int64_t ImplicitOptions::kernelFor(int64_t factor) const {
    constexpr int64_t kPublished = 29, kPublishedFactor = 16;
    if (kernel > 0)
        return kernel;
    return std::max(factor, (kPublished * factor + kPublishedFactor / 2) / kPublishedFactor);
}

Json implicitSettingsSchema() {
    Json properties = Json::object();
    for (const Setting& setting : kSettings) {
        const double value = setting.get(ImplicitOptions());
        properties[setting.name] = {
            {"type", setting.whole ? "integer" : "number"},
            {"minimum", setting.whole ? Json(int64_t(setting.low)) : Json(setting.low)},
            {"maximum", setting.whole ? Json(int64_t(setting.high)) : Json(setting.high)},
            {"default", setting.whole ? Json(int64_t(value)) : Json(value)},
            {"description", setting.text}};
    }
    return {{"type", "object"}, {"properties", properties}};
}

Result<ImplicitOptions> implicitOptionsFromSettings(const Json& settings) {
    ImplicitOptions options;
    for (const auto& [name, value] : settings.items()) {
        if (!value.is_number())
            return fail(ErrorCode::InvalidArgument, fmt::format("expected a number, found {}", value.dump()),
                        name);
        VITRINE_TRY_VOID(put(options, name, value.get<double>(), value.dump()));
    }
    return options;
}

Result<ImplicitOptions> implicitOptionsFrom(const std::string& name) {
    ImplicitOptions options;
    const char* const form = "Write it as featup-implicit:jitters=300,steps=400";
    if (!isImplicitUpsampler(name))
        return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is no {}", name, kImplicitUpsampler), {},
                    form);
    size_t at = std::min(name.size(), kImplicitUpsampler.size() + 1);
    while (at < name.size()) {
        const size_t end = std::min(name.find(',', at), name.size());
        const std::string part = name.substr(at, end - at);
        const size_t equal = part.find('=');
        const std::string value = equal == std::string::npos ? "" : part.substr(equal + 1);
        double number = 0;
        const auto [rest, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (value.empty() || problem != std::errc() || rest != value.data() + value.size())
            return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is no setting and number", part),
                        name, form);
        if (auto good = put(options, part.substr(0, equal), number, value); !good)
            return fail(good.error().in(name));
        at = end + 1;
    }
    return options;
}

std::string implicitName(const ImplicitOptions& options) {
    std::string name(kImplicitUpsampler);
    char separator = ':';
    for (const Setting& setting : kSettings) {
        const double value = setting.get(options);
        if (value == setting.get(ImplicitOptions()))
            continue;
        name += fmt::format("{}{}={}", separator, setting.name, value);
        separator = ',';
    }
    return name;
}

Json implicitSettings(const ImplicitOptions& options) {
    Json settings = Json::object();
    for (const Setting& setting : kSettings) {
        const double value = setting.get(options);
        settings[setting.name] = setting.whole ? Json(int64_t(value)) : Json(value);
    }
    return settings;
}

}  // namespace vitrine
