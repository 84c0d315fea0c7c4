#include "core/engine/evaluate_command.h"

#include "core/engine/evaluate_kind.h"
#include "core/engine/job_command.h"

namespace vitrine {
namespace {

Result<CommandOutput> evaluate(const Json& arguments, CommandContext& context) {
    Json settings{{"models", absolutePaths(arguments["models"])}};
    for (const char* key : {"classification", "test", "labels", "segmentation", "correspondence"}) {
        const std::string path = arguments[key];
        settings[key] = path.empty() ? Json(path) : absolutePaths(Json::array({path}))[0];
    }
    for (const char* key : {"resolutions", "batch", "dtype"})
        settings[key] = arguments[key];
    VITRINE_TRY(const FinishedJob job, runJob({{"kind", "evaluate"},
                                               {"name", "evaluation"},
                                               {"device", arguments["device"]},
                                               {"settings", settings}},
                                              context));
    CommandOutput output;
    VITRINE_TRY(const std::string text, job.content("evaluation.json"));
    VITRINE_TRY(output.data, parseJson(text, "evaluation.json"));
    output.data["run"] = job.run.id;
    output.data["resultHash"] = job.run.resultHash;
    output.text = evaluationTable(output.data["scores"]) + fmt::format("\nrun {} finished\n", job.run.id);
    if (const std::string folder = arguments["output"]; !folder.empty()) {
        VITRINE_TRY_VOID(job.exportTo(folder));
        output.text += fmt::format("files: {}\n", folder);
    }
    return output;
}

}  // namespace

void bindEvaluateCommand(CommandRegistry& registry) {
    registry.bind("evaluate", evaluate);
}

}  // namespace vitrine
