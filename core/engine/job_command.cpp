#include "core/engine/job_command.h"

#include "core/base/file.h"
#include "core/engine/engine_job_kinds.h"
#include "core/runs/runner.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;

Result<std::string> FinishedJob::content(std::string_view name) const {
    const auto found = std::find_if(artifacts.begin(), artifacts.end(),
                                    [&](const Artifact& artifact) { return artifact.name == name; });
    if (found == artifacts.end())
        return fail(ErrorCode::NotFound, fmt::format("the run has no \"{}\"", name), run.id);
    return project.artifacts().read(found->sha256);
}

Result<void> FinishedJob::exportTo(const fs::path& folder) const {
    for (const Artifact& artifact : artifacts) {
        if (artifact.kind == "log" || artifact.kind == "checkpoint")
            continue;
        const fs::path file = folder / artifact.name;
        std::error_code problem;
        fs::create_directories(file.parent_path(), problem);
        if (problem)
            return fail(errorFromErrno(problem.value(), "make the folder", file.parent_path()));
        VITRINE_TRY(const std::string content, project.artifacts().read(artifact.sha256));
        VITRINE_TRY_VOID(writeFileAtomically(file, content));
    }
    return {};
}

Result<FinishedJob> runJob(const Json& recipe, CommandContext& context) {
    JobKinds kinds;
    addJobKinds(kinds);
    VITRINE_TRY(const Json complete, completeRecipe(recipe, kinds, recipe.value("kind", "recipe")));
    VITRINE_TRY(Project project, Project::openOrCreate(context.project));
    VITRINE_TRY(const RunOutcome outcome, runRecipe(project, complete, kinds, runnerOptionsFor(context.job)));
    if (outcome.error)
        return fail(outcome.failure());
    VITRINE_TRY(auto artifacts, RunStore(project).artifacts(outcome.run));
    return FinishedJob{std::move(project), outcome.run, std::move(artifacts)};
}

Json absolutePaths(const Json& paths) {
    Json absolute = Json::array();
    for (const Json& path : paths)
        absolute.push_back(fs::absolute(path.get<std::string>()).lexically_normal().string());
    return absolute;
}

}  // namespace vitrine
