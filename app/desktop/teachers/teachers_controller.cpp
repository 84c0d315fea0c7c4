#include "app/desktop/teachers/teachers_controller.h"

#include "core/runs/control_socket.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace vitrine {

constexpr int kPollMs = 400;

TeachersController::TeachersController(QObject* parent) : QObject(parent), service_(true), control_(false) {
    poll_.setInterval(kPollMs);
    connect(&service_, &RunService::changed, this, &TeachersController::refresh);
    connect(&poll_, &QTimer::timeout, this, &TeachersController::askProgress);
    connect(&service_, &RunService::openFailed, this,
            [this](const QString& message) { stopFollowing(message); });
    connect(&processes_, &RunProcesses::failedEarly, this, [this](const QString& message, qint64 process) {
        // With a row, the row says it; an earlier job may be found dead after a new one was started.
        if (process_ == process)
            stopFollowing(message);
    });
}

void TeachersController::openProject(const std::filesystem::path& folder) {
    if (folder == folder_)
        return;
    folder_ = folder;
    for (RunService* service : {&service_, &control_})
        service->open(folder);
    runs_.clear();
    shown_.reset();
    stopFollowing({});
    emit runsChanged();
    emit shownChanged();
    if (!folder.empty())
        refresh();
}

void TeachersController::setSettings(const CollectSettings& settings) {
    settings_ = settings;
    emit settingsChanged();
}

Result<void> TeachersController::collect() {
    if (isCollecting())
        return fail(ErrorCode::Busy, "statistics are being collected", followed_, "Wait, or cancel the run");
    if (folder_.empty())
        return fail(ErrorCode::InvalidArgument, "no project is open: results are kept in a project", {},
                    "Ctrl+K, then: Open or make a project");
    VITRINE_TRY(const Json recipe, settings_.recipe());
    VITRINE_TRY(process_, processes_.begin(folder_, recipe));
    progress_ = {tr("Starting"), 0, 0};
    error_.clear();
    poll_.start();
    emit stateChanged();
    return {};
}

Result<void> TeachersController::cancel() {
    if (!isCollecting())
        return fail(ErrorCode::InvalidArgument, "no statistics are being collected");
    stopping_ = true;
    emit stateChanged();
    if (followed_.empty()) {
        ::kill(pid_t(process_), SIGTERM);
        return {};
    }
    control_.ask<Json>(
        "cancel",
        [run = followed_](const Project& project) {
            return sendControl(controlSocketPath(project, run), Json{{"command", "stop"}});
        },
        [this](Result<Json> answer) {
            if (answer)
                return;
            stopping_ = false;
            error_ = QString::fromStdString(answer.error().text());
            emit stateChanged();
        });
    return {};
}

void TeachersController::refresh() {
    using Runs = std::vector<StatisticsRun>;
    service_.ask<Runs>(
        "runs", [](const Project& project) { return statisticsRuns(project); },
        [this](Result<Runs> runs) {
            if (!runs) {
                error_ = QString::fromStdString(runs.error().text());
                emit stateChanged();
                return;
            }
            runs_ = std::move(*runs);
            emit runsChanged();
            follow();
        });
}

// After each look at the runs: which one is to be followed, and whether the followed one has ended.
void TeachersController::follow() {
    for (const StatisticsRun& each : runs_)
        if (process_ != 0 && each.run.process.pid == process_) {
            followed_ = each.run.id;
            process_ = 0;
        }
    if (!isCollecting() && !shown_ && error_.isEmpty() && !runs_.empty()) {
        // A window that was opened anew: what still runs, else the newest results.
        const auto wanted = std::find_if(runs_.begin(), runs_.end(), [](const StatisticsRun& each) {
            return isLive(each.run.status) || each.run.status == RunStatus::Finished;
        });
        if (wanted != runs_.end())
            open(wanted->run.id);
    }
    const auto run = std::find_if(runs_.begin(), runs_.end(),
                                  [&](const StatisticsRun& each) { return each.run.id == followed_; });
    if (followed_.empty() || run == runs_.end() || isLive(run->run.status) ||
        run->run.status == RunStatus::Queued)
        return;
    const std::string id = followed_;
    if (run->run.status != RunStatus::Finished)
        return stopFollowing(
            run->run.error.empty()
                ? tr("Run %1 was %2").arg(QString::fromStdString(id), runStatusName(run->run.status))
                : QString::fromStdString(run->run.error));
    stopFollowing({});
    load(id);
    emit finished(QString::fromStdString(id));
}

void TeachersController::open(const std::string& runId) {
    const auto run = std::find_if(runs_.begin(), runs_.end(),
                                  [&](const StatisticsRun& each) { return each.run.id == runId; });
    if (run == runs_.end() || !isLive(run->run.status))
        return load(runId);
    if (isCollecting())
        return;
    followed_ = runId;
    progress_ = {};
    error_.clear();
    poll_.start();
    emit stateChanged();
}

void TeachersController::load(const std::string& runId) {
    service_.ask<LoadedStatistics>(
        "load", [runId](const Project& project) { return loadStatistics(project, runId); },
        [this](Result<LoadedStatistics> loaded) {
            if (loaded) {
                shown_ = std::make_shared<const LoadedStatistics>(std::move(*loaded));
                error_.clear();
                emit shownChanged();
            } else {
                error_ = QString::fromStdString(loaded.error().text());
            }
            emit stateChanged();
        });
}

void TeachersController::askProgress() {
    // A process that is gone without a row, or whose row says nothing of its end yet.
    if (process_ != 0 && ::kill(pid_t(process_), 0) != 0 && !service_.isBusy()) {
        const int64_t gone = process_;
        using Runs = std::vector<StatisticsRun>;
        service_.ask<Runs>(
            "gone", [](const Project& project) { return statisticsRuns(project); },
            [this, gone](Result<Runs> runs) {
                if (!runs || process_ != gone)
                    return;
                runs_ = std::move(*runs);
                emit runsChanged();
                follow();
                if (process_ == gone)
                    stopFollowing(tr("The job ended before it made a run"));
            });
    }
    if (followed_.empty() || control_.isBusy())
        return;
    control_.ask<RunProgress>(
        "progress", [run = followed_](const Project& project) { return runProgress(project, run); },
        [this](Result<RunProgress> progress) {
            // Nothing answers while it starts and after it has ended: the row says what became of it.
            if (!isCollecting())
                return;
            if (!progress) {
                refresh();
                return;
            }
            progress_ = *progress;
            emit stateChanged();
        });
}

void TeachersController::stopFollowing(const QString& error) {
    poll_.stop();
    process_ = 0;
    followed_.clear();
    progress_ = {};
    stopping_ = false;
    error_ = error;
    emit stateChanged();
}

}  // namespace vitrine
