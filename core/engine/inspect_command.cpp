#include "core/base/file.h"
#include "core/engine/engine_commands.h"
#include "core/engine/engine_job_kinds.h"
#include "core/runs/runner.h"

namespace vitrine {
namespace {

Result<CommandOutput> inspect(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, Project::openOrCreate(context.project));
    JobKinds kinds;
    addJobKinds(kinds);
    Json settings = Json::object();
    for (const char* key : {"inputs", "resolution", "layer", "limit", "dtype"})
        settings[key] = arguments[key];
    for (Json& input : settings["inputs"])
        input = std::filesystem::absolute(input.get<std::string>()).lexically_normal().string();
    const Json wanted = {
        {"kind", "inspect"}, {"name", "inspection"}, {"device", arguments["device"]}, {"settings", settings}};
    VITRINE_TRY(const Json recipe, completeRecipe(wanted, kinds, "inspect"));
    RunnerOptions options;
    options.stop = context.job.stopToken();
    options.handleSignals = false;  // the command line has its own
    options.onProgress = context.job.progressCallback();
    VITRINE_TRY(const RunOutcome outcome, runRecipe(project, recipe, kinds, options));
    if (outcome.error)
        return fail(outcome.failure());

    CommandOutput output;
    output.data = {{"run", outcome.run.id},
                   {"project", project.folder().string()},
                   {"resultHash", outcome.run.resultHash}};
    const RunStore store(project);
    VITRINE_TRY(const auto artifacts, store.artifacts(outcome.run));
    for (const Artifact& artifact : artifacts) {
        if (artifact.kind != "report")
            continue;
        // A name that a browser knows what to do with; the artifact store names files by their content.
        const auto report = project.folder() / fmt::format("report-{}.html", outcome.run.id);
        VITRINE_TRY(const std::string html, project.artifacts().read(artifact.sha256));
        VITRINE_TRY_VOID(writeFileAtomically(report, html));
        output.data["report"] = report.string();
        output.text = fmt::format("run {} finished\nreport: {}\n", outcome.run.id, report.string());
    }
    return output;
}

}  // namespace

void bindInspectCommand(CommandRegistry& registry) {
    registry.bind("inspect", inspect);
}

}  // namespace vitrine
