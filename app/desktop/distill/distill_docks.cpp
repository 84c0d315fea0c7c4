// The docks of the Distill workspace: settings while it runs, log, runs.
#include "app/desktop/distill/cockpit_view.h"
#include "app/desktop/distill/distill_workspace.h"
#include "app/desktop/distill/recipe_panel.h"
#include "core/engine/distill_schema.h"
#include "widgets/forms/schema_form.h"
#include "widgets/runs/run_choice_list.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"
#include "widgets/shell/main_window.h"

#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QScrollBar>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <cmath>

namespace vitrine {

constexpr int kPanelWidth = 390;
constexpr int kLogHeight = 120;

void DistillWorkspace::buildDocks() {
    auto* running = new QWidget;
    running->setAttribute(Qt::WA_StyledBackground);
    auto* layout = new QVBoxLayout(running);
    layout->setContentsMargins(8, 6, 8, 6);
    runningNote_->setObjectName("distillRunningNote");
    runningNote_->setWordWrap(true);
    runningNote_->setProperty("role", "secondary");
    apply_->setObjectName("distillApply");
    apply_->setToolTip(
        tr("Takes effect after the step at hand; becomes an event of the run and a mark on its charts"));
    running_->setObjectName("distillRunning");
    running_->setSchema(distillSettingsSchema());
    running_->setOnlyLive(true);
    layout->addWidget(runningNote_);
    layout->addWidget(running_, 1);
    layout->addWidget(apply_);

    runs_->setObjectName("distillRuns");
    runs_->setAccessibleName(tr("Distillation runs"));
    runs_->setToolTip(tr("Click a run to show it; tick others to lay their curves and maps beside it"));
    log_->setObjectName("distillLog");
    log_->setRootIsDecorated(false);
    log_->setUniformRowHeights(true);
    log_->setHeaderLabels({tr("time"), tr("step"), tr("what happened")});
    log_->header()->setStretchLastSection(true);

    recipeDock_ = addPanel("distillRecipeDock", tr("Recipe"), recipe_, Qt::LeftDockWidgetArea);
    runningDock_ = addPanel("distillRunningDock", tr("While it runs"), running, Qt::LeftDockWidgetArea);
    runsDock_ = addPanel("distillRunsDock", tr("Runs"), runs_, Qt::LeftDockWidgetArea);
    QDockWidget* log = addPanel("distillLogDock", tr("Log"), log_, Qt::BottomDockWidgetArea);
    setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
    tabifyDockWidget(recipeDock_, runningDock_);
    tabifyDockWidget(runningDock_, runsDock_);
    recipeDock_->raise();
    resizeDocks({recipeDock_}, {kPanelWidth}, Qt::Horizontal);
    resizeDocks({log}, {kLogHeight}, Qt::Vertical);
}

void DistillWorkspace::refreshLog() {
    const auto run = controller_->run();
    const std::vector<EventLine> lines = run ? eventLines(*run) : std::vector<EventLine>();
    if (log_->topLevelItemCount() > int(lines.size()))
        log_->clear();
    const bool atEnd = log_->verticalScrollBar()->value() >= log_->verticalScrollBar()->maximum() - 2;
    QStringList texts;
    for (int row = 0; row < int(lines.size()); ++row) {
        const EventLine& line = lines[size_t(row)];
        QTreeWidgetItem* item = log_->topLevelItem(row);
        if (!item)
            item = new QTreeWidgetItem(log_);
        const QStringList cells{timeText(line.time), QString::number(line.step), line.text};
        for (int column = 0; column < cells.size(); ++column)
            item->setText(column, cells[column]);
        item->setToolTip(2, line.text);
        item->setForeground(2, line.bad ? QBrush(errorColor(palette())) : QBrush());
        texts.append(line.text);
    }
    for (int column = 0; column < 2; ++column)
        log_->resizeColumnToContents(column);
    log_->setAccessibleName(tr("Log"));
    log_->setAccessibleDescription(texts.join("; "));
    if (atEnd)
        log_->scrollToBottom();
}

// The form of the settings in force; what is typed and not yet applied stays.
void DistillWorkspace::refreshRunning() {
    const auto run = controller_->run();
    const bool live = run && isLive(run->run.status);
    const bool ended = run && !live && run->run.status != RunStatus::Finished;
    running_->setEnabled(live || ended);
    if (run && (runningOf_ != run->run.id || runningSettings_ != run->settings)) {
        const auto pending =
            runningOf_ == run->run.id ? running_->changes() : std::vector<std::pair<std::string, Json>>();
        runningOf_ = run->run.id;
        runningSettings_ = run->settings;
        running_->setBaseline(run->settings);
        Json value = run->settings;
        for (const auto& [path, changed] : pending)
            if (value.contains(pointerOfPath(path)))
                value[pointerOfPath(path)] = changed;
        running_->setValue(value);
    }
    const size_t changes = run ? running_->changes().size() : 0;
    apply_->setEnabled((live || ended) && changes > 0 && running_->isValid());
    apply_->setText(ended         ? tr("Resume with these changes")
                    : changes > 1 ? tr("Apply %1 changes").arg(changes)
                                  : tr("Apply"));
    runningNote_->setText(!run   ? tr("No run is shown.")
                          : live ? tr("What may change while the job runs. Each change is kept in the log "
                                      "and marked on the charts.")
                          : ended
                              ? tr("The job has ended: what is changed here goes with it when it is resumed.")
                              : tr("The run has finished: these were its last settings."));
}

void DistillWorkspace::applyRunning() {
    Json changes = Json::object();
    for (const auto& [path, value] : running_->changes())
        changes[path] = value;
    const auto run = controller_->run();
    window_->commands().run(run && !isLive(run->run.status) ? "distill.resume" : "distill.set",
                            {{"changes", changes}});
}

void DistillWorkspace::refreshRuns() {
    const auto shown = controller_->run();
    std::vector<RunChoice> choices;
    for (const DistillRun& each : controller_->runs())
        choices.push_back(
            {.run = &each.run,
             .subject = each.teachers.join(", "),
             .values = {tr("%1 of %2").arg(each.step).arg(each.steps),
                        std::isfinite(each.loss) ? QString::number(each.loss, 'g', 4) : QString()},
             .shown = shown && shown->run.id == each.run.id,
             .compared = controller_->compared().contains(QString::fromStdString(each.run.id))});
    runs_->setRuns(choices);
}

}  // namespace vitrine
