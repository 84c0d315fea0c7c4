#include "core/engine/statistics_command.h"

#include "core/engine/engine_plugins.h"
#include "core/engine/input_kind.h"
#include "core/engine/job_command.h"
#include "core/engine/statistics_report.h"

namespace vitrine {
namespace {

Result<Json> settingsFor(const Json& arguments) {
    Json settings{{"models", Json::array()}, {"images", Json::array()}};
    const Json inputs = absolutePaths(arguments["inputs"]);
    for (const std::string path : inputs) {
        VITRINE_TRY(const InputKind kind, inputKindOf(path));
        settings[kind == InputKind::Model ? "models" : "images"].push_back(path);
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
    return settings;
}

Result<CommandOutput> statistics(const Json& arguments, CommandContext& context) {
    loadEnginePlugins();
    VITRINE_TRY(const Json settings, settingsFor(arguments));
    VITRINE_TRY(const FinishedJob job, runJob({{"kind", "teacher-statistics"},
                                               {"name", "statistics of teachers"},
                                               {"device", arguments["device"]},
                                               {"settings", settings}},
                                              context));
    CommandOutput output;
    VITRINE_TRY(const std::string text, job.content("statistics.json"));
    VITRINE_TRY(output.data, parseJson(text, "statistics.json"));
    output.data["run"] = job.run.id;
    output.data["resultHash"] = job.run.resultHash;
    output.text = statisticsTable(output.data["teachers"]) + fmt::format("\nrun {} finished\n", job.run.id);
    if (const std::string folder = arguments["output"]; !folder.empty()) {
        VITRINE_TRY_VOID(job.exportTo(folder));
        output.text += fmt::format("files: {}\n", folder);
    }
    return output;
}

}  // namespace

void bindStatisticsCommand(CommandRegistry& registry) {
    registry.bind("statistics", statistics);
}

}  // namespace vitrine
