// Table view whose first columns (the model's pinned ones) stay in place while the others scroll. All rows
// have one height, no column is measured: opening costs the same for ten rows and ten thousand.
#pragma once

#include "widgets/runs/run_table_model.h"

#include <QTableView>

namespace vitrine {

class RunTableView : public QTableView {
    Q_OBJECT
  public:
    explicit RunTableView(RunTableModel* model, QWidget* parent = nullptr);

    // Selected runs in the order of the table; the current one first.
    std::vector<Run> selectedRuns() const;
    void selectRuns(const std::vector<int64_t>& numbers);
    void scrollTo(const QModelIndex& index, ScrollHint hint = EnsureVisible) override;

  signals:
    void selectionEdited();  // the user or selectRuns() changed the selection
    void columnMenuRequested(const QString& key, const QPoint& globalPosition);

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;
    QModelIndex moveCursor(CursorAction action, Qt::KeyboardModifiers modifiers) override;

  private:
    void styleView(QTableView* view);
    void placePinned();
    void setWidths();
    int pinnedWidth() const;
    void rememberSelection();
    void restoreSelection();

    RunTableModel* model_;
    QTableView* pinned_;  // on top of this view's left part
    QHash<QString, int> widths_;
    std::vector<int64_t> remembered_;
    int64_t rememberedCurrent_ = 0;
    int rememberedScroll_ = 0;
    int rememberedColumnScroll_ = 0;
    bool restoring_ = false;
};

}  // namespace vitrine
