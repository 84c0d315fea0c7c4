#include "core/base/file.h"
#include "core/engine/engine_commands.h"
#include "core/engine/job_command.h"

namespace vitrine {
namespace {

// The run is over and has its report: nobody needs to run it again.
Error onlyTheCopyFailed(Error error, const FinishedJob& job, const Artifact& report) {
    error.hint =
        fmt::format("{}Run {} has finished; its report is whole in {}",
                    error.code == ErrorCode::DiskFull ? "Free some space and copy it yourself. " : "",
                    job.run.id, job.project.artifacts().pathOf(report.sha256).string());
    return error;
}

Result<CommandOutput> inspect(const Json& arguments, CommandContext& context) {
    Json settings{{"inputs", absolutePaths(arguments["inputs"])}};
    for (const char* key : {"resolution", "layer", "limit", "dtype"})
        settings[key] = arguments[key];
    VITRINE_TRY(const FinishedJob job, runJob({{"kind", "inspect"},
                                               {"name", "inspection"},
                                               {"device", arguments["device"]},
                                               {"settings", settings}},
                                              context));
    CommandOutput output;
    output.data = {
        {"run", job.run.id}, {"project", job.project.folder().string()}, {"resultHash", job.run.resultHash}};
    for (const Artifact& artifact : job.artifacts) {
        if (artifact.kind != "report")
            continue;
        // A name that a browser knows what to do with; the artifact store names files by their content.
        const auto report = job.project.folder() / fmt::format("report-{}.html", job.run.id);
        VITRINE_TRY(const std::string html, job.project.artifacts().read(artifact.sha256));
        if (const auto written = writeFileAtomically(report, html); !written)
            return fail(onlyTheCopyFailed(written.error(), job, artifact));
        output.data["report"] = report.string();
        output.text = fmt::format("run {} finished\nreport: {}\n", job.run.id, report.string());
    }
    return output;
}

}  // namespace

void bindInspectCommand(CommandRegistry& registry) {
    registry.bind("inspect", inspect);
}

}  // namespace vitrine
