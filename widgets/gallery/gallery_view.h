// A grid of thumbnails over any number of pictures: only what is visible is laid out, painted and decoded.
// Arrow keys move, Shift and Ctrl extend, Enter opens. While the scroll bar is dragged, a label says where
// one is.
#pragma once

#include <QAbstractScrollArea>

namespace vitrine {

class GalleryModel;
class SelectionManager;
class ThumbnailStore;

class GalleryView : public QAbstractScrollArea {
    Q_OBJECT
  public:
    GalleryView(GalleryModel* model, ThumbnailStore* thumbnails, SelectionManager* selection,
                QWidget* parent = nullptr);

    void setCellSide(int side);
    int cellSide() const { return cellSide_; }
    // Rows of the model that are visible now.
    QPair<int, int> visibleRows() const;
    void scrollTo(int row);
    // Rectangle of a cell in viewport coordinates.
    QRect cellRect(int row) const;
    // False while the thumbnail of this row is awaited.
    bool hasThumbnail(int row) const;
    // Selects the picture of this row and scrolls to it.
    void goTo(int row) { selectRow(row, {}); }

  signals:
    void activated(const QString& path);  // Enter or double click

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    bool viewportEvent(QEvent* event) override;

  private:
    int columns() const;
    int cellHeight() const { return cellSide_ + 20; }
    int rowAt(QPoint position) const;
    void updateScrollBar();
    void requestVisible();
    void paintCell(QPainter& painter, int row) const;
    void paintPlace(QPainter& painter) const;
    void selectRow(int row, Qt::KeyboardModifiers modifiers);

    GalleryModel* model_;
    ThumbnailStore* thumbnails_;
    SelectionManager* selection_;
    int cellSide_ = 112;
    int anchor_ = 0, current_ = 0;
};

}  // namespace vitrine
