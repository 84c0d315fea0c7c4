// Where the program's own files are. All follow the XDG base directory rules and can be moved by environment
// variables.
#pragma once

#include <filesystem>

namespace vitrine {

// Caches that may be deleted at any time ($VITRINE_CACHE_DIR, else $XDG_CACHE_HOME/vitrine, else
// ~/.cache/vitrine).
std::filesystem::path userCacheFolder();
// Logs, session, recent projects ($VITRINE_STATE_DIR, else $XDG_STATE_HOME/vitrine, else
// ~/.local/state/vitrine).
std::filesystem::path userStateFolder();
// The program's resources/ folder: $VITRINE_RESOURCES, else beside the executable's tree (build or
// installed).
std::filesystem::path resourcesFolder();
// Folder of the running executable.
std::filesystem::path executableFolder();
// Folder of the project's shared libraries, relative to the executable.
std::filesystem::path libraryFolder();

}  // namespace vitrine
