// HTML character references ("&amp;", "&#233;", "&#x20AC;") to text.
#pragma once

#include <string>
#include <string_view>

namespace vitrine {

// References that are not known stay as they are. Named ones: those of HTML 4 (252 names), with the
// semicolon; for the names of Latin-1 characters and & < > " also without, as browsers read them.
std::string unescapeHtml(std::string_view text);

}  // namespace vitrine
