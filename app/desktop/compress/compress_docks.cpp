// The docks of the Compress workspace and what its runs change in them.
#include "app/desktop/compress/compress_head.h"
#include "app/desktop/compress/compress_workspace.h"
#include "app/desktop/compress/sweep_panel.h"
#include "widgets/compress/model_tree.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"
#include "widgets/shell/main_window.h"

#include <QSignalBlocker>
#include <QTreeWidget>
#include <cmath>

namespace vitrine {

constexpr int kPanelWidth = 430;
constexpr int kIdRole = Qt::UserRole;

void CompressWorkspace::buildDocks() {
    runs_->setObjectName("compressRuns");
    runs_->setRootIsDecorated(false);
    runs_->setUniformRowHeights(true);
    runs_->setHeaderLabels({tr("run"), tr("model"), tr("state"), tr("plans"), tr("best"), tr("started")});
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
    connect(runs_, &QTreeWidget::itemClicked, this, [this](QTreeWidgetItem* item, int column) {
        if (column > 0)
            window_->commands().run("compress.open",
                                    {{"run", item->data(0, kIdRole).toString().toStdString()}});
    });
    connect(runs_, &QTreeWidget::itemChanged, this, [this](QTreeWidgetItem*, int column) {
        if (column == 0)
            runsEdited();
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
    const QSignalBlocker blocked(runs_);
    const auto shown = controller_->run();
    const auto& list = controller_->runs();
    while (runs_->topLevelItemCount() > int(list.size()))
        delete runs_->takeTopLevelItem(runs_->topLevelItemCount() - 1);
    QStringList lines;
    for (int row = 0; row < int(list.size()); ++row) {
        const CompressRunLine& each = list[size_t(row)];
        QTreeWidgetItem* item = runs_->topLevelItem(row);
        if (!item)
            item = new QTreeWidgetItem(runs_);
        const QString id = QString::fromStdString(each.run.id);
        const bool current = shown && shown->run.id == each.run.id;
        const QStringList cells{QString::fromStdString(each.run.name),
                                each.model,
                                QString::fromLatin1(runStatusName(each.run.status)),
                                tr("%1 of %2").arg(each.done).arg(each.plans),
                                std::isfinite(each.best) ? QString::number(each.best, 'f', 3) : QString(),
                                timeText(each.run.created)};
        for (int column = 0; column < cells.size(); ++column) {
            item->setText(column, cells[column]);
            QFont font = this->font();
            font.setBold(current);
            item->setFont(column, font);
        }
        item->setData(0, kIdRole, id);
        item->setCheckState(0, controller_->compared().contains(id) || current ? Qt::Checked : Qt::Unchecked);
        item->setForeground(2, statusColor(each.run.status, palette()));
        item->setToolTip(0, tr("Run %1: tick to compare").arg(id));
        lines.append(cells.join(" "));
    }
    runs_->setAccessibleName(tr("Compression runs"));
    runs_->setAccessibleDescription(lines.join("; "));
}

void CompressWorkspace::runsEdited() {
    Json ids = Json::array();
    for (int row = 0; row < runs_->topLevelItemCount(); ++row)
        if (runs_->topLevelItem(row)->checkState(0) == Qt::Checked)
            ids.push_back(runs_->topLevelItem(row)->data(0, kIdRole).toString().toStdString());
    window_->commands().run("compress.compare", {{"runs", ids}});
}

}  // namespace vitrine
