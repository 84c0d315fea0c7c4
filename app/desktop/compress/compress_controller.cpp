#include "app/desktop/compress/compress_controller.h"

#include <algorithm>

namespace vitrine {

CompressController::CompressController(QObject* parent)
    : JobFollower("compression", "Queue a sweep", parent) {}

void CompressController::projectChanged() {
    runs_.clear();
    shown_.clear();
    waiting_.clear();
    measured_.clear();
    if (!project().empty())
        readMeasured();
}

bool CompressController::isAtWork() const {
    return isStarting() || isResuming() ||
           std::any_of(runs_.begin(), runs_.end(), [](const auto& each) { return isLive(each.run.status); });
}

Result<void> CompressController::queue(const Json& recipe) {
    if (project().empty() || (!isAtWork() && waiting_.empty()))
        return begin(recipe);
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

void CompressController::startNext() {
    if (waiting_.empty() || isAtWork())
        return;
    const Json recipe = std::move(waiting_.front());
    waiting_.pop_front();
    if (const auto begun = begin(recipe); !begun)
        startFailed(QString::fromStdString(begun.error().text()));
}

void CompressController::readRuns(const std::string& question, std::function<void()> then) {
    using Runs = std::vector<CompressRunLine>;
    service_.ask<Runs>(
        question, [](const Project& project) { return compressRuns(project); },
        [this, then = std::move(then)](Result<Runs> runs) {
            if (runs) {
                runs_ = std::move(*runs);
                takeRuns();
                startNext();
            } else {
                emit failed(QString::fromStdString(runs.error().text()));
            }
            if (then)
                then();
        });
}

std::vector<const Run*> CompressController::runRows() const {
    std::vector<const Run*> rows;
    for (const CompressRunLine& each : runs_)
        rows.push_back(&each.run);
    return rows;
}

void CompressController::readShown() {
    if (wanted().empty())
        return;
    service_.ask<Shown>(
        "shown",
        [ids = shownIds()](const Project& project) -> Result<Shown> {
            Shown out;
            for (const std::string& id : ids) {
                VITRINE_TRY(out.emplace_back(), compressedRun(project, id));
            }
            return out;
        },
        [this](Result<Shown> shown) {
            if (!shown)
                emit failed(QString::fromStdString(shown.error().text()));
            else if (!shown->empty() && shown->front()->run.id == wanted())
                show(std::move(*shown));
        });
}

void CompressController::show(Shown shown) {
    const std::optional<Run> before = run() ? std::optional(run()->run) : std::nullopt;
    shown_ = std::move(shown);
    const Run& now = run()->run;
    if (before && before->id == now.id && isLive(before->status) && !isLive(now.status))
        readMeasured();
    takeShown(before, false);
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

Result<void> CompressController::stop() {
    return control({{"command", "stop"}}, tr("Stopping after this step"));
}

Result<void> CompressController::resume() {
    return resumeEnded({}, tr("Going on behind the last plan"));
}

Result<void> CompressController::exportPlan(const std::string& plan, const QString& folder) {
    VITRINE_TRY_VOID(needRun());
    const auto from = run()->folderOf(plan);
    if (from.empty())
        return fail(ErrorCode::NotFound, "no model of this plan was kept", plan,
                    "Runs keep the best plan's; \"Keep\": all in the recipe keeps every one");
    files_.ask<QString>(
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
