// Reads the project's database with SQL: an editor with the earlier and the saved queries, and a table of
// what came back. The owner carries the query out.
#pragma once

#include "core/runs/sql_console.h"

#include <QAbstractTableModel>
#include <QStringList>
#include <QWidget>

class QComboBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;
class QTableView;

namespace vitrine {

class SqlTableModel : public QAbstractTableModel {
    Q_OBJECT
  public:
    using QAbstractTableModel::QAbstractTableModel;
    void setTable(SqlTable table);
    const SqlTable& table() const { return table_; }
    QString toCsv() const;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    void sort(int column, Qt::SortOrder order) override;

  private:
    SqlTable table_;
};

struct SavedQuery {
    QString name;
    QString sql;
};

class SqlConsole : public QWidget {
    Q_OBJECT
  public:
    explicit SqlConsole(QWidget* parent = nullptr);

    void setSql(const QString& sql);
    QString sql() const;
    void run();
    void setResult(SqlTable table);
    void setError(const QString& error);
    void setSaved(const QList<SavedQuery>& queries);
    const QList<SavedQuery>& saved() const { return saved_; }
    const QStringList& history() const { return history_; }  // newest first
    void setHistory(const QStringList& history);
    SqlTableModel* model() { return model_; }

  signals:
    void runRequested(const QString& sql);
    void savedChanged();
    void stopRequested();  // of the query that runs
    void failed(const QString& message);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void saveQuery();
    void removeQuery();
    void exportCsv();
    void setRunning(bool running);
    void step(int direction);  // through the history
    void fillQueries();

    QPlainTextEdit* editor_;
    bool running_ = false;
    QComboBox* queries_;
    QPushButton *run_, *export_;
    QLabel* status_;
    QTableView* table_;
    SqlTableModel* model_;
    QList<SavedQuery> saved_;
    QStringList history_;
    int position_ = -1;
    QString draft_;
};

}  // namespace vitrine
