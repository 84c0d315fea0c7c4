#include "widgets/base/data_table.h"

#include "widgets/base/theme.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QKeyEvent>
#include <QSortFilterProxyModel>
#include <algorithm>

namespace vitrine {
namespace {

bool isNumber(const QVariant& value) {
    return value.typeId() == QMetaType::Double || value.typeId() == QMetaType::LongLong ||
           value.typeId() == QMetaType::Int;
}

QString csvCell(const QVariant& value) {
    QString text =
        value.typeId() == QMetaType::Double ? QString::number(value.toDouble(), 'g', 9) : value.toString();
    if (text.contains(',') || text.contains('"') || text.contains('\n') || text.contains('\r'))
        text = '"' + text.replace('"', "\"\"") + '"';
    return text;
}

}  // namespace

class DataTable::Model : public QAbstractTableModel {
  public:
    Model(const TableContent& content, QObject* parent) : QAbstractTableModel(parent), content_(content) {}
    void reset(const std::function<void()>& change) {
        beginResetModel();
        change();
        endResetModel();
    }
    int rowCount(const QModelIndex& parent) const override {
        return parent.isValid() ? 0 : int(content_.rows.size());
    }
    int columnCount(const QModelIndex& parent) const override {
        return parent.isValid() ? 0 : int(content_.header.size());
    }
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override {
        if (role == Qt::DisplayRole && orientation == Qt::Horizontal)
            return content_.header.value(section);
        if (role == Qt::ToolTipRole && orientation == Qt::Horizontal && section < content_.headerTips.size())
            return content_.headerTips[section];
        return {};
    }
    QVariant data(const QModelIndex& index, int role) const override {
        QVariant value = content_.rows[size_t(index.row())].value(index.column());
        if (role == Qt::DisplayRole)
            return value.typeId() != QMetaType::Double ? value.toString()
                   : content_.significant > 0 ? QString::number(value.toDouble(), 'g', content_.significant)
                                              : QString::number(value.toDouble(), 'f', content_.decimals);
        if (role == Qt::ToolTipRole)
            return csvCell(value);
        if (role == Qt::UserRole)
            return value;
        if (role == Qt::TextAlignmentRole)
            return int(Qt::AlignVCenter | (isNumber(value) ? Qt::AlignRight : Qt::AlignLeft));
        if (role == Qt::BackgroundRole && content_.firstShaded >= 0 &&
            index.column() >= content_.firstShaded && value.isValid()) {
            QColor shade = Theme::instance().colors().accent;
            shade.setAlphaF(float(std::clamp(value.toDouble(), 0.0, 1.0)) * 0.6f);
            return shade;
        }
        return {};
    }

  private:
    const TableContent& content_;
};

DataTable::DataTable(QWidget* parent) : QTableView(parent), model_(new Model(content_, this)) {
    auto* sorted = new QSortFilterProxyModel(this);
    sorted->setSortRole(Qt::UserRole);
    sorted->setSourceModel(model_);
    setModel(sorted);
    setSortingEnabled(true);
    setFrameShape(QFrame::NoFrame);
    setShowGrid(false);
    setAlternatingRowColors(true);
    verticalHeader()->hide();
    verticalHeader()->setDefaultSectionSize(24);
    setHorizontalScrollMode(ScrollPerPixel);
    connect(selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this, sorted](const QModelIndex& now) {
                if (now.isValid())
                    emit rowChosen(sorted->mapToSource(now).row());
            });
    connect(&Theme::instance(), &Theme::changed, viewport(), qOverload<>(&QWidget::update));
}

void DataTable::setContent(TableContent content) {
    model_->reset([&] { content_ = std::move(content); });
    // As given, until a header is clicked.
    sortByColumn(-1, Qt::AscendingOrder);
    resizeColumnsToContents();
    for (int column = 0; column < content_.header.size(); ++column)
        setColumnWidth(column, std::min(columnWidth(column), 220));
}

QString DataTable::toCsv(bool onlySelected) const {
    const QAbstractItemModel& shown = *model();
    QStringList lines, cells;
    for (const QString& name : content_.header)
        cells.append(csvCell(name));
    lines.append(cells.join(','));
    for (int row = 0; row < shown.rowCount(); ++row) {
        if (onlySelected && !selectionModel()->rowIntersectsSelection(row))
            continue;
        cells.clear();
        for (int column = 0; column < shown.columnCount(); ++column)
            cells.append(csvCell(shown.index(row, column).data(Qt::UserRole)));
        lines.append(cells.join(','));
    }
    return lines.join('\n') + '\n';
}

void DataTable::copy() {
    QGuiApplication::clipboard()->setText(toCsv(selectionModel()->selectedIndexes().size() > 1));
}

void DataTable::keyPressEvent(QKeyEvent* event) {
    if (event->matches(QKeySequence::Copy))
        return copy();
    QTableView::keyPressEvent(event);
}

}  // namespace vitrine
