// The rows and columns of the run table: filtering, sorting, grouping, choice of columns.
#include "widgets/runs/run_columns.h"
#include "widgets/runs/run_table_model.h"

#include <algorithm>
#include <chrono>
#include <map>

namespace vitrine {

// Columns kept in memory; a 5,000-run column is some 0.3 MB.
constexpr size_t kMaxCachedColumns = 160;

void RunTableModel::setRuns(Runs runs) {
    now_ = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    // Indices into the old rows are void: what is on show changes before anybody reads it.
    const bool sameRuns = runs->size() == runs_->size() &&
                          std::equal(runs->begin(), runs->end(), runs_->begin(),
                                     [](const Run& a, const Run& b) { return a.number == b.number; });
    for (auto& [key, column] : columns_)
        column.fresh = false;
    asked_.clear();  // what was asked of the rows before need not be answered
    if (sameRuns) {
        runs_ = std::move(runs);
        updateRows(true);
        return;
    }
    beginResetModel();
    runs_ = std::move(runs);
    order_ = sortedRuns();
    rows_ = displayRows();
    endResetModel();
}

void RunTableModel::setColumns(const std::vector<std::string>& keys) {
    if (keys == keys_)
        return;
    keys_ = keys;
    updateColumns();
}

void RunTableModel::setHiddenColumns(std::set<std::string> keys) {
    hidden_ = std::move(keys);
    updateColumns();
}

void RunTableModel::setPinnedColumns(std::vector<std::string> keys) {
    pinned_ = std::move(keys);
    updateColumns();
}

void RunTableModel::setOnlyDifferences(bool on) {
    onlyDifferences_ = on;
    updateColumns();
}

void RunTableModel::setDifferingColumns(std::set<std::string> keys) {
    differing_ = std::move(keys);
    if (onlyDifferences_)
        updateColumns();
}

std::vector<std::string> RunTableModel::allColumns() const {
    std::vector<std::string> out = fixedRunColumns();
    // Metrics first: they are what a run is looked up for.
    for (const char* kind : {"metrics.", "params."})
        for (const std::string& key : keys_)
            if (key.starts_with(kind))
                out.push_back(key);
    return out;
}

int RunTableModel::pinnedCount() const {
    return int(std::count_if(pinned_.begin(), pinned_.end(), [&](const std::string& key) {
        return std::find(shown_.begin(), shown_.end(), key) != shown_.end();
    }));
}

void RunTableModel::updateColumns() {
    const std::vector<std::string> all = allColumns();
    const std::set<std::string> pinned(pinned_.begin(), pinned_.end());
    const std::set<std::string> known(all.begin(), all.end());
    const auto isShown = [&](const std::string& key) {
        return !hidden_.contains(key) && (!onlyDifferences_ || key == "name" || differing_.contains(key));
    };
    std::vector<std::string> shown;
    for (const std::string& key : pinned_)
        if (known.contains(key) && isShown(key))
            shown.push_back(key);
    for (const std::string& key : all)
        if (!pinned.contains(key) && isShown(key))
            shown.push_back(key);
    if (shown == shown_)
        return;
    beginResetModel();
    shown_ = std::move(shown);
    endResetModel();
    emit columnsChanged();
}

void RunTableModel::setFilter(std::optional<std::unordered_set<int64_t>> numbers) {
    filter_ = std::move(numbers);
    updateRows(false);
}

void RunTableModel::setGroupBy(const std::string& key) {
    groupBy_ = key;
    folded_.clear();
    updateRows(true);
}

void RunTableModel::setSort(const std::string& key, Qt::SortOrder order) {
    sortKey_ = key;
    sortOrder_ = order;
    updateRows(false);
}

void RunTableModel::sort(int column, Qt::SortOrder order) {
    if (column >= 0 && column < int(shown_.size()))
        setSort(shown_[column], order);
}

void RunTableModel::toggleGroup(int row) {
    if (!isGroup(row))
        return;
    const QString& title = groups_[rows_[row].group].title;
    if (!folded_.erase(title))
        folded_.insert(title);
    updateRows(true);
}

std::vector<int> RunTableModel::sortedRuns() const {
    std::vector<int> order;
    order.reserve(runs_->size());
    for (int i = 0; i < int(runs_->size()); ++i)
        if (!filter_ || filter_->contains((*runs_)[i].number))
            order.push_back(i);
    std::vector<SqlValue> values(runs_->size());
    for (const int i : order)
        values[i] = value((*runs_)[i], sortKey_);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
        const bool noneA = std::holds_alternative<std::monostate>(values[a]);
        const bool noneB = std::holds_alternative<std::monostate>(values[b]);
        if (noneA || noneB)  // runs without a value come last either way
            return !noneA && noneB;
        return sortOrder_ == Qt::AscendingOrder ? sqlValueLess(values[a], values[b])
                                                : sqlValueLess(values[b], values[a]);
    });
    return order;
}

