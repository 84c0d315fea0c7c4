#include "core/base/json_path.h"

namespace vitrine {

Json::json_pointer pointerOfPath(const std::string& path) {
    if (path.empty())
        return Json::json_pointer();
    std::string pointer = "/";
    for (const char c : path) {
        if (c == '.' || c == '[')
            pointer += '/';
        else if (c == '~' || c == '/')
            pointer += c == '~' ? "~0" : "~1";
        else if (c != ']')
            pointer += c;
    }
    return Json::json_pointer(pointer);
}

}  // namespace vitrine
