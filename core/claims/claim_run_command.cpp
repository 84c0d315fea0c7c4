#include "core/claims/claim.h"
#include "core/claims/claim_commands.h"
#include "core/claims/claims_at_once.h"
#include "core/runs/claim_store.h"

#include <algorithm>

namespace vitrine {
namespace {

bool isAmong(const auto& claims, const std::string& name) {
    return std::any_of(claims.begin(), claims.end(), [&](const auto& claim) { return claim.name == name; });
}

// Each once: two of one claim would go on with the same stopped run at the same time.
Result<std::vector<ClaimInfo>> wantedClaims(const Json& names) {
    std::vector<ClaimInfo> wanted;
    for (const std::string name : names) {
        if (name == "all")
            return claimCatalogue();
        VITRINE_TRY(const ClaimInfo info, findClaim(name));
        if (!isAmong(wanted, name))
            wanted.push_back(info);
    }
    return wanted;
}

// Report and verdict of a claim that was measured.
Result<void> addVerdict(CommandOutput& output, const Project& project, const Run& run) {
    VITRINE_TRY(const std::vector<Artifact> artifacts, RunStore(project).artifacts(run));
    for (const Artifact& artifact : artifacts) {
        if (artifact.name == "claim.txt") {
            VITRINE_TRY(const std::string report, project.artifacts().read(artifact.sha256));
            output.text += report + "\n";
        } else if (artifact.name == "claim.json") {
            VITRINE_TRY(const std::string verdict, project.artifacts().read(artifact.sha256));
            Json row = Json::parse(verdict);
            row["run"] = run.id;
            output.exitCode |= row["holds"].get<bool>() ? 0 : 1;
            output.data["claims"].push_back(std::move(row));
        }
    }
    return {};
}

Result<CommandOutput> runClaims(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(std::vector<ClaimInfo> wanted, wantedClaims(arguments["names"]));
    VITRINE_TRY(const Project project, Project::openOrCreate(context.project));
    if (arguments["missing"]) {
        VITRINE_TRY(const std::vector<StoredClaim> known, ClaimStore(project).newest());
        std::erase_if(wanted, [&](const ClaimInfo& info) { return isAmong(known, info.name); });
    }
    ClaimsRequest request;
    request.seeds = arguments["seeds"];
    request.atOnce = arguments["at-once"];
    request.scale = arguments["scale"];
    request.device = arguments["device"];
    const std::vector<Result<RunOutcome>> outcomes =
        measureClaims(context.project, wanted, request, context.job);
    CommandOutput output;
    output.data["claims"] = Json::array();
    for (size_t index = 0; index < wanted.size(); ++index) {
        VITRINE_TRY(const RunOutcome outcome, outcomes[index]);
        if (!outcome.error) {
            VITRINE_TRY_VOID(addVerdict(output, project, outcome.run));
            continue;
        }
        if (outcome.error->code == ErrorCode::Cancelled)
            return fail(outcome.failure());
        output.exitCode = 1;
        output.text += fmt::format("{}: not measured: {}\n\n", wanted[index].name, outcome.error->text());
        output.data["claims"].push_back(
            {{"name", wanted[index].name}, {"run", outcome.run.id}, {"error", outcome.error->text()}});
    }
    return output;
}

}  // namespace

void bindClaimRunCommand(CommandRegistry& registry) {
    registry.bind("claims.run", runClaims);
}

}  // namespace vitrine
