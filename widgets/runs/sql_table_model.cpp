#include "widgets/runs/run_columns.h"
#include "widgets/runs/sql_console.h"

#include <algorithm>

namespace vitrine {

void SqlTableModel::setTable(SqlTable table) {
    beginResetModel();
    table_ = std::move(table);
    endResetModel();
}

int SqlTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(table_.rows.size());
}

int SqlTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(table_.columns.size());
}

QVariant SqlTableModel::data(const QModelIndex& index, int role) const {
    const SqlValue& value = table_.rows[index.row()][index.column()];
    if (role == Qt::DisplayRole)
        return std::holds_alternative<std::monostate>(value) ? QString("NULL")
                                                             : sqlValueText(value).left(300);
    if (role == Qt::ToolTipRole)
        return sqlValueText(value, 17).left(4000);
    if (role == Qt::TextAlignmentRole)
        return int(Qt::AlignVCenter | (isNumeric(value) ? Qt::AlignRight : Qt::AlignLeft));
    return {};
}

QVariant SqlTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (role != Qt::DisplayRole)
        return {};
    return orientation == Qt::Horizontal ? QVariant(QString::fromStdString(table_.columns[section]))
                                         : QVariant(section + 1);
}

void SqlTableModel::sort(int column, Qt::SortOrder order) {
    if (column < 0 || column >= int(table_.columns.size()))
        return;
    beginResetModel();
    std::stable_sort(table_.rows.begin(), table_.rows.end(), [&](const auto& a, const auto& b) {
        return order == Qt::AscendingOrder ? sqlValueLess(a[column], b[column])
                                           : sqlValueLess(b[column], a[column]);
    });
    endResetModel();
}

QString SqlTableModel::toCsv() const {
    QStringList fields, lines;
    for (const std::string& column : table_.columns)
        fields.append(csvField(QString::fromStdString(column)));
    lines.append(fields.join(','));
    for (const auto& row : table_.rows) {
        fields.clear();
        for (const SqlValue& value : row)
            fields.append(csvField(sqlValueText(value, 17)));
        lines.append(fields.join(','));
    }
    return lines.join('\n') + '\n';
}

}  // namespace vitrine
