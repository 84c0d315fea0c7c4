// A block of a masked matrix as numbers: groups of four with the weights that stay on the colour of their
// pattern, the others struck out; the chosen group is framed. Arrow keys move it.
#pragma once

#include "core/engine/mask_view.h"

#include <QPoint>
#include <QWidget>

namespace vitrine {

class GroupView : public QWidget {
    Q_OBJECT
  public:
    explicit GroupView(QWidget* parent = nullptr);

    // Null: nothing is shown.
    void setView(std::shared_ptr<const MaskView> view);
    // x: group, y: row; kept inside the matrix.
    void setGroup(QPoint group);
    QPoint group() const { return group_; }
    // "row 12, inputs 136–139: keeps 1100, 87 % of the energy …"
    QString text() const;
    QSize sizeHint() const override { return {360, 220}; }
    QSize minimumSizeHint() const override { return {220, 120}; }

  signals:
    void groupMoved(QPoint group);  // by keys or mouse

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    struct Block {
        int64_t firstRow = 0, firstGroup = 0, rows = 0, groups = 0;
        double cellWidth = 0, cellHeight = 0;
    };
    Block block() const;
    void paintGroup(class QPainter& painter, const Block& block, int64_t row, int64_t group) const;

    std::shared_ptr<const MaskView> view_;
    QPoint group_;
};

QColor patternColor(int number);  // -1: of groups that keep another number than two

}  // namespace vitrine
