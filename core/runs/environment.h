// What surrounded a run: program, machine, repository. Recorded without asking, so that a result can be
// explained a year later.
#pragma once

#include "core/base/json.h"

#include <filesystem>

namespace vitrine {

// {"program", "command", "folder", "host", "system", "cpu": {name, threads}, "memory_bytes", "gpu": [...],
//  "variables": {...}, "git": {commit, branch, dirty, diff}} ; git only inside a repository, with the diff
// against HEAD cut at 256 KiB. `folder` is where git is asked.
Json captureEnvironment(const std::filesystem::path& folder);

}  // namespace vitrine