std::vector<RunTableModel::DisplayRow> RunTableModel::displayRows() {
    std::vector<DisplayRow> rows;
    groups_.clear();
    if (groupBy_.empty()) {
        for (const int run : order_)
            rows.push_back({run, -1});
    } else {
        const auto less = [](const SqlValue& a, const SqlValue& b) { return sqlValueLess(a, b); };
        std::map<SqlValue, std::vector<int>, decltype(less)> members(less);
        for (const int run : order_)
            members[value((*runs_)[run], groupBy_)].push_back(run);
        for (auto& [key, runs] : members) {
            const QString text = runCellText(groupBy_, key);
            groups_.push_back({text.isEmpty() ? QStringLiteral("(none)") : text, std::move(runs)});
            const int group = int(groups_.size()) - 1;
            rows.push_back({-1, group});
            if (!folded_.contains(groups_.back().title))
                for (const int run : groups_.back().members)
                    rows.push_back({run, group});
        }
    }
    rowOfRun_.clear();
    for (int row = 0; row < int(rows.size()); ++row)
        if (rows[row].run >= 0)
            rowOfRun_.insert((*runs_)[rows[row].run].number, row);
    return rows;
}

void RunTableModel::updateRows(bool valuesChanged) {
    std::vector<int> order = sortedRuns();
    if (order == order_ && !valuesChanged)
        return;
    const std::vector<DisplayRow> before = rows_;
    const std::vector<Group> groupsBefore = groups_;
    order_ = std::move(order);
    std::vector<DisplayRow> after = displayRows();
    const bool same =
        std::equal(before.begin(), before.end(), after.begin(), after.end(),
                   [](const auto& a, const auto& b) { return a.run == b.run && a.group == b.group; });
    if (same && groups_.size() == groupsBefore.size()) {
        if (!rows_.empty() && !shown_.empty())
            emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
        return;
    }
    std::vector<Group> groupsAfter = std::exchange(groups_, groupsBefore);
    beginResetModel();
    groups_ = std::move(groupsAfter);
    rows_ = std::move(after);
    endResetModel();
}

void RunTableModel::setColumnValues(const std::string& key, ColumnValues values) {
    asked_.erase(key);
    CachedColumn& column = columns_[key];
    column.values = std::move(values);
    column.fresh = true;
    column.used = ++clock_;
    dropUnusedColumns();
    if (key == sortKey_ || key == groupBy_)
        updateRows(key == groupBy_);
    const auto found = std::find(shown_.begin(), shown_.end(), key);
    if (found != shown_.end() && !rows_.empty()) {
        const int at = int(found - shown_.begin());
        emit dataChanged(index(0, at), index(rowCount() - 1, at));
        emit headerDataChanged(Qt::Horizontal, at, at);
    }
}

void RunTableModel::dropUnusedColumns() {
    while (columns_.size() > kMaxCachedColumns) {
        auto oldest = columns_.end();
        for (auto it = columns_.begin(); it != columns_.end(); ++it)
            if (it->first != sortKey_ && it->first != groupBy_ &&
                (oldest == columns_.end() || it->second.used < oldest->second.used))
                oldest = it;
        columns_.erase(oldest);
    }
}

}  // namespace vitrine
