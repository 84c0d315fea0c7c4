#include "core/engine/merging_command.h"

#include "core/engine/job_command.h"
#include "core/engine/merging_kind.h"

namespace vitrine {
namespace {

Result<CommandOutput> merge(const Json& arguments, CommandContext& context) {
    Json settings{{"model", absolutePaths(Json::array({arguments["model"]}))[0]},
                  {"images", absolutePaths(arguments["images"])}};
    for (const char* key : {"kept", "adaptor", "resolution", "limit"})
        settings[key] = arguments[key];
    VITRINE_TRY(const FinishedJob job, runJob({{"kind", "token_merging"},
                                               {"name", "merged tokens"},
                                               {"device", arguments["device"]},
                                               {"settings", settings}},
                                              context));
    CommandOutput output;
    VITRINE_TRY(const std::string text, job.content("merging.json"));
    VITRINE_TRY(output.data, parseJson(text, "merging.json"));
    VITRINE_TRY(const std::string times, job.content("times.json"));
    VITRINE_TRY(const Json milliseconds, parseJson(times, "times.json"));
    for (size_t row = 0; row < output.data["scores"].size(); ++row)
        output.data["scores"][row]["milliseconds"] = milliseconds[row];
    output.data["run"] = job.run.id;
    output.text =
        fmt::format("{}, {} pictures of {:.0f} tokens\n\n{}\nrun {} finished\n",
                    output.data["model"].get<std::string>(), output.data["pictures"].get<int64_t>(),
                    output.data["cells"].get<double>(), mergingTable(output.data["scores"]), job.run.id);
    if (const std::string folder = arguments["output"]; !folder.empty()) {
        VITRINE_TRY_VOID(job.exportTo(folder));
        output.text += fmt::format("files: {}\n", folder);
    }
    return output;
}

}  // namespace

void bindMergingCommand(CommandRegistry& registry) {
    registry.bind("merge", merge);
}

}  // namespace vitrine
