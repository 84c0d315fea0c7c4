// A table of results: sorted by a click on its header, copied as CSV (Ctrl+C: the selected cells, or all).
#pragma once

#include <QAbstractTableModel>
#include <QTableView>
#include <functional>
#include <vector>

namespace vitrine {

// The first header and every row have the same number of cells.
struct TableContent {
    QStringList header;
    std::vector<QVariantList> rows;  // numbers are right-aligned and sorted by value; invalid: no value
    int decimals = 3;                // of numbers that are not whole
    // Columns whose numbers lie in [0, 1] and are shaded by them; -1: none.
    int firstShaded = -1;
    int significant = 0;     // above 0: digits that count, in place of decimals
    QStringList headerTips;  // what the columns mean, with their units; may be empty
};

class DataTable : public QTableView {
    Q_OBJECT
  public:
    explicit DataTable(QWidget* parent = nullptr);

    void setContent(TableContent content);
    const TableContent& content() const { return content_; }
    // RFC 4180 with a header line; numbers in full.
    QString toCsv(bool onlySelected = false) const;
    void copy();

  signals:
    void rowChosen(int row);  // of the content as given

  protected:
    void keyPressEvent(QKeyEvent* event) override;

  private:
    class Model;
    TableContent content_;
    Model* model_;
};

}  // namespace vitrine
