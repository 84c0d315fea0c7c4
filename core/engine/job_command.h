// A job carried out inside a command: the command's stop and progress are the job's, a job that fails is the
// command's error (with the way to resume it).
#pragma once

#include "core/commands/command.h"
#include "core/runs/run_store.h"

namespace vitrine {

struct FinishedJob {
    Project project;
    Run run;
    std::vector<Artifact> artifacts;

    // Content of the artifact of that name; NotFound.
    Result<std::string> content(std::string_view name) const;
    // Copies results (all but logs and checkpoints) into `folder` under their names; makes it if need be.
    Result<void> exportTo(const std::filesystem::path& folder) const;
};

// `recipe`: kind, name, device, settings; what it leaves out takes its default. The run goes into the
// command's project, which is made if it does not exist.
Result<FinishedJob> runJob(const Json& recipe, CommandContext& context);

// The error of a job as the user of a command reads it. Jobs name settings as recipes do
// ("settings.text_model"); here that is the option ("--text-model") for each of `arguments`, the command's
// own (textModel). What has no option stays, since only a recipe sets it.
Error withOptionNames(Error error, const Json& arguments);

// Absolute form of each path: a run is resumed from another folder.
Json absolutePaths(const Json& paths);

}  // namespace vitrine
