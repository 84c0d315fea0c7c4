// The lineage graph of a run: data and models on the left, what was made from them to the right. A click
// selects; arrow keys go along the graph; the wheel zooms, dragging pans.
#pragma once

#include "widgets/runs/lineage_layout.h"

#include <QGraphicsView>

namespace vitrine {

class LineageView : public QGraphicsView {
    Q_OBJECT
  public:
    explicit LineageView(QWidget* parent = nullptr);

    void setGraph(const LineageGraph& graph, const std::string& focusRun);
    int nodeCount() const { return int(graph_.nodes.size()); }
    QString selectedKey() const;

  signals:
    void runActivated(const QString& id);  // double click or Return on a run
    void nodeSelected(const QString& kind, const QString& reference);

  protected:
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void rebuild();
    void fit();
    void activate();
    void moveSelection(int key);

    LineageGraph graph_;
    std::string focus_;
};

}  // namespace vitrine
