#include "app/desktop/runs/claims_questions.h"

#include "core/claims/claim.h"
#include "core/runs/claim_store.h"
#include "core/runs/live_runs.h"
#include "core/runs/run_query.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

double numberOf(const Json& value) {
    return value.is_number() ? value.get<double>() : std::nan("");
}

ClaimRule ruleOf(const Json& check) {
    ClaimRule rule;
    rule.text = QString::fromStdString(check.value("rule", std::string()));
    rule.measured = numberOf(check.value("measured", Json()));
    rule.atLeast = check.value("relation", std::string(">=")) == ">=";
    rule.limit = numberOf(check.value("limit", Json()));
    rule.holds = check.value("holds", false);
    const Json bySeed = check.value("by_seed", Json::array());
    for (const Json& value : bySeed)
        rule.bySeed.push_back(numberOf(value));
    return rule;
}

ClaimVerdict verdictOf(const Project& project, const StoredClaim& stored) {
    ClaimVerdict verdict;
    verdict.holds = stored.holds;
    verdict.run = QString::fromStdString(stored.runId);
    verdict.when = stored.created;
    verdict.scale = stored.measured.value("scale", 1.0);
    const Json checks = stored.measured.value("checks", Json::array());
    for (const Json& check : checks)
        verdict.rules.push_back(ruleOf(check));
    std::vector<ClaimMeasurement> measurements;
    const Json measured = stored.measured.value("measurements", Json::array());
    for (const Json& measurement : measured) {
        measurements.push_back(ClaimMeasurement::fromJson(measurement));
        verdict.seeds.push_back(measurements.back().seed);
    }
    const ClaimTable table(std::move(measurements));
    for (const std::string& arm : table.arms())
        for (const std::string& metric : table.metrics()) {
            const std::vector<double> values = table.values(arm, metric);
            if (std::any_of(values.begin(), values.end(), [](double value) { return !std::isnan(value); }))
                verdict.arms[QString::fromStdString(arm)][QString::fromStdString(metric)] = values;
        }
    // A run that was purged takes its environment along.
    if (const auto run = RunStore(project).find(stored.runId); run && !stored.runId.empty())
        if (const auto environment = RunStore(project).environment(*run))
            verdict.version = QString::fromStdString(environment->value("program", std::string()));
    return verdict;
}

// A seed leaves one point of this metric when it is done.
int seedsDone(const Project& project, const Run& run) {
    auto rows = project.database().prepare(
        "SELECT count(*) FROM points p JOIN series s ON s.id = p.series JOIN keys k ON k.id = s.key "
        "WHERE s.run = ? AND k.name = 'time/seconds per seed'");
    if (!rows)
        return 0;
    rows->bindAll(run.number);
    const auto row = rows->step();
    return row && *row ? int(rows->integer(0)) : 0;
}

void addNewestRun(const Project& project, const Run& run, const std::vector<LiveRun>& live, ClaimLine& line) {
    const bool measured = line.verdict && line.verdict->run == QString::fromStdString(run.id);
    line.seedsDone = seedsDone(project, run);
    const QString seeds = QString("%1 of %2 seeds").arg(line.seedsDone).arg(line.wantedSeeds);
    if (isLive(run.status)) {
        line.liveRun = QString::fromStdString(run.id);
        line.state = run.status == RunStatus::Paused ? ClaimState::Paused : ClaimState::Running;
        for (const LiveRun& each : live)
            if (each.run.id == run.id) {
                line.progress = each.progress;
                line.state = each.paused ? ClaimState::Paused : ClaimState::Running;
            }
    } else if (!measured && (run.status == RunStatus::Interrupted || run.status == RunStatus::Cancelled)) {
        line.note = QString("%1 after %2; Run goes on with it").arg(runStatusName(run.status), seeds);
    } else if (!measured && run.status == RunStatus::Failed) {
        line.note = QString("the newest run failed: %1").arg(QString::fromStdString(run.error));
    }
}

}  // namespace

std::vector<ClaimLine> claimsOfCatalogue() {
    std::vector<ClaimLine> lines;
    for (const ClaimInfo& info : claimCatalogue()) {
        ClaimLine line;
        line.name = QString::fromStdString(info.name);
        line.system = QString::fromStdString(info.system);
        line.statement = QString::fromStdString(info.statement);
        line.source = QString::fromStdString(info.source);
        line.rule = QString::fromStdString(info.rule);
        line.wantedSeeds = int(info.seedCount);
        line.minutes = estimatedMinutes({&info, 1});
        lines.push_back(std::move(line));
    }
    return lines;
}

Result<std::vector<ClaimLine>> claimsOf(const Project& project) {
    std::vector<ClaimLine> lines = claimsOfCatalogue();
    VITRINE_TRY(const std::vector<StoredClaim> verdicts, ClaimStore(project).newest());
    VITRINE_TRY(const std::vector<LiveRun> live, liveRuns(project));
    RunListOptions options;
    options.filter = "kind = claim";
    options.columns = {"params.settings.claim"};
    // No claim was ever run here: the column is not known.
    const auto runs = listRuns(project, options).value_or(std::vector<RunRow>());
    for (ClaimLine& line : lines) {
        const std::string name = line.name.toStdString();
        for (const StoredClaim& stored : verdicts)
            if (stored.name == name) {
                line.verdict = verdictOf(project, stored);
                line.state = stored.holds ? ClaimState::Holds : ClaimState::Fails;
            }
        const auto newest = std::find_if(runs.begin(), runs.end(), [&](const RunRow& row) {
            return !row.cells.empty() && textOf(row.cells.front()) == name;
        });
        if (newest != runs.end())
            addNewestRun(project, newest->run, live, line);
    }
    return lines;
}

}  // namespace vitrine
