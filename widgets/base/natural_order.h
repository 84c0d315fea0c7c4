// Natural order of file names: runs of digits compare as numbers, letters without regard to case, so that
// "img2.png" stands before "img10.png".
#pragma once

#include <string_view>

namespace vitrine {

// Strict weak ordering; names that differ only in case or leading zeros are ordered by their bytes.
bool naturalLess(std::string_view a, std::string_view b);

}  // namespace vitrine
