// Which columns the run table shows and which of them are pinned: a list with two boxes a row and a search
// line.
#pragma once

#include "widgets/runs/run_table_model.h"

#include <QFrame>

class QLineEdit;
class QTreeWidget;
class QTreeWidgetItem;

namespace vitrine {

class ColumnChooser : public QFrame {
    Q_OBJECT
  public:
    explicit ColumnChooser(RunTableModel* model, QWidget* parent = nullptr);

    void refresh();  // takes the columns from the model

  private:
    void filter(const QString& text);
    void apply(QTreeWidgetItem* item);
    void setAll(bool shown);  // those that the search line leaves

    RunTableModel* model_;
    QLineEdit* search_;
    QTreeWidget* list_;
};

}  // namespace vitrine
