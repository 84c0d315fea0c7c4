#include "core/engine/fidelity_command.h"

#include "core/engine/fidelity_kind.h"
#include "core/engine/job_command.h"

#include <filesystem>

namespace vitrine {
namespace {

Result<CommandOutput> fidelity(const Json& arguments, CommandContext& context) {
    Json upsamplers = Json::array();
    for (const Json& name : arguments["upsamplers"]) {
        std::error_code ignored;
        const bool isPath = std::filesystem::exists(name.get<std::string>(), ignored);
        upsamplers.push_back(isPath ? absolutePaths(Json::array({name}))[0] : name);
    }
    Json settings{{"model", absolutePaths(Json::array({arguments["model"]}))[0]},
                  {"images", absolutePaths(arguments["images"])},
                  {"upsamplers", upsamplers}};
    for (const char* key : {"factor", "side", "limit"})
        settings[key] = arguments[key];
    VITRINE_TRY(const FinishedJob job, runJob({{"kind", "upsampler_fidelity"},
                                               {"name", "fidelity of upsamplers"},
                                               {"device", arguments["device"]},
                                               {"settings", settings}},
                                              context));
    CommandOutput output;
    VITRINE_TRY(const std::string text, job.content("fidelity.json"));
    VITRINE_TRY(output.data, parseJson(text, "fidelity.json"));
    VITRINE_TRY(const std::string times, job.content("times.json"));
    VITRINE_TRY(const Json milliseconds, parseJson(times, "times.json"));
    for (Json& row : output.data["scores"])
        row["milliseconds"] = milliseconds[row["source"].get<std::string>()];
    output.data["run"] = job.run.id;
    output.text =
        fmt::format("{} from {} to {} pixels, {} pictures\n\n{}\nrun {} finished\n",
                    output.data["model"].get<std::string>(), output.data["side"].get<int64_t>(),
                    output.data["side"].get<int64_t>() * output.data["factor"].get<int64_t>(),
                    output.data["pictures"].get<int64_t>(), fidelityTable(output.data["scores"]), job.run.id);
    if (const std::string folder = arguments["output"]; !folder.empty()) {
        VITRINE_TRY_VOID(job.exportTo(folder));
        output.text += fmt::format("files: {}\n", folder);
    }
    return output;
}

}  // namespace

void bindFidelityCommand(CommandRegistry& registry) {
    registry.bind("fidelity", fidelity);
}

}  // namespace vitrine
