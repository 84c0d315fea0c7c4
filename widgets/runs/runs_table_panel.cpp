#include "widgets/runs/runs_table_panel.h"

#include "core/base/file.h"
#include "widgets/runs/column_chooser.h"
#include "widgets/runs/filter_edit.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"
#include "widgets/runs/run_table_view.h"

#include <QAction>
#include <QComboBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QLabel>
#include <QMenu>
#include <QMessageBox>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {
namespace {

QToolButton* toolButton(QAction* action) {
    auto* button = new QToolButton;
    button->setDefaultAction(action);
    button->setObjectName(action->objectName() + ".button");
    button->setToolButtonStyle(Qt::ToolButtonTextOnly);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

}  // namespace

RunsTablePanel::RunsTablePanel(QWidget* parent)
    : QWidget(parent),
      model_(new RunTableModel(this)),
      view_(new RunTableView(model_)),
      filter_(new FilterEdit),
      chooser_(new ColumnChooser(model_, this)),
      groupBy_(new QComboBox),
      count_(new QLabel),
      problem_(new QLabel) {
    addActions();
    addProcessActions();
    groupBy_->setToolTip("Group the runs by a field or parameter; the head of a group shows means");
    groupBy_->setAccessibleName("Group by");
    groupBy_->setMinimumWidth(140);
    groupBy_->setObjectName("runGroupBy");
    count_->setProperty("role", "secondary");
    count_->setObjectName("runCount");
    problem_->setObjectName("runsProblem");
    problem_->setWordWrap(true);
    problem_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    problem_->hide();
    differences_ = toolButton(actions_["onlyDifferences"]);
    columns_ = toolButton(actions_["columns"]);
    trash_ = toolButton(actions_["showTrash"]);
    auto* row = new QHBoxLayout;
    row->setSpacing(6);
    row->addWidget(filter_, 1);
    row->addWidget(groupBy_, 0, Qt::AlignTop);
    for (QToolButton* button : {differences_, columns_, trash_})
        row->addWidget(button, 0, Qt::AlignTop);
    auto* row2 = new QHBoxLayout;
    row2->setSpacing(2);
    for (const char* name : {"star", "tag", "notes", "trash", "restore"})
        row2->addWidget(toolButton(actions_[name]));
    row2->addSpacing(14);
    for (const char* name : {"pause", "continue", "stop", "set", "probe", "resume", "reproduce"})
        row2->addWidget(toolButton(actions_[name]));
    row2->addStretch();
    row2->addWidget(count_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->setSpacing(6);
    layout->addWidget(problem_);
    layout->addLayout(row);
    layout->addLayout(row2);
    layout->addWidget(view_, 1);

    view_->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(view_, &QWidget::customContextMenuRequested, this, &RunsTablePanel::showMenu);
    connect(view_, &RunTableView::columnMenuRequested, this, &RunsTablePanel::showColumnMenu);
    connect(view_, &RunTableView::selectionEdited, this, &RunsTablePanel::updateActions);
    connect(model_, &QAbstractItemModel::modelReset, this, &RunsTablePanel::updateCount);
    connect(model_, &QAbstractItemModel::dataChanged, this, &RunsTablePanel::updateActions);
    connect(groupBy_, &QComboBox::activated, this,
            [this] { model_->setGroupBy(groupBy_->currentData().toString().toStdString()); });
    setColumns({});
    updateActions();
}

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

void RunsTablePanel::setProblem(const QString& text, bool isError) {
    problem_->setText(text);
    problem_->setStyleSheet(isError ? QStringLiteral("color: %1").arg(errorColor(palette()).name())
                                    : QString());
    problem_->setVisible(!text.isEmpty());
}

void RunsTablePanel::showTrash(bool on) {
    if (on != showsTrash())
        actions_["showTrash"]->trigger();
}

bool RunsTablePanel::showsTrash() const {
    return actions_["showTrash"]->isChecked();
}

void RunsTablePanel::setColumns(const std::vector<std::string>& keys) {
    if (keys == columnKeys_ && groupBy_->count() > 0)
        return;  // a refresh must not close the open box
    columnKeys_ = keys;
    model_->setColumns(keys);
    QStringList words{"status", "tag",      "starred", "notes",  "error", "parent", "started",
                      "ended",  "finished", "running", "failed", "and",   "or",     "not"};
    groupBy_->clear();
    groupBy_->addItem("No groups", QString());
    for (const std::string& key : model_->allColumns()) {
        words.append(QString::fromStdString(key));
        if (key != "name" && key != "id" && key != "created" && key != "duration" &&
            !key.starts_with("metrics."))
            groupBy_->addItem("By " + runColumnTitle(key), QString::fromStdString(key));
    }
    groupBy_->setCurrentIndex(std::max(0, groupBy_->findData(QString::fromStdString(model_->groupBy()))));
    words.removeDuplicates();
    filter_->setWords(words);
}

void RunsTablePanel::setOnlyDifferences(bool on) {
    actions_["onlyDifferences"]->setChecked(on);
    model_->setOnlyDifferences(on);
    emit onlyDifferencesChanged(on);
}

void RunsTablePanel::setGroupBy(const QString& key) {
    groupBy_->setCurrentIndex(std::max(0, groupBy_->findData(key)));
    // The key may belong to a project that is still being opened.
    model_->setGroupBy(key.toStdString());
}

void RunsTablePanel::setTotal(int runs) {
    total_ = runs;
    updateCount();
}

void RunsTablePanel::updateCount() {
    const size_t selected = view_->selectedRuns().size();
    QString text = model_->shownRuns() == total_
                       ? QString("%1 runs").arg(total_)
                       : QString("%1 of %2 runs").arg(model_->shownRuns()).arg(total_);
    if (selected)
        text += QString(" · %1 selected").arg(selected);
    count_->setText(text);
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

void RunsTablePanel::showMenu(const QPoint& position) {
    QMenu menu;
    for (const char* name :
         {"star", "tag", "untag", "notes", "rename", "", "pause", "continue", "stop", "set", "probe",
          "resume", "reproduce", "", "trash", "restore", "purge", "", "exportCsv"})
        *name ? menu.addAction(actions_[name]) : void(menu.addSeparator());
    menu.exec(view_->viewport()->mapToGlobal(position));
}

void RunsTablePanel::showColumnMenu(const QString& key, const QPoint& position) {
    const std::string name = key.toStdString();
    auto pinned = model_->pinnedColumns();
    const auto found = std::find(pinned.begin(), pinned.end(), name);
    QMenu menu;
    menu.addAction("Sort ascending", [&] { model_->setSort(name, Qt::AscendingOrder); });
    menu.addAction("Sort descending", [&] { model_->setSort(name, Qt::DescendingOrder); });
    menu.addSeparator();
    menu.addAction(found == pinned.end() ? "Pin column" : "Unpin column", [&] {
        found == pinned.end() ? pinned.push_back(name) : void(pinned.erase(found));
        model_->setPinnedColumns(pinned);
    });
    menu.addAction("Hide column", [&] {
        auto hidden = model_->hiddenColumns();
        hidden.insert(name);
        model_->setHiddenColumns(hidden);
    });
    if (groupBy_->findData(key) >= 0)
        menu.addAction("Group by this", [&] { setGroupBy(key); });
    menu.exec(position);
}

void RunsTablePanel::exportCsv() {
    const QString path = QFileDialog::getSaveFileName(this, "Export table", "runs.csv", "CSV (*.csv)");
    if (path.isEmpty())
        return;
    if (const auto written = saveCsv(path); !written)
        emit failed(QString::fromStdString(written.error().text()));
}

Result<void> RunsTablePanel::saveCsv(const QString& path) {
    VITRINE_TRY_VOID(writeFileAtomically(path.toStdString(), model_->toCsv().toStdString()));
    emit csvExported(path);
    return {};
}

}  // namespace vitrine
