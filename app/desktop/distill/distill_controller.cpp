#include "app/desktop/distill/distill_controller.h"

#include "core/runs/control_socket.h"

#include <algorithm>
#include <csignal>

namespace vitrine {

constexpr int kPollMs = 500;
constexpr int kRefreshMs = 200;  // several commits in a row are one refresh

DistillController::DistillController(QObject* parent)
    : QObject(parent), service_(true), control_(false), images_(false) {
    poll_.setInterval(kPollMs);
    refresh_.setSingleShot(true);
    refresh_.setInterval(kRefreshMs);
    connect(&service_, &RunService::changed, this, [this] {
        if (!refresh_.isActive())
            refresh_.start();
    });
    connect(&service_, &RunService::openFailed, this, &DistillController::failed);
    connect(&refresh_, &QTimer::timeout, this, &DistillController::refresh);
    connect(&poll_, &QTimer::timeout, this, [this] {
        checkStart();
        askJobNow();
    });
    connect(&processes_, &RunProcesses::failedEarly, this, [this](const QString& message, qint64 process) {
        // With a row, the row says it.
        if (process_ == process || !resuming_.empty())
            startFailed(message);
    });
}

bool DistillController::isBusy() const {
    return isStarting() || !resuming_.empty() || service_.isBusy() || control_.isBusy() || images_.isBusy() ||
           refresh_.isActive();
}

void DistillController::openProject(const std::filesystem::path& folder) {
    if (folder == folder_)
        return;
    folder_ = folder;
    for (RunService* service : {&service_, &control_, &images_})
        service->open(folder);
    runs_.clear();
    shown_.clear();
    compared_.clear();
    wanted_.clear();
    resuming_.clear();
    process_ = 0;
    userChose_ = false;
    job_ = {};
    pending_.clear();
    error_.clear();
    folder.empty() ? poll_.stop() : poll_.start();
    emit runsChanged();
    emit shownChanged();
    emit stateChanged();
    if (!folder.empty())
        refresh();
}

Result<void> DistillController::start(const Json& recipe) {
    if (isStarting())
        return fail(ErrorCode::Busy, "a distillation is being started", "distill", "Wait a moment");
    if (folder_.empty())
        return fail(ErrorCode::InvalidArgument, "no project is open: results are kept in a project", {},
                    "Ctrl+K, then: Open or make a project");
    startedAt_ = nowSeconds();
    VITRINE_TRY(process_, processes_.begin(folder_, recipe));
    error_.clear();
    pending_ = tr("Starting");
    emit stateChanged();
    return {};
}

void DistillController::startFailed(const QString& message) {
    process_ = 0;
    resuming_.clear();
    pending_.clear();
    error_ = message;
    emit stateChanged();
    emit failed(message);
}

// A process that is gone without a row: the log that it left says why (RunProcesses::failedEarly).
void DistillController::checkStart() {
    if (process_ == 0 || ::kill(pid_t(process_), 0) == 0 || service_.isBusy() || refresh_.isActive())
        return;
    using Runs = std::vector<DistillRun>;
    service_.ask<Runs>(
        "gone", [](const Project& project) { return distillRuns(project); },
        [this, gone = process_](Result<Runs> runs) {
            if (runs)
                takeRuns(std::move(*runs));
            if (process_ == gone)
                startFailed(tr("The job ended before it made a run"));
        });
}

void DistillController::refresh() {
    using Runs = std::vector<DistillRun>;
    service_.ask<Runs>(
        "runs", [](const Project& project) { return distillRuns(project); },
        [this](Result<Runs> runs) {
            if (runs)
                takeRuns(std::move(*runs));
            else
                emit failed(QString::fromStdString(runs.error().text()));
        });
}

void DistillController::takeRuns(std::vector<DistillRun> runs) {
    runs_ = std::move(runs);
    for (const DistillRun& each : runs_) {
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
                                       [](const DistillRun& each) { return isLive(each.run.status); });
        wanted_ = live != runs_.end() ? live->run.id : runs_.front().run.id;
    }
    emit runsChanged();
    readShown();
}

void DistillController::readShown() {
    if (wanted_.empty())
        return;
    std::vector<std::string> ids{wanted_};
    for (const QString& id : compared_)
        if (id.toStdString() != wanted_)
            ids.push_back(id.toStdString());
    using Shown = std::vector<std::shared_ptr<const CockpitRun>>;
    service_.ask<Shown>(
        "shown",
        [ids, known = shown_](const Project& project) -> Result<Shown> {
            Shown out;
            for (const std::string& id : ids) {
                const auto before = std::find_if(known.begin(), known.end(),
                                                 [&](const auto& each) { return each->run.id == id; });
                VITRINE_TRY(out.emplace_back(),
                            cockpitRun(project, id, before == known.end() ? nullptr : *before));
            }
            return out;
        },
        [this](Result<Shown> shown) {
            if (!shown) {
                emit failed(QString::fromStdString(shown.error().text()));
                return;
            }
            if (shown->empty() || shown->front()->run.id != wanted_)
                return;
            const auto before = run();
            shown_ = std::move(*shown);
            if (!isLive(run()->run.status))
                job_ = {};
            // What was asked for shows as another state or an event.
            if (resuming_.empty() && process_ == 0 &&
                (!before || before->run.id != run()->run.id || before->run.status != run()->run.status ||
                 before->events.size() != run()->events.size()))
                pending_.clear();
            emit shownChanged();
            emit stateChanged();
            if (before && before->run.id == run()->run.id && isLive(before->run.status) &&
                run()->run.status == RunStatus::Finished)
                emit finished(QString::fromStdString(run()->run.id));
        });
}

