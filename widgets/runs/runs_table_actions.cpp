// What can be done to the runs of the table: its actions, when each is possible, what they ask first.
#include "widgets/runs/column_chooser.h"
#include "widgets/runs/filter_edit.h"
#include "widgets/runs/run_columns.h"
#include "widgets/runs/run_table_view.h"
#include "widgets/runs/runs_table_panel.h"

#include <QAction>
#include <QInputDialog>
#include <QLineEdit>
#include <QMessageBox>
#include <QToolButton>
#include <algorithm>

namespace vitrine {

QAction* RunsTablePanel::add(const QString& name, const QString& text, const QString& shortcut,
                             const QString& toolTip, std::function<void()> run) {
    auto* action = new QAction(text, this);
    action->setObjectName("runs." + name);
    action->setShortcut(QKeySequence(shortcut));
    action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    action->setToolTip(shortcut.isEmpty() ? toolTip : QString("%1  (%2)").arg(toolTip, shortcut));
    connect(action, &QAction::triggered, this, [run = std::move(run)] { run(); });
    // Single letters must stay typeable in the filter line, so they belong to the table alone.
    (shortcut.size() == 1 || shortcut == "Del" ? static_cast<QWidget*>(view_) : this)->addAction(action);
    actions_[name] = action;
    return action;
}

void RunsTablePanel::addActions() {
    add("filter", "Filter", "Ctrl+F", "Go to the filter line", [this] { filter_->focusLine(); });
    QAction* differences = add("onlyDifferences", "Only differences", "Ctrl+D",
                               "Hide columns that are the same in all runs shown",
                               [this] { setOnlyDifferences(actions_["onlyDifferences"]->isChecked()); });
    differences->setCheckable(true);
    add("columns", "Columns", "Ctrl+Shift+C", "Choose and pin columns", [this] {
        chooser_->refresh();
        chooser_->move(
            columns_->mapToGlobal(QPoint(columns_->width() - chooser_->minimumWidth(), columns_->height())));
        chooser_->show();
        chooser_->setFocus();
    });
    QAction* showTrash =
        add("showTrash", "Trash", "Ctrl+Shift+T", "Show the runs in the trash instead", [this] {
            emit trashShown(showsTrash());
            updateActions();
        });
    showTrash->setCheckable(true);
    add("star", "★ Star", "S", "Star the selected runs, or take their stars away", [this] {
        const std::vector<Run> runs = view_->selectedRuns();
        const bool all = std::all_of(runs.begin(), runs.end(), [](const Run& run) { return run.starred; });
        edit(all ? RunEdit::Unstar : RunEdit::Star);
    });
    add("tag", "Tag", "T", "Add tags to the selected runs",
        [this] { askText(RunEdit::AddTags, "Add tags", "Tags, separated by commas", {}); });
    add("untag", "Remove tag", "", "Take tags away from the selected runs", [this] {
        const std::vector<Run> runs = view_->selectedRuns();
        askText(RunEdit::RemoveTags, "Remove tags", "Tags, separated by commas",
                runs.empty() ? QString() : sqlValueText(fixedRunValue(runs.front(), "tags", 0)));
    });
    add("notes", "Notes", "N", "Write notes for the selected runs", [this] {
        const std::vector<Run> runs = view_->selectedRuns();
        bool accepted = false;
        const QString before = runs.empty() ? QString() : QString::fromStdString(runs.front().notes);
        const QString label = QString("Notes of %1 run(s)").arg(runs.size());
        const QString text = QInputDialog::getMultiLineText(this, "Notes", label, before, &accepted);
        // The runs as they were when the dialog opened: it tells notes that were changed meanwhile.
        if (accepted && !runs.empty())
            emit editRequested(RunEdit::Notes, runs, text);
    });
    add("rename", "Rename", "F2", "Give the selected run another name", [this] {
        const std::vector<Run> runs = view_->selectedRuns();
        if (runs.size() == 1)
            askText(RunEdit::Rename, "Rename run", "Name", QString::fromStdString(runs.front().name));
    });
    add("trash", "To trash", "Del", "Move the selected runs to the trash", [this] { edit(RunEdit::Trash); });
    add("restore", "Restore", "R", "Take the selected runs out of the trash",
        [this] { edit(RunEdit::Restore); });
    add("purge", "Delete for good", "", "Remove the selected runs and files that only they use",
        [this] { purge(); });
    add("exportCsv", "Export table as CSV", "Ctrl+E", "Save the rows and columns on show",
        [this] { exportCsv(); });
}

void RunsTablePanel::addProcessActions() {
    const auto process = [this](const QString& name, const QString& text, const QString& toolTip,
                                RunAction wanted) {
        add(name, text, "", toolTip, [this, wanted] {
            for (const Run& run : view_->selectedRuns())
                emit actionRequested(wanted, run, {});
        });
    };
    add("set", "Set…", "", "Change a setting of the running job at its next safe point", [this] {
        const std::vector<Run> runs = view_->selectedRuns();
        bool accepted = false;
        const QString text =
            QInputDialog::getText(this, "Change a setting", "Setting and value: learning_rate=1e-4",
                                  QLineEdit::Normal, {}, &accepted);
        for (const Run& run : runs)
            if (accepted && !text.trimmed().isEmpty())
                emit actionRequested(RunAction::Set, run, text.trimmed());
    });
    process("probe", "Probe", "Ask the running job for its newest metrics and its settings",
            RunAction::Probe);
    process("pause", "Pause", "Let the job wait at its next safe point", RunAction::Pause);
    process("continue", "Continue", "Let the paused job go on", RunAction::Continue);
    process("stop", "Stop", "End the job after its next checkpoint; it can be resumed", RunAction::Stop);
    process("resume", "Resume", "Go on from the last checkpoint in a new process", RunAction::Resume);
    process("reproduce", "Reproduce", "Run the stored recipe again as a new run", RunAction::Reproduce);
}

void RunsTablePanel::updateActions() {
    const std::vector<Run> runs = view_->selectedRuns();
    const auto any = [&](auto test) { return std::any_of(runs.begin(), runs.end(), test); };
    for (const char* name : {"star", "tag", "untag", "notes"})
        actions_[name]->setEnabled(!runs.empty());
    actions_["rename"]->setEnabled(runs.size() == 1);
    actions_["trash"]->setEnabled(
        any([](const Run& run) { return run.deletedAt == 0 && !isLive(run.status); }));
    actions_["restore"]->setEnabled(any([](const Run& run) { return run.deletedAt > 0; }));
    actions_["purge"]->setEnabled(actions_["restore"]->isEnabled());
    actions_["pause"]->setEnabled(any([](const Run& run) { return run.status == RunStatus::Running; }));
    actions_["continue"]->setEnabled(any([](const Run& run) { return run.status == RunStatus::Paused; }));
    for (const char* name : {"stop", "set", "probe"})
        actions_[name]->setEnabled(any([](const Run& run) { return isLive(run.status); }));
    actions_["resume"]->setEnabled(runs.size() == 1 && any([](const Run& run) {
                                       return run.status == RunStatus::Interrupted ||
                                              run.status == RunStatus::Cancelled ||
                                              run.status == RunStatus::Failed;
                                   }));
    actions_["reproduce"]->setEnabled(runs.size() == 1);
    updateCount();
}

void RunsTablePanel::edit(RunEdit edit, const QString& text) {
    const std::vector<Run> runs = view_->selectedRuns();
    if (!runs.empty())
        emit editRequested(edit, runs, text);
}

void RunsTablePanel::askText(RunEdit wanted, const QString& title, const QString& label,
                             const QString& before) {
    bool accepted = false;
    const QString text = QInputDialog::getText(this, title, label, QLineEdit::Normal, before, &accepted);
    if (accepted && !text.trimmed().isEmpty())
        edit(wanted, text.trimmed());
}

void RunsTablePanel::purge() {
    const size_t count = view_->selectedRuns().size();
    const auto answer = QMessageBox::question(this, "Delete for good",
                                              QString("Remove %1 run(s) with their metrics and the files "
                                                      "that no other run uses? This cannot be undone.")
                                                  .arg(count));
    if (answer == QMessageBox::Yes)
        edit(RunEdit::Purge);
}

}  // namespace vitrine
