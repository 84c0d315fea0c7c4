#include "app/desktop/distill/distill_controller.h"

#include <algorithm>
#include <csignal>

namespace vitrine {

DistillController::DistillController(QObject* parent) : JobFollower("distillation", "Start one", parent) {}

void DistillController::projectChanged() {
    runs_.clear();
    shown_.clear();
}

Result<void> DistillController::start(const Json& recipe) {
    if (isStarting())
        return fail(ErrorCode::Busy, "a distillation is being started", "distill", "Wait a moment");
    return begin(recipe);
}

void DistillController::readRuns(const std::string& question, std::function<void()> then) {
    using Runs = std::vector<DistillRun>;
    service_.ask<Runs>(
        question, [](const Project& project) { return distillRuns(project); },
        [this, then = std::move(then)](Result<Runs> runs) {
            if (runs) {
                runs_ = std::move(*runs);
                takeRuns();
            } else {
                emit failed(QString::fromStdString(runs.error().text()));
            }
            if (then)
                then();
        });
}

std::vector<const Run*> DistillController::runRows() const {
    std::vector<const Run*> rows;
    for (const DistillRun& each : runs_)
        rows.push_back(&each.run);
    return rows;
}

void DistillController::readShown() {
    if (wanted().empty())
        return;
    using Shown = std::vector<std::shared_ptr<const CockpitRun>>;
    service_.ask<Shown>(
        "shown",
        [ids = shownIds(), known = shown_](const Project& project) -> Result<Shown> {
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
            if (shown->empty() || shown->front()->run.id != wanted())
                return;
            const auto before = run();
            shown_ = std::move(*shown);
            takeShown(before ? std::optional(before->run) : std::nullopt,
                      before && before->events.size() != run()->events.size());
        });
}

void DistillController::askProgress() {
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

Result<void> DistillController::pause() {
    return control({{"command", "pause"}}, tr("Pausing after this step"));
}

Result<void> DistillController::resume(const std::vector<std::pair<std::string, Json>>& changes) {
    VITRINE_TRY(const Run* shown, needRun());
    if (isLive(shown->status)) {
        if (!changes.empty())
            VITRINE_TRY_VOID(set(changes));
        return control({{"command", "resume"}}, {});
    }
    QStringList sets;
    for (const auto& [path, value] : changes)
        sets.append(QString::fromStdString(path + "=" + value.dump()));
    return resumeEnded(sets, tr("Going on from the last checkpoint"));
}

Result<void> DistillController::stop() {
    if (isStarting() && !run()) {
        ::kill(pid_t(startingProcess()), SIGTERM);
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
        VITRINE_TRY_VOID(control({{"command", "set"}, {"key", path}, {"value", value}},
                                 tr("Changing after this step"), [this, path = path](const QString& message) {
                                     emit settingRefused(QString::fromStdString(path), message);
                                 }));
    return {};
}

Result<void> DistillController::exportStudent(const QString& folder) {
    VITRINE_TRY_VOID(needRun());
    const auto shown = run();
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
    files_.ask<LoadedImage>(
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