Result<std::string> DistillController::idOf(const std::string& text) const {
    auto found =
        std::find_if(runs_.begin(), runs_.end(), [&](const DistillRun& each) { return each.run.id == text; });
    if (found == runs_.end())
        found = std::find_if(runs_.begin(), runs_.end(),
                             [&](const DistillRun& each) { return text == "last" || each.run.name == text; });
    if (found == runs_.end())
        return fail(ErrorCode::NotFound, "this project has no such distillation", text,
                    runs_.empty() ? "Start one" : "Choose one in the list of runs");
    return found->run.id;
}

Result<void> DistillController::open(const std::string& run) {
    VITRINE_TRY(const std::string id, idOf(run));
    userChose_ = true;
    wanted_ = id;
    job_ = {};
    pending_.clear();
    compared_.removeAll(QString::fromStdString(id));
    readShown();
    emit runsChanged();
    return {};
}

Result<void> DistillController::compareWith(const std::vector<std::string>& runs) {
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

void DistillController::askJobNow() {
    const auto shown = run();
    if (!shown || !isLive(shown->run.status) || control_.isBusy())
        return;
    control_.ask<JobAnswer>(
        "job", [id = shown->run.id](const Project& project) { return askJob(project, id); },
        [this, id = shown->run.id](Result<JobAnswer> answer) {
            if (!run() || run()->run.id != id)
                return;
            if (!answer) {  // it starts, or it has ended: the row says what became of it
                refresh();
                return;
            }
            job_ = std::move(*answer);
            emit stateChanged();
        });
}

Result<std::shared_ptr<const CockpitRun>> DistillController::needRun() const {
    if (!run())
        return fail(ErrorCode::InvalidArgument, "no distillation is shown", "distill", "Start or open one");
    return run();
}

Result<void> DistillController::control(const Json& request, const QString& pending) {
    VITRINE_TRY(const auto shown, needRun());
    if (!isLive(shown->run.status))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("this run is {}: there is no job to ask", runStatusName(shown->run.status)),
                    shown->run.id, shown->run.status == RunStatus::Finished ? "" : "Resume it first");
    pending_ = pending;
    emit stateChanged();
    control_.ask<Json>(
        "control " + request.dump(),
        [id = shown->run.id, request](const Project& project) {
            return sendControl(controlSocketPath(project, id), request);
        },
        [this, request](Result<Json> answer) {
            if (!answer) {
                pending_.clear();
                const QString message = QString::fromStdString(answer.error().text());
                if (request["command"] == "set")
                    emit settingRefused(QString::fromStdString(request["key"].get<std::string>()), message);
                emit failed(message);
            }
            emit stateChanged();
            refresh();
        });
    return {};
}

Result<void> DistillController::pause() {
    return control({{"command", "pause"}}, tr("Pausing after this step"));
}

Result<void> DistillController::resume(const std::vector<std::pair<std::string, Json>>& changes) {
    VITRINE_TRY(const auto shown, needRun());
    if (isLive(shown->run.status)) {
        if (!changes.empty())
            VITRINE_TRY_VOID(set(changes));
        return control({{"command", "resume"}}, {});
    }
    if (shown->run.status == RunStatus::Finished)
        return fail(ErrorCode::InvalidArgument, "this run has finished", shown->run.id);
    QStringList sets;
    for (const auto& [path, value] : changes)
        sets.append(QString::fromStdString(path + "=" + value.dump()));
    VITRINE_TRY_VOID(processes_.resume(folder_, shown->run.id, sets));
    resuming_ = shown->run.id;
    endedProcess_ = shown->run.process.pid;
    pending_ = tr("Going on from the last checkpoint");
    // The process may end before its row says that it runs.
    QTimer::singleShot(20'000, this, [this, id = resuming_] {
        if (resuming_ == id)
            startFailed(tr("The run did not start again; see the Runs workspace for its log"));
    });
    emit stateChanged();
    return {};
}

Result<void> DistillController::stop() {
    if (process_ != 0 && !run()) {
        ::kill(pid_t(process_), SIGTERM);
        return {};
    }
    return control({{"command", "stop"}}, tr("Stopping after this step"));
}

Result<void> DistillController::act(const std::string& action) {
    return control({{"command", "do"}, {"action", action}}, {});
}

Result<void> DistillController::set(const std::vector<std::pair<std::string, Json>>& changes) {
    if (changes.empty())
        return fail(ErrorCode::InvalidArgument, "nothing was changed", "distill.set");
    for (const auto& [path, value] : changes)
        VITRINE_TRY_VOID(
            control({{"command", "set"}, {"key", path}, {"value", value}}, tr("Changing after this step")));
    return {};
}

Result<void> DistillController::exportStudent(const QString& folder) {
    VITRINE_TRY(const auto shown, needRun());
    if (shown->student.empty())
        return fail(ErrorCode::NotFound, "this run has stored no student yet", shown->run.id,
                    isLive(shown->run.status) ? "Take a snapshot first, or wait for the end"
                                              : "Resume it; the student is stored at the end");
    control_.ask<QString>(
        "export",
        [shown, folder](const Project& project) -> Result<QString> {
            VITRINE_TRY_VOID(exportStudentFolder(project, *shown, folder.toStdString()));
            return folder;
        },
        [this](Result<QString> done) {
            done ? emit exported(*done) : emit failed(QString::fromStdString(done.error().text()));
        });
    return {};
}

void DistillController::loadImage(const QString& path) {
    images_.ask<LoadedImage>(
        "image " + path.toStdString(),
        [path](const Project&) -> Result<LoadedImage> { return vitrine::loadImage(path); },
        [this, path](Result<LoadedImage> loaded) {
            if (loaded)
                emit imageLoaded(path, loaded->image, loaded->error);
            else
                emit imageLoaded(path, {}, QString::fromStdString(loaded.error().text()));
        });
}

}  // namespace vitrine
