#include "core/base/paths.h"

#include <unistd.h>

#include <cstdlib>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

fs::path userFolder(const char* ownVariable, const char* xdgVariable, const char* belowHome) {
    if (const char* own = std::getenv(ownVariable); own && *own)
        return own;
    if (const char* xdg = std::getenv(xdgVariable); xdg && *xdg)
        return fs::path(xdg) / "vitrine";
    const char* home = std::getenv("HOME");
    return fs::path(home && *home ? home : "/tmp") / belowHome / "vitrine";
}

}  // namespace

fs::path userCacheFolder() {
    return userFolder("VITRINE_CACHE_DIR", "XDG_CACHE_HOME", ".cache");
}
fs::path userStateFolder() {
    return userFolder("VITRINE_STATE_DIR", "XDG_STATE_HOME", ".local/state");
}

fs::path executableFolder() {
    std::error_code ignored;
    return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

fs::path libraryFolder() {
    // Programs lie in <build>/bin or <build>/tests, libraries in <build>/lib.
    return executableFolder().parent_path() / "lib";
}

fs::path resourcesFolder() {
    if (const char* own = std::getenv("VITRINE_RESOURCES"); own && *own)
        return own;
    std::error_code ignored;
    for (fs::path folder = executableFolder(); folder.has_relative_path(); folder = folder.parent_path())
        for (const char* below : {"resources", "share/vitrine"})
            if (fs::is_directory(folder / below / "recipes", ignored))
                return folder / below;
    return executableFolder() / "resources";
}

}  // namespace vitrine
