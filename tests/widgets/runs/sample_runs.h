// Makes a project with runs as training leaves them: metrics over steps, several seeds, pictures by step,
// tags, an environment with a difference to its commit, lineage.
#pragma once

#include "core/runs/project.h"

#include <filesystem>

namespace vitrine::testing {

struct SampleRuns {
    int configurations = 3;
    int seeds = 3;
    int steps = 200;   // points per metric
    int pictures = 5;  // steps with pictures
};

Result<Project> makeSampleRuns(const std::filesystem::path& folder, const SampleRuns& options = {});

}  // namespace vitrine::testing
