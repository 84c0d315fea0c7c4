// Carries out recipes: makes the run's row before it starts, records its environment, runs the job kind, and
// ends the row as finished, failed, cancelled or (on SIGKILL, at the next opening) interrupted.
#pragma once

#include "core/base/job_context.h"
#include "core/runs/recipe.h"
#include "core/runs/run_store.h"

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace vitrine {

struct RunnerOptions {
    std::string parent;  // id of the run that this one is made from
    std::string sweep;   // name of the sweep that it belongs to
    // Of a resumed run: settings changed before it goes on ("learning_rate=1e-4"), as by its control socket.
    std::vector<std::string> sets;
    std::stop_token stop;                     // stops it from within the process
    JobContext::ProgressCallback onProgress;  // on the job's thread
    std::function<void(const Run&)> onStart;  // the row exists, the control socket listens
    bool handleSignals = true;                // SIGINT and SIGTERM cancel gracefully; a second one kills
    bool controlSocket = true;
};

// Of a job inside a command: the command's stop and progress; signals are looked after by who gave the stop
// token.
RunnerOptions runnerOptionsFor(const JobContext& job);

struct RunOutcome {
    Run run;                     // as it ended
    std::optional<Error> error;  // why it failed or was cancelled

    // `error` for the user: with the run's id and how to go on. There must be one.
    Error failure() const;
};

// `recipe` as completeRecipe made it. An error: the run could not even be recorded; a job that fails is an
// outcome.
Result<RunOutcome> runRecipe(const Project& project, const Json& recipe, const JobKinds& kinds,
                             const RunnerOptions& options);

// Goes on with an interrupted, cancelled or failed run from its last checkpoint (or from its beginning), to
// the same result as if it had never stopped. Errors: InvalidArgument if it finished; Busy if it runs.
Result<RunOutcome> resumeRun(const Project& project, const std::string& id, const JobKinds& kinds,
                             const RunnerOptions& options);

// SHA-256 over the names, steps and contents of the artifacts and the newest value of every metric; equal for
// equal results, whenever and wherever they were made. Left out: artifacts of the kinds "log" and
// "checkpoint", metrics under "time/" and "system/".
Result<std::string> resultHash(const Project& project, const Run& run);

}  // namespace vitrine
