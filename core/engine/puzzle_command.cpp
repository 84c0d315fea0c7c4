#include "core/engine/puzzle_command.h"

#include "core/commands/runs_commands_support.h"
#include "core/commands/text_table.h"
#include "core/puzzle/stored_search.h"

#include <algorithm>
#include <cmath>

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

// Shares are of what the whole parent takes in the use that the run measured.
Json solutionJson(const StoredLibrary& library, const StoredAnswer& answer, const StoredSolution& solution) {
    const PartCost parent = library.costs.parent();
    const double parentSpeed = library.costs.tokensPerSecond(parent);
    Json layers = Json::array();
    for (size_t i = 0; i < solution.choice.size(); ++i) {
        const BlockChoice& choice = solution.choice[i];
        layers.push_back({{"block", library.blocks[i]},
                          {"choice", {choice.attention, choice.feedForward}},
                          {"attention", library.layers[i].attention[size_t(choice.attention)]},
                          {"feed_forward", library.layers[i].feedForward[size_t(choice.feedForward)]}});
    }
    Json json{{"layers", std::move(layers)},
              {"score", solution.score},
              {"bound", solution.bound},
              {"proven", solution.proven},
              {"solver_seconds", solution.seconds},
              {"batch", answer.costs.use.batch},
              {"parameters", solution.cost.parameters},
              {"bytes", solution.cost.bytes},
              {"cache_bytes", solution.cost.cacheBytes},
              {"parameters_share", solution.cost.parameters / parent.parameters},
              {"bytes_share", solution.cost.bytes / parent.bytes}};
    if (answer.costs.timed()) {
        json["tokens_per_second"] = answer.costs.tokensPerSecond(solution.cost);
        if (parent.promptSeconds > 0 && parentSpeed > 0) {
            json["prompt_time_share"] = solution.cost.promptSeconds / parent.promptSeconds;
            json["speed_share"] = answer.costs.tokensPerSecond(solution.cost) / parentSpeed;
        }
    }
    return json;
}

std::string shareText(const Json& json, const char* key) {
    return json.contains(key) ? fmt::format("{:.3f}", json[key].get<double>()) : "-";
}

std::string mibText(double bytes) {
    return std::isnan(bytes) ? "-" : fmt::format("{:.3f}", bytes / (1024 * 1024));
}

// All candidates: what was found for each, or why nothing was.
std::string batchesText(const BatchSearch& batches) {
    TextTable table;
    table.header = {"", "batch", "tokens", "score", "MiB", "of it cache", "prompt", "tokens per second"};
    table.rightAligned = {false, true, true, true, true, true, true, true};
    std::string problems;
    for (size_t i = 0; i < batches.outcomes.size(); ++i) {
        const BatchOutcome& each = batches.outcomes[i];
        std::vector<std::string> row{i == batches.best ? "kept" : "", fmt::to_string(each.use.batch),
                                     fmt::format("{} + {}", each.use.prompt, each.use.generated)};
        if (each.found()) {
            const bool timed = each.tokensPerSecond > 0;
            row.insert(row.end(),
                       {fmt::format("{:.5f}{}", each.solution.score, each.solution.proven ? "" : " ?"),
                        mibText(each.cost.bytes), mibText(each.cost.cacheBytes),
                        timed ? fmt::format("{:.1f} ms", 1000 * each.cost.promptSeconds) : "-",
                        timed ? fmt::format("{:.0f}", each.tokensPerSecond) : "-"});
        } else {
            row.insert(row.end(), {"none", "-", "-", "-", "-"});
            problems += fmt::format("batch {}: {}\n", each.use.batch, each.problem);
        }
        table.rows.push_back(std::move(row));
    }
    return table.text() + problems;
}

SearchBudget budgetOf(const Json& arguments) {
    Json json = Json::object();
    for (const auto& [key, value] : arguments.items()) {
        std::string name = key;
        std::replace(name.begin(), name.end(), '-', '_');
        json[name] = value;
    }
    return SearchBudget::of(json);
}

Result<CommandOutput> searchAgain(const Json& arguments, CommandContext& context) {
    const std::string run = arguments["run"];
    VITRINE_TRY(const Json report, reportOf(run, context));
    VITRINE_TRY(const StoredLibrary library, StoredLibrary::read(report, "puzzle.json"));
    StoredSearch wanted;
    wanted.budget = budgetOf(arguments);
    wanted.alternatives = arguments["alternatives"];
    wanted.difference = arguments["difference"];
    wanted.seconds = arguments["seconds"];
    VITRINE_TRY(const StoredAnswer answer, library.search(wanted));
    const std::vector<StoredSolution>& solutions = answer.architectures;
    CommandOutput output;
    output.data = {{"budget", wanted.budget.name()},
                   {"batches", answer.batches.json()},
                   {"architectures", Json::array()}};
    TextTable table;
    table.header = {"architecture", "score", "parameters", "bytes", "prompt time", "speed", "solver"};
    table.rightAligned = {false, true, true, true, true, true, true};
    for (size_t i = 0; i < solutions.size(); ++i) {
        Json json = solutionJson(library, answer, solutions[i]);
        table.rows.push_back({i == 0 ? "best" : fmt::format("alternative {}", i),
                              fmt::format("{:.5f}{}", solutions[i].score, solutions[i].proven ? "" : " ?"),
                              shareText(json, "parameters_share"), shareText(json, "bytes_share"),
                              shareText(json, "prompt_time_share"), shareText(json, "speed_share"),
                              fmt::format("{:.0f} ms", 1000 * solutions[i].seconds)});
        output.data["architectures"].push_back(std::move(json));
    }
    output.text = wanted.budget.name() + "\n";
    if (answer.batches.outcomes.size() > 1)
        output.text += batchesText(answer.batches) + "\n";
    output.text += fmt::format("{}; costs as shares of the parent's with {}\n{}", answer.costs.use.text(),
                               library.costs.use.text(), table.text());
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
