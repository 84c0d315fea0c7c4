// Natural order of names: digits compare as numbers, so that "blocks.2" comes before "blocks.10".
#pragma once

#include <string_view>

namespace vitrine {

// Strict total order; names that differ in leading zeros only are ordered by their bytes.
bool naturalLess(std::string_view a, std::string_view b);

}  // namespace vitrine
