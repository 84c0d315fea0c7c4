#include "app/desktop/compress/compress_controller.h"

#include "core/runs/control_socket.h"

#include <algorithm>
#include <csignal>

namespace vitrine {

constexpr int kPollMs = 500;
constexpr int kRefreshMs = 200;    // several commits in a row are one refresh
constexpr int kResumeMs = 20'000;  // the process may end before its row says that it runs

CompressController::CompressController(QObject* parent)
    : QObject(parent), service_(true), control_(false), copies_(false) {
    poll_.setInterval(kPollMs);
    refresh_.setSingleShot(true);
    refresh_.setInterval(kRefreshMs);
    connect(&service_, &RunService::changed, this, [this] {
        if (!refresh_.isActive())
            refresh_.start();
    });
    connect(&service_, &RunService::openFailed, this, &CompressController::failed);
    connect(&refresh_, &QTimer::timeout, this, &CompressController::refresh);
    connect(&poll_, &QTimer::timeout, this, [this] {
        checkStart();
        askProgress();
    });
    connect(&processes_, &RunProcesses::failedEarly, this, [this](const QString& message, qint64 process) {
        // With a row, the row says it; one that was stopped has ended as it was asked to.
        if (process_ == process || (!resuming_.empty() && !message.contains("cancelled")))
            startFailed(message);
    });
}

bool CompressController::isBusy() const {
    return isStarting() || !resuming_.empty() || service_.isBusy() || control_.isBusy() || copies_.isBusy() ||
           refresh_.isActive();
}

void CompressController::openProject(const std::filesystem::path& folder) {
    if (folder == folder_)
        return;
    folder_ = folder;
    for (RunService* service : {&service_, &control_, &copies_})
        service->open(folder);
    runs_.clear();
    shown_.clear();
    waiting_.clear();
    measured_.clear();
    compared_.clear();
    wanted_.clear();
    resuming_.clear();
    process_ = 0;
    userChose_ = false;
    progress_ = {};
    pending_.clear();
    error_.clear();
    folder.empty() ? poll_.stop() : poll_.start();
    emit runsChanged();
    emit shownChanged();
    emit stateChanged();
    if (!folder.empty()) {
        refresh();
        readMeasured();
    }
}

bool CompressController::isAtWork() const {
    return isStarting() || !resuming_.empty() ||
           std::any_of(runs_.begin(), runs_.end(), [](const auto& each) { return isLive(each.run.status); });
}

Result<void> CompressController::queue(const Json& recipe) {
    if (folder_.empty())
        return fail(ErrorCode::InvalidArgument, "no project is open: results are kept in a project", {},
                    "Ctrl+K, then: Open or make a project");
    if (!isAtWork() && waiting_.empty())
        return start(recipe);
    waiting_.push_back(recipe);
    emit stateChanged();
    return {};
}

Result<void> CompressController::dropWaiting() {
    if (waiting_.empty())
        return fail(ErrorCode::InvalidArgument, "no sweep waits", "compress");
    waiting_.clear();
    emit stateChanged();
    return {};
}

Result<void> CompressController::start(const Json& recipe) {
    startedAt_ = nowSeconds();
    VITRINE_TRY(process_, processes_.begin(folder_, recipe));
    userChose_ = false;
    error_.clear();
    pending_ = tr("Starting");
    emit stateChanged();
    return {};
}

void CompressController::startNext() {
    if (waiting_.empty() || isAtWork())
        return;
    const Json recipe = std::move(waiting_.front());
    waiting_.pop_front();
    if (const auto begun = start(recipe); !begun)
        startFailed(QString::fromStdString(begun.error().text()));
}

void CompressController::startFailed(const QString& message) {
    process_ = 0;
    resuming_.clear();
    pending_.clear();
    error_ = message;
    emit stateChanged();
    emit failed(message);
}

// A process that is gone without a row: the log that it left says why (RunProcesses::failedEarly).
void CompressController::checkStart() {
    if (process_ == 0 || ::kill(pid_t(process_), 0) == 0 || service_.isBusy() || refresh_.isActive())
        return;
    using Runs = std::vector<CompressRunLine>;
    service_.ask<Runs>(
        "gone", [](const Project& project) { return compressRuns(project); },
        [this, gone = process_](Result<Runs> runs) {
            if (runs)
                takeRuns(std::move(*runs));
            if (process_ == gone)
                startFailed(tr("The job ended before it made a run"));
        });
}

void CompressController::refresh() {
    using Runs = std::vector<CompressRunLine>;
    service_.ask<Runs>(
        "runs", [](const Project& project) { return compressRuns(project); },
        [this](Result<Runs> runs) {
            if (runs)
                takeRuns(std::move(*runs));
            else
                emit failed(QString::fromStdString(runs.error().text()));
        });
}

void CompressController::takeRuns(std::vector<CompressRunLine> runs) {
    runs_ = std::move(runs);
    for (const CompressRunLine& each : runs_) {
        // The number of a process of earlier days may come again.
        if (process_ != 0 && each.run.process.pid == process_ && each.run.created >= startedAt_) {
            process_ = 0;
            pending_.clear();
            wanted_ = each.run.id;
            emit started(QString::fromStdString(wanted_));
            emit stateChanged();
        }
        if (each.run.id == resuming_ && each.run.process.pid != endedProcess_) {
            resuming_.clear();
            pending_.clear();
            emit stateChanged();
        }
    }
    // A window that was opened anew shows what runs, else the newest.
    if (wanted_.empty() && !userChose_ && !runs_.empty()) {
        const auto live = std::find_if(runs_.begin(), runs_.end(),
                                       [](const CompressRunLine& each) { return isLive(each.run.status); });
        wanted_ = live != runs_.end() ? live->run.id : runs_.front().run.id;
    }
    emit runsChanged();
    readShown();
    startNext();
}

void CompressController::readShown() {
    if (wanted_.empty())
        return;
    std::vector<std::string> ids{wanted_};
    for (const QString& id : compared_)
        if (id.toStdString() != wanted_)
            ids.push_back(id.toStdString());
    service_.ask<Shown>(
        "shown",
        [ids](const Project& project) -> Result<Shown> {
            Shown out;
            for (const std::string& id : ids) {
                VITRINE_TRY(out.emplace_back(), compressedRun(project, id));
            }
            return out;
        },
        [this](Result<Shown> shown) {
            if (!shown)
                emit failed(QString::fromStdString(shown.error().text()));
            else if (!shown->empty() && shown->front()->run.id == wanted_)
                takeShown(std::move(*shown));
        });
}

void CompressController::takeShown(Shown shown) {
    const auto before = run();
    shown_ = std::move(shown);
    const bool same = before && before->run.id == run()->run.id;
    if (!isLive(run()->run.status))
        progress_ = {};
    // What was asked for shows as another state.
    if (resuming_.empty() && process_ == 0 && !(same && before->run.status == run()->run.status))
        pending_.clear();
    emit shownChanged();
    emit stateChanged();
    if (same && isLive(before->run.status) && !isLive(run()->run.status)) {
        readMeasured();
        if (run()->run.status == RunStatus::Finished)
            emit finished(QString::fromStdString(run()->run.id));
    }
}

void CompressController::readMeasured() {
    using Measured = std::vector<MeasuredPlan>;
    control_.ask<Measured>(
        "measured", [](const Project& project) { return measuredPlans(project); },
        [this](Result<Measured> measured) {
            if (!measured)
                return;
            measured_ = std::move(*measured);
            emit measuredChanged();
        });
}

Result<std::string> CompressController::idOf(const std::string& text) const {
    auto found =
        std::find_if(runs_.begin(), runs_.end(), [&](const auto& each) { return each.run.id == text; });
    if (found == runs_.end())
        found = std::find_if(runs_.begin(), runs_.end(),
                             [&](const auto& each) { return text == "last" || each.run.name == text; });
    if (found == runs_.end())
        return fail(ErrorCode::NotFound, "this project has no such compression", text,
                    runs_.empty() ? "Queue a sweep" : "Choose one in the list of runs");
    return found->run.id;
}

Result<void> CompressController::open(const std::string& run) {
    VITRINE_TRY(const std::string id, idOf(run));
    userChose_ = true;
    wanted_ = id;
    progress_ = {};
    pending_.clear();
    compared_.removeAll(QString::fromStdString(id));
    readShown();
    emit runsChanged();
    return {};
}

Result<void> CompressController::compareWith(const std::vector<std::string>& runs) {
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

void CompressController::askProgress() {
    const auto shown = run();
    if (!shown || !isLive(shown->run.status) || control_.isBusy())
        return;
    control_.ask<CompressProgress>(
        "progress", [id = shown->run.id](const Project& project) { return compressProgress(project, id); },
        [this, id = shown->run.id](Result<CompressProgress> answer) {
            if (!run() || run()->run.id != id)
                return;
            if (!answer) {  // it starts, or it has ended: the row says what became of it
                refresh();
                return;
            }
            progress_ = std::move(*answer);
            emit stateChanged();
        });
}

Result<std::shared_ptr<const CompressedRun>> CompressController::needRun() const {
    if (!run())
        return fail(ErrorCode::InvalidArgument, "no compression is shown", "compress",
                    "Queue a sweep or open a run");
    return run();
}

Result<void> CompressController::stop() {
    VITRINE_TRY(const auto shown, needRun());
    if (!isLive(shown->run.status))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("this run is {}: there is no job to stop", runStatusName(shown->run.status)),
                    shown->run.id);
    pending_ = tr("Stopping after this step");
    emit stateChanged();
    control_.ask<Json>(
        "stop",
        [id = shown->run.id](const Project& project) {
            return sendControl(controlSocketPath(project, id), {{"command", "stop"}});
        },
        [this](Result<Json> answer) {
            if (!answer) {
                pending_.clear();
                emit failed(QString::fromStdString(answer.error().text()));
            }
            emit stateChanged();
            refresh();
        });
    return {};
}

Result<void> CompressController::resume() {
    VITRINE_TRY(const auto shown, needRun());
    if (isLive(shown->run.status) || shown->run.status == RunStatus::Finished)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("this run is {}", runStatusName(shown->run.status)), shown->run.id);
    VITRINE_TRY_VOID(processes_.resume(folder_, shown->run.id));
    resuming_ = shown->run.id;
    endedProcess_ = shown->run.process.pid;
    error_.clear();
    pending_ = tr("Going on behind the last plan");
    QTimer::singleShot(kResumeMs, this, [this, id = resuming_] {
        if (resuming_ == id)
            startFailed(tr("The run did not start again; see the Runs workspace for its log"));
    });
    emit stateChanged();
    return {};
}

Result<void> CompressController::exportPlan(const std::string& plan, const QString& folder) {
    VITRINE_TRY(const auto shown, needRun());
    const auto from = shown->folderOf(plan);
    if (from.empty())
        return fail(ErrorCode::NotFound, "no model of this plan was kept", plan,
                    "Runs keep the best plan's; \"Keep\": all in the recipe keeps every one");
    copies_.ask<QString>(
        "export",
        [from, folder](const Project&) -> Result<QString> {
            VITRINE_TRY_VOID(copyModelFolder(from, folder.toStdString()));
            return folder;
        },
        [this](Result<QString> done) {
            done ? emit exported(*done) : emit failed(QString::fromStdString(done.error().text()));
        });
    return {};
}

}  // namespace vitrine
