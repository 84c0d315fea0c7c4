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
#include <QLabel>
#include <QMenu>
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
