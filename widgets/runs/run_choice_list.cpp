#include "widgets/runs/run_choice_list.h"

#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"

#include <QSignalBlocker>

namespace vitrine {

constexpr int kIdRole = Qt::UserRole;
constexpr int kStateColumn = 2;

RunChoiceList::RunChoiceList(const QString& subject, const QStringList& values, QWidget* parent)
    : QTreeWidget(parent), valueCount_(int(values.size())) {
    setRootIsDecorated(false);
    setUniformRowHeights(true);
    setHeaderLabels(QStringList{tr("run"), subject, tr("state")} + values + QStringList{tr("started")});
    connect(this, &QTreeWidget::itemClicked, this, [this](QTreeWidgetItem* item, int column) {
        if (column > 0)
            emit runChosen(item->data(0, kIdRole).toString());
    });
    connect(this, &QTreeWidget::itemChanged, this, [this](QTreeWidgetItem*, int column) {
        if (column != 0)
            return;
        QStringList ids;
        for (int row = 0; row < topLevelItemCount(); ++row)
            if (topLevelItem(row)->checkState(0) == Qt::Checked)
                ids.append(topLevelItem(row)->data(0, kIdRole).toString());
        emit comparedChanged(ids);
    });
}

void RunChoiceList::setRuns(const std::vector<RunChoice>& runs) {
    const QSignalBlocker blocked(this);
    while (topLevelItemCount() > int(runs.size()))
        delete takeTopLevelItem(topLevelItemCount() - 1);
    QStringList lines;
    for (int row = 0; row < int(runs.size()); ++row) {
        QTreeWidgetItem* item = topLevelItem(row);
        if (!item)
            item = new QTreeWidgetItem(this);
        fill(item, runs[size_t(row)]);
        QStringList cells;
        for (int column = 0; column < columnCount(); ++column)
            cells.append(item->text(column));
        lines.append(cells.join(" "));
    }
    setAccessibleDescription(lines.join("; "));
}

void RunChoiceList::fill(QTreeWidgetItem* item, const RunChoice& choice) {
    const Run& run = *choice.run;
    const QString id = QString::fromStdString(run.id);
    QStringList cells{QString::fromStdString(run.name), choice.subject,
                      QString::fromLatin1(runStatusName(run.status))};
    cells += choice.values.mid(0, valueCount_);
    cells += timeText(run.created);
    QFont font = this->font();
    font.setBold(choice.shown);
    for (int column = 0; column < cells.size(); ++column) {
        item->setText(column, cells[column]);
        item->setFont(column, font);
    }
    item->setData(0, kIdRole, id);
    item->setCheckState(0, choice.compared || choice.shown ? Qt::Checked : Qt::Unchecked);
    item->setForeground(kStateColumn, statusColor(run.status, palette()));
    item->setToolTip(0, tr("Run %1: tick to compare").arg(id));
}

}  // namespace vitrine
