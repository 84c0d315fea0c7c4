#include "widgets/runs/run_table_model.h"

#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"

#include <QApplication>
#include <QFont>
#include <QPainter>
#include <QPixmap>
#include <QTimer>
#include <cmath>

namespace vitrine {
namespace {

QPixmap colorDot(const QColor& color) {
    QPixmap pixmap(20, 20);
    pixmap.setDevicePixelRatio(2);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(color);
    painter.drawEllipse(QPointF(5, 5), 4, 4);
    return pixmap;
}

}  // namespace

RunTableModel::RunTableModel(QObject* parent) : QAbstractTableModel(parent) {
    pinned_ = {"name"};
    hidden_ = {"id", "sweep", "device"};
    shown_ = {};
    updateColumns();
}

int RunTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(rows_.size());
}

int RunTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(shown_.size());
}

const Run* RunTableModel::runAt(int row) const {
    return row >= 0 && row < int(rows_.size()) && rows_[row].run >= 0 ? &(*runs_)[rows_[row].run] : nullptr;
}

int RunTableModel::rowOf(int64_t number) const {
    return rowOfRun_.value(number, -1);
}

std::vector<int64_t> RunTableModel::shownNumbers() const {
    std::vector<int64_t> out;
    for (const int run : order_)
        out.push_back((*runs_)[run].number);
    return out;
}

const SqlValue* RunTableModel::cached(int64_t number, const std::string& key) const {
    static const SqlValue none;
    const auto column = columns_.find(key);
    if (column == columns_.end() || !column->second.fresh)
        want(key);
    if (column == columns_.end() || !column->second.values)
        return nullptr;
    column->second.used = ++clock_;
    const auto found = column->second.values->find(number);
    return found == column->second.values->end() ? &none : &found->second;
}

void RunTableModel::want(const std::string& key) const {
    if (asked_.contains(key))
        return;
    asked_.insert(key);
    // One question for all columns that a repaint touches.
    if (toAsk_.empty())
        QTimer::singleShot(0, const_cast<RunTableModel*>(this), [this] {
            QStringList keys;
            for (const std::string& key : std::exchange(toAsk_, {}))
                keys.append(QString::fromStdString(key));
            emit const_cast<RunTableModel*>(this)->columnsWanted(keys);
        });
    toAsk_.insert(key);
}

SqlValue RunTableModel::value(const Run& run, const std::string& key) const {
    if (isFixedRunColumn(key))
        return fixedRunValue(run, key, now_);
    const SqlValue* found = cached(run.number, key);
    return found ? *found : SqlValue{};
}

QVariant RunTableModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= int(rows_.size()) || index.column() >= int(shown_.size()))
        return {};
    const DisplayRow& row = rows_[index.row()];
    if (row.run < 0)
        return groupData(groups_[row.group], index.column(), role);
    return runData((*runs_)[row.run], shown_[index.column()], index.column(), role);
}

