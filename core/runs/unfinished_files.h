// What a killed process leaves half-written: files under the temporary names of AtomicFileWriter
// ("NAME.PID-COUNT.tmp"). Nothing reads them; they take room and look like results.
#pragma once

#include "core/runs/run_store.h"

namespace vitrine {

// Removes those that the process which last carried `run` left in its project, in the folder of the run, in
// the one that its settings name as output and among the tokenised texts of this user. Files of processes
// that are alive stay, and what cannot be removed stays as well. For whoever goes on with the run, before
// anything is written. Gives how many went.
int64_t removeUnfinishedFiles(const Project& project, const Run& run, const Json& recipe);

}  // namespace vitrine
