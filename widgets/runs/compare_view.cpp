#include "widgets/runs/compare_view.h"

#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"

#include <QApplication>
#include <QCheckBox>
#include <QClipboard>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>
#include <cmath>

namespace vitrine {

void CompareModel::setComparison(std::vector<Run> runs, std::vector<ComparedValue> lines) {
    beginResetModel();
    runs_ = std::move(runs);
    lines_ = std::move(lines);
    update();
    endResetModel();
}

void CompareModel::setOnlyDifferences(bool on) {
    beginResetModel();
    onlyDifferences_ = on;
    update();
    endResetModel();
}

void CompareModel::setSearch(const QString& text) {
    beginResetModel();
    search_ = text;
    update();
    endResetModel();
}

void CompareModel::update() {
    shown_.clear();
    for (int i = 0; i < int(lines_.size()); ++i)
        if ((lines_[i].differs || !onlyDifferences_) &&
            QString::fromStdString(lines_[i].key).contains(search_, Qt::CaseInsensitive))
            shown_.push_back(i);
}

int CompareModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(shown_.size());
}

int CompareModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() || runs_.empty() ? 0 : int(runs_.size()) + 1;
}

QVariant CompareModel::data(const QModelIndex& index, int role) const {
    const ComparedValue& line = lines_[shown_[index.row()]];
    const int run = index.column() - 1;
    if (run < 0)
        return role == Qt::DisplayRole || role == Qt::ToolTipRole ? QString::fromStdString(line.key)
                                                                  : QVariant();
    const SqlValue& value = line.values[run];
    const bool differs = value != line.values[0];
    switch (role) {
        case Qt::DisplayRole: {
            if (std::holds_alternative<std::monostate>(value))
                return QString("–");
            QString text = sqlValueText(value);
            const double first = numberOf(line.values[0]);
            const double change = (numberOf(value) - first) / std::abs(first) * 100;
            if (differs && isNumeric(value) && isNumeric(line.values[0]) && std::isfinite(change))
                text += QString("   %1%2 %")
                            .arg(change > 0 ? "+" : "")
                            .arg(change, 0, 'f', std::abs(change) < 10 ? 1 : 0);
            return text;
        }
        case Qt::ToolTipRole:
            return sqlValueText(value, 17);
        case Qt::BackgroundRole:
            return differs ? QVariant(differenceColor(QApplication::palette())) : QVariant();
        default:
            return {};
    }
}

QVariant CompareModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section > int(runs_.size()))
        return {};
    if (role == Qt::TextAlignmentRole)
        return int(Qt::AlignLeft | Qt::AlignVCenter);
    if (role == Qt::DisplayRole)
        return section == 0 ? QString("Key") : QString::fromStdString(runs_[section - 1].name);
    if (role == Qt::ToolTipRole && section > 0)
        return QString::fromStdString(runs_[section - 1].id) +
               (section == 1 ? "\nThe others are compared with this run" : "");
    return {};
}

QString CompareModel::toCsv() const {
    QStringList fields{"key"}, lines;
    for (const Run& run : runs_)
        fields.append(csvField(QString::fromStdString(run.name + " " + run.id)));
    lines.append(fields.join(','));
    for (const int i : shown_) {
        fields = {csvField(QString::fromStdString(lines_[i].key))};
        for (const SqlValue& value : lines_[i].values)
            fields.append(csvField(sqlValueText(value, 17)));
        lines.append(fields.join(','));
    }
    return lines.join('\n') + '\n';
}

CompareView::CompareView(QWidget* parent)
    : QWidget(parent),
      model_(new CompareModel(this)),
      table_(new QTableView),
      differences_(new QCheckBox("Only differences")),
      search_(new QLineEdit),
      notice_(new QLabel) {
    differences_->setChecked(true);
    differences_->setToolTip("Leave out lines that are the same in all runs");
    search_->setPlaceholderText("Search keys");
    search_->setClearButtonEnabled(true);
    search_->setMaximumWidth(260);
    notice_->setProperty("role", "secondary");
    auto* copy = new QPushButton("Copy as CSV");
    copy->setToolTip("Copy the lines on show");
    table_->setModel(model_);
    table_->setAccessibleName("Comparison of the selected runs");
    table_->setShowGrid(false);
    table_->setWordWrap(false);
    table_->setTabKeyNavigation(false);
    table_->setAlternatingRowColors(true);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    table_->verticalHeader()->setDefaultSectionSize(26);
    table_->horizontalHeader()->setDefaultSectionSize(170);
    table_->horizontalHeader()->setHighlightSections(false);
    auto* tools = new QHBoxLayout;
    tools->addWidget(differences_);
    tools->addWidget(search_);
    tools->addWidget(notice_);
    tools->addStretch();
    tools->addWidget(copy);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->addLayout(tools);
    layout->addWidget(table_, 1);
    connect(differences_, &QCheckBox::toggled, model_, &CompareModel::setOnlyDifferences);
    connect(search_, &QLineEdit::textChanged, model_, &CompareModel::setSearch);
    connect(copy, &QPushButton::clicked, this,
            [this] { QApplication::clipboard()->setText(model_->toCsv()); });
    setNotice("Select two or more runs to compare them.");
}

void CompareView::setComparison(std::vector<Run> runs, std::vector<ComparedValue> lines) {
    model_->setComparison(std::move(runs), std::move(lines));
    if (model_->columnCount() > 0)
        table_->setColumnWidth(0, 240);
}

void CompareView::setNotice(const QString& text) {
    notice_->setText(text);
}

}  // namespace vitrine