QVariant RunTableModel::groupData(const Group& group, int column, int role) const {
    if (role == Qt::BackgroundRole)
        return QApplication::palette().color(QPalette::AlternateBase);
    if (role == Qt::FontRole) {
        QFont font = QApplication::font();
        font.setBold(true);
        return font;
    }
    if (role == Qt::ToolTipRole && column > 0)
        return QStringLiteral("Mean over the runs of the group");
    if (role == Qt::TextAlignmentRole)
        return int(column == 0 ? Qt::AlignLeft | Qt::AlignVCenter : Qt::AlignRight | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    if (column == 0)
        return QString("%1 %2  (%3)")
            .arg(folded_.contains(group.title) ? QChar(0x25B8) : QChar(0x25BE))
            .arg(group.title)
            .arg(group.members.size());
    const std::string& key = shown_[column];
    if (key == "created" || key == "seed")
        return {};
    double sum = 0;
    int count = 0;
    for (const int run : group.members) {
        const SqlValue cell = value((*runs_)[run], key);
        if (isNumeric(cell) && std::isfinite(numberOf(cell))) {
            sum += numberOf(cell);
            ++count;
        }
    }
    return count ? QVariant(QString("⌀ ") + runCellText(key, sum / count)) : QVariant();
}

QVariant RunTableModel::runData(const Run& run, const std::string& key, int column, int role) const {
    switch (role) {
        case Qt::DisplayRole: {
            if (key == "name")
                return (run.starred ? QString("★ ") : QString()) + QString::fromStdString(run.name);
            if (!isFixedRunColumn(key) && !columns_.contains(key)) {
                want(key);
                return QString("…");
            }
            return runCellText(key, value(run, key));
        }
        case Qt::EditRole:
            return key == "name" ? QString::fromStdString(run.name) : runCellText(key, value(run, key));
        case Qt::DecorationRole:
            if (column == 0 && colors_.contains(run.number))
                return colorDot(colors_[run.number]);
            return {};
        case Qt::ForegroundRole:
            if (key == "status")
                return statusColor(run.status, QApplication::palette());
            return run.deletedAt > 0 ? QVariant(secondaryColor(QApplication::palette())) : QVariant();
        case Qt::TextAlignmentRole:
            return int(Qt::AlignVCenter |
                       (key != "created" && isNumeric(value(run, key)) ? Qt::AlignRight : Qt::AlignLeft));
        case Qt::ToolTipRole:
            if (key == "status" && !run.error.empty())
                return QString::fromStdString(run.error);
            if (key == "notes")
                return QString::fromStdString(run.notes);
            if (key == "name")
                return QString::fromStdString(run.name + "  " + run.id);
            return runColumnTitle(key) + ": " + sqlValueText(value(run, key), 17);
        default:
            return {};
    }
}

QVariant RunTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= int(shown_.size()))
        return {};
    const std::string& key = shown_[section];
    if (role == Qt::DisplayRole)
        return runColumnTitle(key) + (key != sortKey_                    ? QString()
                                      : sortOrder_ == Qt::AscendingOrder ? QString(" ↑")
                                                                         : QString(" ↓"));
    if (role == Qt::ToolTipRole)
        return runColumnToolTip(key);
    if (role == Qt::TextAlignmentRole) {
        const auto column = columns_.find(key);
        const bool numbers =
            key == "seed" || key == "duration" || key.starts_with("metrics.") ||
            (column != columns_.end() && column->second.values && !column->second.values->empty() &&
             isNumeric(column->second.values->begin()->second));
        return int(Qt::AlignVCenter | (numbers ? Qt::AlignRight : Qt::AlignLeft));
    }
    return {};
}

Qt::ItemFlags RunTableModel::flags(const QModelIndex& index) const {
    if (!index.isValid())
        return Qt::NoItemFlags;
    return isGroup(index.row()) ? Qt::ItemIsEnabled : Qt::ItemIsEnabled | Qt::ItemIsSelectable;
}

void RunTableModel::setRunColors(const QHash<qint64, QColor>& colors) {
    if (colors == colors_)
        return;
    colors_ = colors;
    if (!rows_.empty() && !shown_.empty())
        emit dataChanged(index(0, 0), index(rowCount() - 1, 0), {Qt::DecorationRole});
}

QString RunTableModel::toCsv() const {
    QStringList lines, fields;
    std::vector<std::string> keys;
    for (const std::string& key : shown_)
        if (isFixedRunColumn(key) || columns_.contains(key))
            keys.push_back(key);
    for (const std::string& key : keys)
        fields.append(csvField(QString::fromStdString(key)));
    lines.append(fields.join(','));
    for (const int run : order_) {
        fields.clear();
        for (const std::string& key : keys) {
            const SqlValue cell = value((*runs_)[run], key);
            fields.append(csvField(key == "created" ? runCellText(key, cell) : sqlValueText(cell, 17)));
        }
        lines.append(fields.join(','));
    }
    return lines.join('\n') + '\n';
}

}  // namespace vitrine
