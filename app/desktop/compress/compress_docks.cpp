// The docks of the Compress workspace and what its runs change in them.
#include "app/desktop/compress/compress_head.h"
#include "app/desktop/compress/compress_workspace.h"
#include "app/desktop/compress/sweep_panel.h"
#include "widgets/compress/model_tree.h"
#include "widgets/runs/run_choice_list.h"
#include "widgets/shell/main_window.h"

#include <QTreeWidget>
#include <cmath>

namespace vitrine {

constexpr int kPanelWidth = 430;

void CompressWorkspace::buildDocks() {
    runs_->setObjectName("compressRuns");
    runs_->setAccessibleName(tr("Compression runs"));
    runs_->setToolTip(tr("Click a run to show it; tick others to see their plans beside it"));
    modelDock_ = addPanel("compressModelDock", tr("Model"), model_, Qt::LeftDockWidgetArea);
    sweepDock_ = addPanel("compressSweepDock", tr("Sweep"), sweep_, Qt::LeftDockWidgetArea);
    runsDock_ = addPanel("compressRunsDock", tr("Runs"), runs_, Qt::LeftDockWidgetArea);
    tabifyDockWidget(modelDock_, sweepDock_);
    tabifyDockWidget(sweepDock_, runsDock_);
    modelDock_->raise();
    resizeDocks({modelDock_}, {kPanelWidth}, Qt::Horizontal);
}

void CompressWorkspace::wireRuns() {
    connect(controller_, &CompressController::runsChanged, this, &CompressWorkspace::refreshRuns);
    connect(controller_, &CompressController::shownChanged, this, &CompressWorkspace::refreshShown);
    connect(controller_, &CompressController::stateChanged, this, &CompressWorkspace::refreshState);
    connect(controller_, &CompressController::measuredChanged, this, &CompressWorkspace::refreshCosts);
    connect(controller_, &CompressController::failed, this,
            [this](const QString& message) { window_->toasts().show(ToastKind::Error, message); });
    connect(controller_, &CompressController::started, this, [this] { followsBest_ = true; });
    connect(controller_, &CompressController::finished, this, [this](const QString& id) {
        window_->toasts().show(ToastKind::Success, tr("Run %1 is done").arg(id));
    });
    connect(controller_, &CompressController::exported, this, [this](const QString& folder) {
        window_->toasts().show(ToastKind::Success, tr("The model is in %1").arg(folder));
    });
    connect(runs_, &RunChoiceList::runChosen, this, [this](const QString& id) {
        window_->commands().run("compress.open", {{"run", id.toStdString()}});
    });
    connect(runs_, &RunChoiceList::comparedChanged, this, [this](const QStringList& ids) {
        Json runs = Json::array();
        for (const QString& id : ids)
            runs.push_back(id.toStdString());
        window_->commands().run("compress.compare", {{"runs", runs}});
    });
}

void CompressWorkspace::refreshState() {
    const int waiting = int(controller_->waiting().size());
    QStringList parts;
    if (!controller_->error().isEmpty())
        parts.append(controller_->error());
    if (controller_->isStarting())
        parts.append(tr("Starting …"));
    if (waiting > 0)
        parts.append(waiting == 1 ? tr("1 sweep waits") : tr("%1 sweeps wait").arg(waiting));
    sweep_->setState(parts.join(QStringLiteral(" · ")), !controller_->error().isEmpty(), waiting);
}

void CompressWorkspace::refreshRuns() {
    const auto shown = controller_->run();
    std::vector<RunChoice> choices;
    for (const CompressRunLine& each : controller_->runs())
        choices.push_back(
            {.run = &each.run,
             .subject = each.model,
             .values = {tr("%1 of %2").arg(each.done).arg(each.plans),
                        std::isfinite(each.best) ? QString::number(each.best, 'f', 3) : QString()},
             .shown = shown && shown->run.id == each.run.id,
             .compared = controller_->compared().contains(QString::fromStdString(each.run.id))});
    runs_->setRuns(choices);
}

}  // namespace vitrine
