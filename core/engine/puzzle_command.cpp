#include "core/engine/puzzle_command.h"

#include "core/commands/runs_commands_support.h"
#include "core/commands/text_table.h"
#include "core/puzzle/stored_search.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

Result<Json> reportOf(const std::string& run, const CommandContext& context) {
    std::error_code ignored;
    if (fs::is_regular_file(run, ignored))
        return readJsonFile(run);
    VITRINE_TRY(const Project project, openProject(context));
    const RunStore store(project);
    VITRINE_TRY(const Run found, store.find(run));
    VITRINE_TRY(const auto artifacts, store.artifacts(found));
    const auto report = std::find_if(artifacts.begin(), artifacts.end(),
                                     [](const Artifact& each) { return each.name == "puzzle.json"; });
    if (report == artifacts.end())
        return fail(ErrorCode::NotFound, "the run has kept no puzzle.json", "run " + found.id,
                    "Give a run of the job puzzle that has finished");
    return readJsonFile(project.artifacts().pathOf(report->sha256));
}

Json solutionJson(const StoredLibrary& library, const StoredSolution& solution) {
    const PartCost parent = library.costs.parent();
    Json layers = Json::array();
    for (size_t i = 0; i < solution.choice.size(); ++i) {
        const BlockChoice& choice = solution.choice[i];
        layers.push_back({{"choice", {choice.attention, choice.feedForward}},
                          {"attention", library.layers[i].attention[size_t(choice.attention)]},
                          {"feed_forward", library.layers[i].feedForward[size_t(choice.feedForward)]}});
    }
    Json json{{"layers", std::move(layers)},
              {"score", solution.score},
              {"bound", solution.bound},
              {"proven", solution.proven},
              {"solver_seconds", solution.seconds},
              {"parameters", solution.cost.parameters},
              {"bytes", solution.cost.bytes},
              {"parameters_share", solution.cost.parameters / parent.parameters},
              {"bytes_share", solution.cost.bytes / parent.bytes}};
    if (library.costs.timed()) {
        json["prompt_time_share"] = solution.cost.promptSeconds / parent.promptSeconds;
        json["speed_share"] = parent.tokenSeconds / solution.cost.tokenSeconds;
    }
    return json;
}

std::string shareText(const Json& json, const char* key) {
    return json.contains(key) ? fmt::format("{:.3f}", json[key].get<double>()) : "-";
}

Result<CommandOutput> searchAgain(const Json& arguments, CommandContext& context) {
    const std::string run = arguments["run"];
    VITRINE_TRY(const Json report, reportOf(run, context));
    VITRINE_TRY(const StoredLibrary library, StoredLibrary::read(report, "puzzle.json"));
    StoredSearch wanted;
    wanted.budget = {arguments["parameters"], arguments["bytes"], arguments["prompt-time"],
                     arguments["speed"]};
    wanted.alternatives = arguments["alternatives"];
    wanted.difference = arguments["difference"];
    wanted.seconds = arguments["seconds"];
    VITRINE_TRY(const auto solutions, library.search(wanted));
    CommandOutput output;
    output.data = {{"budget", wanted.budget.name()}, {"architectures", Json::array()}};
    TextTable table;
    table.header = {"architecture", "score", "parameters", "bytes", "prompt time", "speed", "solver"};
    table.rightAligned = {false, true, true, true, true, true, true};
    for (size_t i = 0; i < solutions.size(); ++i) {
        Json json = solutionJson(library, solutions[i]);
        table.rows.push_back({i == 0 ? "best" : fmt::format("alternative {}", i),
                              fmt::format("{:.5f}{}", solutions[i].score, solutions[i].proven ? "" : " ?"),
                              shareText(json, "parameters_share"), shareText(json, "bytes_share"),
                              shareText(json, "prompt_time_share"), shareText(json, "speed_share"),
                              fmt::format("{:.0f} ms", 1000 * solutions[i].seconds)});
        output.data["architectures"].push_back(std::move(json));
    }
    output.text = fmt::format("{}; costs as shares of the parent's\n{}", wanted.budget.name(), table.text());
    for (size_t i = 0; i < solutions.size(); ++i)
        output.text += fmt::format("\n{}\n{}\n", table.rows[i][0], library.text(solutions[i]));
    if (int64_t(solutions.size()) <= wanted.alternatives)
        output.text += fmt::format("only {} alternatives differ enough\n", solutions.size() - 1);
    return output;
}

}  // namespace

void bindPuzzleCommand(CommandRegistry& registry) {
    registry.bind("puzzle", searchAgain);
}

}  // namespace vitrine
