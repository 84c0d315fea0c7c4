#include "core/claims/claim.h"
#include "core/claims/claim_commands.h"
#include "core/claims/claim_kind.h"
#include "core/runs/claim_store.h"
#include "core/runs/run_query.h"
#include "core/runs/runner.h"

#include <algorithm>

namespace vitrine {
namespace {

Result<std::vector<ClaimInfo>> wantedClaims(const Json& names) {
    std::vector<ClaimInfo> wanted;
    for (const std::string name : names) {
        if (name == "all")
            return claimCatalogue();
        VITRINE_TRY(wanted.emplace_back(), findClaim(name));
    }
    return wanted;
}

// A run of the same claim with the same settings that was stopped before its end.
Result<std::optional<Run>> stoppedRun(const Project& project, const Json& recipe) {
    RunListOptions options;
    options.filter = "kind = claim";
    VITRINE_TRY(const std::vector<RunRow> rows, listRuns(project, options));
    const RunStore store(project);
    for (const RunRow& row : rows) {
        if (row.run.status != RunStatus::Interrupted && row.run.status != RunStatus::Cancelled)
            continue;
        VITRINE_TRY(const Json stopped, store.recipe(row.run));
        if (stopped.value("settings", Json()) == recipe["settings"] &&
            stopped.value("device", "") == recipe["device"])
            return row.run;
    }
    return std::nullopt;
}

Result<RunOutcome> measureClaim(const Project& project, const JobKinds& kinds, const Json& arguments,
                                const ClaimInfo& info, CommandContext& context) {
    const Json wanted = {{"kind", "claim"},
                         {"name", "claim " + info.name},
                         {"device", arguments["device"]},
                         {"settings",
                          {{"claim", info.name},
                           {"seeds", arguments["seeds"]},
                           {"at_once", arguments["at-once"]},
                           {"scale", arguments["scale"]}}}};
    VITRINE_TRY(const Json recipe, completeRecipe(wanted, kinds, "claim"));
    const RunnerOptions options = runnerOptionsFor(context.job);
    VITRINE_TRY(const std::optional<Run> stopped, stoppedRun(project, recipe));
    return stopped ? resumeRun(project, stopped->id, kinds, options)
                   : runRecipe(project, recipe, kinds, options);
}

Result<CommandOutput> runClaims(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const std::vector<ClaimInfo> wanted, wantedClaims(arguments["names"]));
    VITRINE_TRY(const Project project, Project::openOrCreate(context.project));
    JobKinds kinds;
    kinds.add(claimKind());
    CommandOutput output;
    output.data["claims"] = Json::array();
    for (const ClaimInfo& info : wanted) {
        VITRINE_TRY(const std::vector<StoredClaim> before, ClaimStore(project).newest());
        const bool known = std::any_of(before.begin(), before.end(),
                                       [&](const auto& claim) { return claim.name == info.name; });
        if (arguments["missing"] && known)
            continue;
        VITRINE_TRY(const RunOutcome outcome, measureClaim(project, kinds, arguments, info, context));
        if (outcome.error) {
            if (outcome.error->code == ErrorCode::Cancelled)
                return fail(outcome.failure());
            output.exitCode = 1;
            output.text += fmt::format("{}: not measured: {}\n\n", info.name, outcome.error->text());
            output.data["claims"].push_back(
                {{"name", info.name}, {"run", outcome.run.id}, {"error", outcome.error->text()}});
            continue;
        }
        VITRINE_TRY(const std::vector<Artifact> artifacts, RunStore(project).artifacts(outcome.run));
        for (const Artifact& artifact : artifacts) {
            if (artifact.name == "claim.txt") {
                VITRINE_TRY(const std::string report, project.artifacts().read(artifact.sha256));
                output.text += report + "\n";
            } else if (artifact.name == "claim.json") {
                VITRINE_TRY(const std::string verdict, project.artifacts().read(artifact.sha256));
                Json row = Json::parse(verdict);
                row["run"] = outcome.run.id;
                output.exitCode |= row["holds"].get<bool>() ? 0 : 1;
                output.data["claims"].push_back(std::move(row));
            }
        }
    }
    return output;
}

}  // namespace

void bindClaimRunCommand(CommandRegistry& registry) {
    registry.bind("claims.run", runClaims);
}

}  // namespace vitrine
