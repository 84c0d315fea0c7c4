// Version of the program and of the code it was built from.
#pragma once

#include <string>

namespace vitrine {

// "0.1.0 (3f2a91c)": the version and, where the build knew it, the commit.
std::string versionText();

}  // namespace vitrine
