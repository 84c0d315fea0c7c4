#include "core/claims/claim_commands.h"

#include "core/claims/claim.h"
#include "core/commands/runs_commands_support.h"
#include "core/commands/text_table.h"
#include "core/runs/claim_store.h"

namespace vitrine {
namespace {

Json infoJson(const ClaimInfo& info) {
    return {{"name", info.name},
            {"system", info.system},
            {"statement", info.statement},
            {"source", info.source},
            {"rule", info.rule},
            {"seeds", info.seedCount},
            {"minutesPerSeed", info.minutesPerSeed}};
}

// Newest verdicts of the project; none if there is no project yet.
Result<std::map<std::string, StoredClaim>> verdicts(const CommandContext& context) {
    std::map<std::string, StoredClaim> found;
    if (!Project::exists(context.project))
        return found;
    VITRINE_TRY(const Project project, Project::open(context.project, Project::Access::ReadOnly));
    VITRINE_TRY(const std::vector<StoredClaim> newest, ClaimStore(project).newest());
    for (const StoredClaim& claim : newest)
        found[claim.name] = claim;
    return found;
}

void addVerdict(Json& json, const StoredClaim& claim) {
    json["holds"] = claim.holds;
    json["run"] = claim.runId;
    json["measuredAt"] = claim.created;
    json["measured"] = claim.measured;
}

Result<CommandOutput> listClaims(const Json&, CommandContext& context) {
    VITRINE_TRY(const auto known, verdicts(context));
    CommandOutput output;
    output.data["claims"] = Json::array();
    TextTable table;
    table.header = {"claim", "system", "verdict", "run", "measured", "about"};
    for (const ClaimInfo& info : claimCatalogue()) {
        Json row = infoJson(info);
        std::vector<std::string> cells{
            info.name, info.system, "not measured",
            "",        "",          fmt::format("{:.0f} min", estimatedMinutes({&info, 1}))};
        if (const auto it = known.find(info.name); it != known.end()) {
            addVerdict(row, it->second);
            cells[2] = it->second.holds ? "holds" : "DOES NOT HOLD";
            cells[3] = it->second.runId;
            cells[4] = timeText(it->second.created);
        }
        output.data["claims"].push_back(std::move(row));
        table.rows.push_back(std::move(cells));
    }
    const double minutes = estimatedMinutes(claimCatalogue());
    output.data["minutes"] = minutes;
    output.text = table.text() + fmt::format("\nAll together about {:.0f} min on this machine.\n", minutes);
    return output;
}

Result<CommandOutput> showClaim(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const ClaimInfo info, findClaim(arguments["name"]));
    VITRINE_TRY(const auto known, verdicts(context));
    CommandOutput output;
    output.data = infoJson(info);
    output.text = fmt::format("{} ({})\n{}\nRule: {}\n", info.system, info.source, info.statement, info.rule);
    const auto it = known.find(info.name);
    if (it == known.end()) {
        output.text +=
            fmt::format("Not measured in this project; `vitrine claims run {}` takes about {:.0f} minutes.\n",
                        info.name, estimatedMinutes({&info, 1}));
        return output;
    }
    addVerdict(output.data, it->second);
    std::vector<ClaimMeasurement> measurements;
    for (const Json& measurement : it->second.measured.value("measurements", Json::array()))
        measurements.push_back(ClaimMeasurement::fromJson(measurement));
    output.text += "\n" + ClaimTable(std::move(measurements)).text() + "\n";
    for (const Json& check : it->second.measured.value("checks", Json::array()))
        output.text +=
            fmt::format("{}  {}: {} (wanted {} {})\n", check["holds"].get<bool>() ? "holds " : "FAILS ",
                        check["rule"].get<std::string>(), check["measured"].dump(),
                        check["relation"].get<std::string>(), check["limit"].dump());
    output.text += fmt::format("The claim {}; run {}.\n", it->second.holds ? "holds" : "DOES NOT HOLD",
                               it->second.runId);
    return output;
}

}  // namespace

void declareClaimCommands(CommandRegistry& registry) {
    CommandSpec list;
    list.name = "claims.list";
    list.summary = "List the claims of the published systems and what was measured here";
    list.arguments = Json::parse(R"({"type": "object", "properties": {}})");
    registry.declare(std::move(list));

    CommandSpec show;
    show.name = "claims.show";
    show.summary = "Show a claim, its pass rule and its newest table";
    show.arguments = Json::parse(R"({"type": "object", "required": ["name"], "properties": {
      "name": {"type": "string", "minLength": 1, "description": "a name of `vitrine claims list`"}}})");
    show.positional = {"name"};
    registry.declare(std::move(show));

    CommandSpec run;
    run.name = "claims.run";
    run.summary = "Measure claims against their baselines over several seeds";
    run.arguments = Json::parse(R"({"type": "object", "required": ["names"], "properties": {
      "names": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "names of `vitrine claims list`, or all"},
      "seeds": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0, "description": "seeds to measure; 0: as many as the claim asks for"},
      "at-once": {"type": "integer", "minimum": 0, "maximum": 64, "default": 0, "description": "seeds that are measured at the same time, each on one core, also of different claims; 0: as many as there are cores"},
      "scale": {"type": "number", "exclusiveMinimum": 0, "maximum": 10, "default": 1, "description": "share of the training steps; the pass rules are made for 1"},
      "missing": {"type": "boolean", "default": false, "description": "leave out claims that already have a verdict in this project"},
      "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"}}})");
    run.positional = {"names"};
    run.home = CommandHome::Engine;
    run.help =
        "Exit code 1 if a claim does not hold. A claim that was stopped goes on from its last finished "
        "seed.\n";
    registry.declare(std::move(run));
}

void bindClaimCommands(CommandRegistry& registry) {
    registry.bind("claims.list", listClaims);
    registry.bind("claims.show", showClaim);
}

}  // namespace vitrine
