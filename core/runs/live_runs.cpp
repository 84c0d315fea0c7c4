#include "core/runs/live_runs.h"

#include "core/runs/control_socket.h"

namespace vitrine {
namespace {

Result<std::vector<Run>> runsAtWork(const Project& project) {
    VITRINE_TRY(Statement rows, project.database().prepare(
                                    fmt::format("SELECT {} FROM runs r WHERE status IN ('running','paused') "
                                                "ORDER BY number",
                                                kRunColumns)));
    std::vector<Run> runs;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return runs;
        runs.push_back(readRun(rows));
    }
}

void readStatus(const Json& answer, LiveRun& live) {
    const Json progress = answer.value("progress", Json::object());
    live.progress.stage = progress.value("stage", std::string());
    live.progress.done = progress.value("done", int64_t(0));
    live.progress.total = progress.value("total", int64_t(0));
    live.progress.elapsedSeconds = progress.value("elapsed_seconds", 0.0);
    if (progress.contains("remaining_seconds"))
        live.progress.remainingSeconds = progress["remaining_seconds"].get<double>();
    live.paused = answer.value("status", "") == "paused";
    live.stopping = answer.value("status", "") == "stopping";
}

}  // namespace

std::string LiveRun::text() const {
    const std::string name = run.seed ? fmt::format("{}, seed {}", run.name, *run.seed) : run.name;
    const std::string state = stopping ? "stopping" : paused ? "paused" : progress.text();
    return state.empty() ? name : name + ": " + state;
}

Result<std::vector<LiveRun>> liveRuns(const Project& project, double answerSeconds) {
    VITRINE_TRY(std::vector<Run> runs, runsAtWork(project));
    std::vector<LiveRun> live;
    bool gone = false;
    for (Run& run : runs) {
        if (!isAlive(run.process)) {
            gone = true;
            continue;
        }
        LiveRun one;
        one.paused = run.status == RunStatus::Paused;
        if (const auto answer =
                sendControl(controlSocketPath(project, run.id), Json{{"command", "status"}}, answerSeconds))
            readStatus(*answer, one);
        one.run = std::move(run);
        live.push_back(std::move(one));
    }
    if (gone && !project.readOnly()) {
        VITRINE_TRY_VOID(RunStore(project).markInterruptedIfPossible());
    }
    return live;
}

}  // namespace vitrine
