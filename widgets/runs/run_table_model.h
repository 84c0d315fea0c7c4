// The run table: thousands of runs by hundreds of columns. Rows are given whole, the values of a parameter or
// metric column only once a cell of it is drawn: the model asks with columnsWanted() and is answered with
// setColumnValues(). Filtering is the owner's (by run numbers); sorting, grouping and the choice of columns
// are done here. Interface thread only.
#pragma once

#include "core/runs/run_store.h"

#include <QAbstractTableModel>
#include <QColor>
#include <QHash>
#include <QStringList>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace vitrine {

class RunTableModel : public QAbstractTableModel {
    Q_OBJECT
  public:
    using Runs = std::shared_ptr<const std::vector<Run>>;
    using ColumnValues = std::shared_ptr<const std::unordered_map<int64_t, SqlValue>>;  // by run number

    explicit RunTableModel(QObject* parent = nullptr);

    // All rows; cached column values stay on show until fresh ones arrive.
    void setRuns(Runs runs);
    // Every column that some run has ("params.KEY", "metrics.KEY"), beside the fixed ones.
    void setColumns(const std::vector<std::string>& keys);
    void setColumnValues(const std::string& key, ColumnValues values);
    // Run numbers that are shown; nothing: all.
    void setFilter(std::optional<std::unordered_set<int64_t>> numbers);
    // "" for none; else a fixed column, params.KEY or metrics.KEY. Groups stand in the order of their value.
    void setGroupBy(const std::string& key);
    void toggleGroup(int row);  // folds or unfolds the group whose head is `row`
    // Hides the columns that are the same in all runs shown; the owner names those that differ.
    void setOnlyDifferences(bool on);
    void setDifferingColumns(std::set<std::string> keys);
    void setHiddenColumns(std::set<std::string> keys);
    void setPinnedColumns(std::vector<std::string> keys);  // stand first, in this order
    void setSort(const std::string& key, Qt::SortOrder order);
    void setRunColors(const QHash<qint64, QColor>& colors);  // dot before the name of runs on the charts

    const std::vector<std::string>& shownColumns() const { return shown_; }
    std::vector<std::string> allColumns() const;
    const std::set<std::string>& hiddenColumns() const { return hidden_; }
    const std::vector<std::string>& pinnedColumns() const { return pinned_; }
    int pinnedCount() const;  // of shown ones
    bool onlyDifferences() const { return onlyDifferences_; }
    const std::string& groupBy() const { return groupBy_; }
    const std::string& sortKey() const { return sortKey_; }
    Qt::SortOrder sortOrder() const { return sortOrder_; }

    const Run* runAt(int row) const;  // null for the head of a group
    bool isGroup(int row) const { return row >= 0 && row < int(rows_.size()) && rows_[row].run < 0; }
    int rowOf(int64_t number) const;  // -1 if not shown
    int shownRuns() const { return int(order_.size()); }
    std::vector<int64_t> shownNumbers() const;
    // Value of any column for a run; NULL while it is being fetched.
    SqlValue value(const Run& run, const std::string& key) const;
    // The rows on show as CSV; columns whose values have not been fetched are left out.
    QString toCsv() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    void sort(int column, Qt::SortOrder order) override;

  signals:
    void columnsWanted(const QStringList& keys);
    void columnsChanged();

  private:
    struct DisplayRow {
        int run;    // index into runs_; -1: head of the group
        int group;  // -1: no groups
    };
    struct Group {
        QString title;
        std::vector<int> members;
    };
    struct CachedColumn {
        ColumnValues values;
        bool fresh = false;
        mutable uint64_t used = 0;
    };

    const SqlValue* cached(int64_t number, const std::string& key) const;
    void want(const std::string& key) const;
    void dropUnusedColumns();
    void updateColumns();
    // Filters, sorts and groups anew; a reset only if the rows on show changed.
    void updateRows(bool valuesChanged);
    std::vector<int> sortedRuns() const;
    std::vector<DisplayRow> displayRows();
    QVariant groupData(const Group& group, int column, int role) const;
    QVariant runData(const Run& run, const std::string& key, int column, int role) const;

    Runs runs_ = std::make_shared<std::vector<Run>>();
    std::vector<std::string> keys_, shown_, pinned_;
    std::set<std::string> hidden_, differing_;
    bool onlyDifferences_ = false;
    std::optional<std::unordered_set<int64_t>> filter_;
    std::string groupBy_, sortKey_ = "created";
    Qt::SortOrder sortOrder_ = Qt::DescendingOrder;
    std::set<QString> folded_;
    std::vector<int> order_;  // runs that pass the filter, sorted
    std::vector<Group> groups_;
    std::vector<DisplayRow> rows_;
    QHash<qint64, int> rowOfRun_;
    QHash<qint64, QColor> colors_;
    double now_ = 0;
    std::unordered_map<std::string, CachedColumn> columns_;
    mutable std::set<std::string> asked_, toAsk_;
    mutable uint64_t clock_ = 0;
};

}  // namespace vitrine
