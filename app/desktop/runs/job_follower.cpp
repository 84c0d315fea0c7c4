#include "app/desktop/runs/job_follower.h"

#include "core/runs/control_socket.h"

#include <algorithm>
#include <csignal>

namespace vitrine {

constexpr int kPollMs = 500;
constexpr int kResumeMs = 20'000;  // the process may end before its row says that it runs

JobFollower::JobFollower(std::string kind, std::string advice, QObject* parent)
    : QObject(parent),
      service_(true),
      control_(false),
      files_(false),
      kind_(std::move(kind)),
      advice_(std::move(advice)) {
    poll_.setInterval(kPollMs);
    connect(&service_, &RunService::changed, this, &JobFollower::refresh);
    // That the project cannot be had is one event for the whole window: the Runs workspace, which follows the
    // same project, says it once.
    connect(&poll_, &QTimer::timeout, this, [this] {
        checkStart();
        askProgress();
    });
    connect(&processes_, &RunProcesses::failedEarly, this, [this](const QString& message, qint64 process) {
        // With a row, the row says it; one that was stopped has ended as it was asked to.
        if (process_ == process || (isResuming() && !message.contains("cancelled")))
            startFailed(message);
    });
}

bool JobFollower::isBusy() const {
    return isStarting() || isResuming() || service_.isBusy() || control_.isBusy() || files_.isBusy();
}

void JobFollower::openProject(const std::filesystem::path& folder) {
    if (folder == folder_)
        return;
    folder_ = folder;
    for (RunService* service : {&service_, &control_, &files_})
        service->open(folder);
    projectChanged();
    forgetProgress();
    compared_.clear();
    wanted_.clear();
    shownLast_.clear();
    resuming_.clear();
    process_ = 0;
    userChose_ = false;
    pending_.clear();
    error_.clear();
    folder.empty() ? poll_.stop() : poll_.start();
    emit runsChanged();
    emit shownChanged();
    emit stateChanged();
    if (!folder.empty())
        refresh();
}

void JobFollower::refresh() {
    readRuns("runs", {});
}

Result<void> JobFollower::begin(const Json& recipe) {
    if (folder_.empty())
        return fail(ErrorCode::InvalidArgument, "no project is open: results are kept in a project", {},
                    "Ctrl+K, then: Open or make a project");
    startedAt_ = nowSeconds();
    VITRINE_TRY(process_, processes_.begin(folder_, recipe));
    userChose_ = false;
    error_.clear();
    pending_ = tr("Starting");
    emit stateChanged();
    return {};
}

void JobFollower::startFailed(const QString& message) {
    process_ = 0;
    resuming_.clear();
    pending_.clear();
    error_ = message;
    emit stateChanged();
    emit failed(message);
}

// A process that is gone without a row: the log that it left says why (RunProcesses::failedEarly).
void JobFollower::checkStart() {
    if (process_ == 0 || ::kill(pid_t(process_), 0) == 0 || service_.isBusy())
        return;
    readRuns("gone", [this, gone = process_] {
        if (process_ == gone)
            startFailed(tr("The job ended before it made a run"));
    });
}

void JobFollower::takeRuns() {
    const std::vector<const Run*> rows = runRows();
    for (const Run* each : rows) {
        // The number of a process of earlier days may come again.
        if (process_ != 0 && each->process.pid == process_ && each->created >= startedAt_) {
            process_ = 0;
            pending_.clear();
            wanted_ = each->id;
            emit started(QString::fromStdString(wanted_));
            emit stateChanged();
        }
        if (each->id == resuming_ && each->process.pid != endedProcess_) {
            resuming_.clear();
            pending_.clear();
            emit stateChanged();
        }
    }
    // A window that was opened anew shows what runs, else what it showed last, else the newest.
    if (wanted_.empty() && !userChose_ && !rows.empty()) {
        auto found =
            std::find_if(rows.begin(), rows.end(), [](const Run* each) { return isLive(each->status); });
        if (found == rows.end())
            found = std::find_if(rows.begin(), rows.end(),
                                 [this](const Run* each) { return each->id == shownLast_; });
        wanted_ = (found != rows.end() ? *found : rows.front())->id;
    }
    emit runsChanged();
    readShown();
}

std::vector<std::string> JobFollower::shownIds() const {
    if (wanted_.empty())
        return {};
    std::vector<std::string> ids{wanted_};
    for (const QString& id : compared_)
        if (id.toStdString() != wanted_)
            ids.push_back(id.toStdString());
    return ids;
}

void JobFollower::takeShown(const std::optional<Run>& before, bool answered) {
    const Run& now = *shownRun();
    const bool same = before && before->id == now.id;
    if (!isLive(now.status))
        forgetProgress();
    // What was asked for shows as another state, or as its own answer.
    if (!isResuming() && process_ == 0 && (!same || before->status != now.status || answered))
        pending_.clear();
    emit shownChanged();
    emit stateChanged();
    if (same && isLive(before->status) && now.status == RunStatus::Finished)
        emit finished(QString::fromStdString(now.id));
}

Result<std::string> JobFollower::idOf(const std::string& text) const {
    const std::vector<const Run*> rows = runRows();
    auto found = std::find_if(rows.begin(), rows.end(), [&](const Run* each) { return each->id == text; });
    if (found == rows.end())
        found = std::find_if(rows.begin(), rows.end(),
                             [&](const Run* each) { return text == "last" || each->name == text; });
    if (found == rows.end())
        return fail(ErrorCode::NotFound, fmt::format("this project has no such {}", kind_), text,
                    rows.empty() ? advice_ : "Choose one in the list of runs");
    return (*found)->id;
}

Result<void> JobFollower::open(const std::string& run) {
    VITRINE_TRY(const std::string id, idOf(run));
    userChose_ = true;
    wanted_ = id;
    forgetProgress();
    pending_.clear();
    compared_.removeAll(QString::fromStdString(id));
    readShown();
    emit runsChanged();
    return {};
}

Result<void> JobFollower::compareWith(const std::vector<std::string>& runs) {
    QStringList ids;
    for (const std::string& run : runs) {
        VITRINE_TRY(const std::string id, idOf(run));
        if (id != wanted_)
            ids.append(QString::fromStdString(id));
    }
    compared_ = ids;
    readShown();
    emit runsChanged();
    return {};
}

Result<const Run*> JobFollower::needRun() const {
    if (const Run* run = shownRun())
        return run;
    return fail(ErrorCode::InvalidArgument, fmt::format("no {} is shown", kind_), {},
                advice_ + ", or open one");
}

Result<void> JobFollower::control(const Json& request, const QString& pending,
                                  std::function<void(const QString&)> refused) {
    VITRINE_TRY(const Run* run, needRun());
    if (!isLive(run->status))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("this run is {}: there is no job to ask", runStatusName(run->status)),
                    run->id, run->status == RunStatus::Finished ? "" : "Resume it first");
    pending_ = pending;
    emit stateChanged();
    control_.ask<Json>(
        "control " + request.dump(),
        [id = run->id, request](const Project& project) {
            return sendControl(controlSocketPath(project, id), request);
        },
        [this, refused = std::move(refused)](Result<Json> answer) {
            if (!answer) {
                pending_.clear();
                const QString message = QString::fromStdString(answer.error().text());
                if (refused)
                    refused(message);
                emit failed(message);
            }
            emit stateChanged();
            refresh();
        });
    return {};
}

Result<void> JobFollower::resumeEnded(const QStringList& sets, const QString& pending) {
    VITRINE_TRY(const Run* run, needRun());
    if (isLive(run->status) || run->status == RunStatus::Finished)
        return fail(ErrorCode::InvalidArgument, fmt::format("this run is {}", runStatusName(run->status)),
                    run->id);
    VITRINE_TRY_VOID(processes_.resume(folder_, run->id, sets));
    resuming_ = run->id;
    endedProcess_ = run->process.pid;
    error_.clear();
    pending_ = pending;
    QTimer::singleShot(kResumeMs, this, [this, id = resuming_] {
        if (resuming_ == id)
            startFailed(tr("The run did not start again; see the Runs workspace for its log"));
    });
    emit stateChanged();
    return {};
}

}  // namespace vitrine
