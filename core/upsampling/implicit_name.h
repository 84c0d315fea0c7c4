// How FeatUp's implicit upsampler is called wherever an upsampler is chosen: "featup-implicit", or with
// settings "featup-implicit:jitters=300,steps=400". No LibTorch here.
#pragma once

#include <string>
#include <string_view>

namespace vitrine {

inline constexpr std::string_view kImplicitUpsampler = "featup-implicit";

// True for the name with and without settings, whether or not these are right.
inline bool isImplicitUpsampler(std::string_view name) {
    return name.starts_with(kImplicitUpsampler) &&
           (name.size() == kImplicitUpsampler.size() || name[kImplicitUpsampler.size()] == ':');
}

}  // namespace vitrine
