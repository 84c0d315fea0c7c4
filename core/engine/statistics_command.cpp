#include "core/engine/statistics_command.h"

#include "core/base/file.h"
#include "core/engine/engine_job_kinds.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/input_kind.h"
#include "core/engine/statistics_report.h"
#include "core/runs/runner.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

Result<Json> recipeFor(const Json& arguments, const JobKinds& kinds) {
    Json settings{{"models", Json::array()}, {"images", Json::array()}};
    for (const std::string path : arguments["inputs"]) {
        VITRINE_TRY(const InputKind kind, inputKindOf(path));
        settings[kind == InputKind::Model ? "models" : "images"].push_back(
            fs::absolute(path).lexically_normal().string());
    }
    if (settings["models"].empty())
        return fail(ErrorCode::InvalidArgument, "there is no model among the inputs", {},
                    "Name a model folder or a weight file");
    if (settings["images"].empty())
        return fail(ErrorCode::InvalidArgument, "there are no pictures among the inputs", {},
                    "Name a picture or a folder of pictures");
    for (const char* key :
         {"recursive", "limit", "layers", "adaptors", "resolution", "batch", "precision", "dtype"})
        settings[key] = arguments[key];
    return completeRecipe({{"kind", "teacher-statistics"},
                           {"name", "statistics of teachers"},
                           {"device", arguments["device"]},
                           {"settings", settings}},
                          kinds, "statistics");
}

// Copies the run's files under their names.
Result<void> exportFiles(const Project& project, const std::vector<Artifact>& artifacts,
                         const fs::path& folder) {
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

Result<CommandOutput> statistics(const Json& arguments, CommandContext& context) {
    loadEnginePlugins();
    VITRINE_TRY(const Project project, Project::openOrCreate(context.project));
    JobKinds kinds;
    addJobKinds(kinds);
    VITRINE_TRY(const Json recipe, recipeFor(arguments, kinds));
    RunnerOptions options;
    options.stop = context.job.stopToken();
    options.handleSignals = false;  // the command line has its own
    options.onProgress = context.job.progressCallback();
    VITRINE_TRY(const RunOutcome outcome, runRecipe(project, recipe, kinds, options));
    if (outcome.error)
        return fail(outcome.failure());
    const RunStore store(project);
    VITRINE_TRY(const auto artifacts, store.artifacts(outcome.run));
    CommandOutput output;
    for (const Artifact& artifact : artifacts)
        if (artifact.name == "statistics.json") {
            VITRINE_TRY(const std::string text, project.artifacts().read(artifact.sha256));
            VITRINE_TRY(output.data, parseJson(text, "statistics.json"));
        }
    output.data["run"] = outcome.run.id;
    output.data["resultHash"] = outcome.run.resultHash;
    output.text =
        statisticsTable(output.data["teachers"]) + fmt::format("\nrun {} finished\n", outcome.run.id);
    if (const std::string folder = arguments["output"]; !folder.empty()) {
        VITRINE_TRY_VOID(exportFiles(project, artifacts, folder));
        output.text += fmt::format("files: {}\n", folder);
    }
    return output;
}

}  // namespace

void bindStatisticsCommand(CommandRegistry& registry) {
    registry.bind("statistics", statistics);
}

}  // namespace vitrine
