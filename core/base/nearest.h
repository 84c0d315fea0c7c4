// "Did you mean": the known name closest to what a user typed.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vitrine {

// Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, substitutions, neighbour
// swaps.
size_t editDistance(std::string_view a, std::string_view b);

// The candidate nearest to `name` ignoring case, or nothing if none is near (more than a third of its letters
// differ).
std::optional<std::string> nearestName(std::string_view name, std::span<const std::string> candidates);

}  // namespace vitrine
