// Items as points in 3-D with their thumbnails; Shift and drag draws a lasso that selects. Linked to the
// selection manager: selected and highlighted points are marked, a click selects.
#pragma once

#include "widgets/plots/vtk_view.h"

#include <QImage>
#include <QPolygonF>
#include <QStringList>
#include <functional>
#include <vector>

namespace vitrine {

class SelectionManager;

class EmbeddingPlot : public VtkView {
    Q_OBJECT
  public:
    explicit EmbeddingPlot(SelectionManager* selection, QWidget* parent = nullptr);
    ~EmbeddingPlot() override;

    // `coordinates`: x, y, z per item.
    void setPoints(const QStringList& items, const std::vector<float>& coordinates);
    // Small picture of an item; null where there is none yet.
    void setThumbnailSource(std::function<QImage(const QString&)> source) { thumbnail_ = std::move(source); }
    // Items that are shown with their picture: all of a small set, an even choice of a large one.
    QStringList pictured() const;
    // Items whose points lie inside a polygon in widget coordinates.
    QStringList itemsInside(const QPolygonF& lasso) const;

  signals:
    void menuRequested(QPoint globalPosition);  // a click of the right button; dragging it pans

  protected:
    void paintOverlay(QPainter& painter) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;

  private:
    int nearestItem(QPointF position) const;
    void recolor();

    struct Scene;
    std::unique_ptr<Scene> scene_;
    SelectionManager* selection_;
    QStringList items_;
    std::vector<float> coordinates_;
    std::function<QImage(const QString&)> thumbnail_;
    QPolygonF lasso_;
    QPointF pressed_;
    bool lassoing_ = false;
};

}  // namespace vitrine
