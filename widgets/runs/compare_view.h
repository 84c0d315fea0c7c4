// Several runs beside each other: one line per parameter, metric and property of the environment, one column
// per run; cells that differ from the first run are marked, numbers with their change in per cent.
#pragma once

#include "core/runs/run_query.h"

#include <QAbstractTableModel>
#include <QWidget>

class QCheckBox;
class QLabel;
class QLineEdit;
class QTableView;

namespace vitrine {

class CompareModel : public QAbstractTableModel {
    Q_OBJECT
  public:
    using QAbstractTableModel::QAbstractTableModel;

    void setComparison(std::vector<Run> runs, std::vector<ComparedValue> lines);
    void setOnlyDifferences(bool on);
    void setSearch(const QString& text);
    QString toCsv() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    void update();

    std::vector<Run> runs_;
    std::vector<ComparedValue> lines_;
    std::vector<int> shown_;
    bool onlyDifferences_ = true;
    QString search_;
};

class CompareView : public QWidget {
    Q_OBJECT
  public:
    explicit CompareView(QWidget* parent = nullptr);
    void setComparison(std::vector<Run> runs, std::vector<ComparedValue> lines);
    void setNotice(const QString& text);
    CompareModel* model() { return model_; }

  private:
    CompareModel* model_;
    QTableView* table_;
    QCheckBox* differences_;
    QLineEdit* search_;
    QLabel* notice_;
};

}  // namespace vitrine
