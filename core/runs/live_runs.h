// Jobs at work in a project, with how far each is.
#pragma once

#include "core/base/job_context.h"
#include "core/runs/run_store.h"

namespace vitrine {

struct LiveRun {
    Run run;
    // As its control socket says; stage is empty while the job does not answer (it starts, or is on another
    // machine).
    Progress progress;
    bool paused = false;
    bool stopping = false;

    // "pi, seed 3: drawing points 12/40, 8 s left".
    std::string text() const;
};

// Runs that are running or paused, the oldest first. Those whose process is gone become "interrupted" (unless
// the project is read-only) and are left out. Each job is asked over its control socket and has
// `answerSeconds` for it.
Result<std::vector<LiveRun>> liveRuns(const Project& project, double answerSeconds = 0.5);

}  // namespace vitrine
