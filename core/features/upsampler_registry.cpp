#include "core/features/upsampler_registry.h"

#include "core/base/nearest.h"

#include <algorithm>

namespace vitrine {

UpsamplerRegistry& UpsamplerRegistry::instance() {
    static UpsamplerRegistry registry;
    return registry;
}

void UpsamplerRegistry::add(FeatureUpsampler upsampler) {
    std::erase_if(upsamplers_, [&](const FeatureUpsampler& known) { return known.name == upsampler.name; });
    upsamplers_.push_back(std::move(upsampler));
}

Result<const FeatureUpsampler*> UpsamplerRegistry::find(const std::string& name) const {
    std::vector<std::string> names;
    for (const FeatureUpsampler& upsampler : upsamplers_) {
        if (upsampler.name == name)
            return &upsampler;
        names.push_back(upsampler.name);
    }
    const auto nearest = nearestName(name, names);
    return fail(ErrorCode::NotFound, fmt::format("there is no upsampler \"{}\"", name), {},
                nearest ? fmt::format("Did you mean \"{}\"?", *nearest) : "");
}

}  // namespace vitrine
