#include "widgets/runs/lineage_view.h"

#include "widgets/runs/run_colors.h"

#include <QGraphicsItem>
#include <QKeyEvent>
#include <QPainter>
#include <QScrollBar>
#include <QStyleOptionGraphicsItem>
#include <QWheelEvent>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kWidth = 170, kHeight = 46, kStepX = 240, kStepY = 64;
constexpr double kSmallestFit = 0.7;

class NodeItem : public QGraphicsItem {
  public:
    NodeItem(const LineageNode& node, bool focus, const QPalette& palette)
        : node_(node), focus_(focus), palette_(palette) {
        setFlag(ItemIsSelectable);
        setToolTip(QString::fromStdString(node.kind + " " + node.reference));
        const int hue = node.kind == "run" ? 0 : node.kind == "model" ? 1 : node.kind == "dataset" ? 2 : 5;
        color_ = seriesColor(hue, palette);
    }
    const LineageNode& node() const { return node_; }
    QRectF boundingRect() const override { return QRectF(0, 0, kWidth, kHeight).adjusted(-2, -2, 2, 2); }

    void paint(QPainter* painter, const QStyleOptionGraphicsItem*, QWidget*) override {
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(
            QPen(isSelected() || focus_ ? color_ : palette_.color(QPalette::Mid), isSelected() ? 2.5 : 1.5));
        painter->setBrush(isSelected() ? palette_.color(QPalette::Highlight)
                                       : palette_.color(QPalette::Base));
        painter->drawRoundedRect(QRectF(0, 0, kWidth, kHeight), 6, 6);
        painter->setPen(Qt::NoPen);
        painter->setBrush(color_);
        painter->drawRoundedRect(QRectF(7, 8, 4, kHeight - 16), 2, 2);
        const QFontMetrics metrics(painter->font());
        painter->setPen(palette_.color(QPalette::WindowText));
        const QString label = QString::fromStdString(node_.label);
        painter->drawText(QRectF(18, 5, kWidth - 26, 19), Qt::AlignVCenter,
                          metrics.elidedText(label, Qt::ElideMiddle, int(kWidth) - 26));
        painter->setPen(secondaryColor(palette_));
        painter->drawText(
            QRectF(18, 23, kWidth - 26, 18), Qt::AlignVCenter,
            metrics.elidedText(QString::fromStdString(node_.kind), Qt::ElideRight, int(kWidth) - 26));
    }

  private:
    LineageNode node_;
    bool focus_;
    QPalette palette_;
    QColor color_;
};

}  // namespace

LineageView::LineageView(QWidget* parent) : QGraphicsView(parent) {
    setScene(new QGraphicsScene(this));
    setRenderHint(QPainter::Antialiasing);
    setDragMode(ScrollHandDrag);
    setFrameShape(QFrame::NoFrame);
    setTransformationAnchor(AnchorUnderMouse);
    setAccessibleName("Lineage of the selected run");
    setToolTip(
        "What the run was made from, and what was made from it. Wheel zooms; double click or Return opens a "
        "run.");
    connect(scene(), &QGraphicsScene::selectionChanged, this, [this] {
        for (QGraphicsItem* item : scene()->selectedItems())
            if (auto* node = dynamic_cast<NodeItem*>(item))
                emit nodeSelected(QString::fromStdString(node->node().kind),
                                  QString::fromStdString(node->node().reference));
    });
}

void LineageView::setGraph(const LineageGraph& graph, const std::string& focusRun) {
    graph_ = graph;
    focus_ = focusRun;
    rebuild();
    fit();
}

QString LineageView::selectedKey() const {
    for (QGraphicsItem* item : scene()->selectedItems())
        if (auto* node = dynamic_cast<NodeItem*>(item))
            return QString::fromStdString(node->node().key);
    return {};
}

void LineageView::rebuild() {
    scene()->clear();
    setBackgroundBrush(palette().color(QPalette::Window));
    std::vector<QPointF> places;
    for (const LineageNode& node : graph_.nodes) {
        auto* item = new NodeItem(node, node.kind == "run" && node.reference == focus_, palette());
        places.emplace_back(node.layer * kStepX, node.row * kStepY);
        item->setPos(places.back());
        item->setZValue(1);
        scene()->addItem(item);
    }
    const QColor edge = secondaryColor(palette());
    for (const LineageLink& link : graph_.links) {
        const QPointF from = places[link.from] + QPointF(kWidth, kHeight / 2);
        const QPointF to = places[link.to] + QPointF(-3, kHeight / 2);
        QPainterPath path(from);
        const double bend = std::max(30.0, (to.x() - from.x()) / 2);
        path.cubicTo(from + QPointF(bend, 0), to - QPointF(bend, 0), to);
        scene()->addPath(path, QPen(edge, 1.4));
        scene()->addPolygon(QPolygonF({to + QPointF(3, 0), to + QPointF(-5, -4), to + QPointF(-5, 4)}),
                            Qt::NoPen, edge);
    }
    setSceneRect(scene()->itemsBoundingRect().adjusted(-30, -30, 30, 30));
}

void LineageView::fit() {
    resetTransform();
    const QRectF area = sceneRect();
    if (area.width() > viewport()->width() || area.height() > viewport()->height())
        fitInView(area, Qt::KeepAspectRatio);
    // A large graph stays legible: what does not fit is panned to.
    if (transform().m11() < kSmallestFit) {
        resetTransform();
        scale(kSmallestFit, kSmallestFit);
        for (QGraphicsItem* item : scene()->items())
            if (auto* node = dynamic_cast<NodeItem*>(item); node && node->node().reference == focus_)
                centerOn(node);
    }
}

void LineageView::resizeEvent(QResizeEvent* event) {
    QGraphicsView::resizeEvent(event);
    fit();
}

void LineageView::wheelEvent(QWheelEvent* event) {
    const double factor = std::pow(1.0015, event->angleDelta().y());
    if (const double next = transform().m11() * factor; next > 0.1 && next < 5)
        scale(factor, factor);
}

void LineageView::activate() {
    const QString key = selectedKey();
    if (key.startsWith("run:"))
        emit runActivated(key.mid(4));
}

void LineageView::mouseDoubleClickEvent(QMouseEvent* event) {
    QGraphicsView::mouseDoubleClickEvent(event);
    activate();
}

void LineageView::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Return:
        case Qt::Key_Enter:
            return activate();
        case Qt::Key_Left:
        case Qt::Key_Right:
        case Qt::Key_Up:
        case Qt::Key_Down:
            return moveSelection(event->key());
        case Qt::Key_0:
            return fit();
        default:
            QGraphicsView::keyPressEvent(event);
    }
}

// To the nearest node in the direction of the key.
void LineageView::moveSelection(int key) {
    const QString current = selectedKey();
    NodeItem* from = nullptr;
    NodeItem* best = nullptr;
    for (QGraphicsItem* item : items())
        if (auto* node = dynamic_cast<NodeItem*>(item);
            node && (QString::fromStdString(node->node().key) == current ||
                     (current.isEmpty() && node->node().reference == focus_)))
            from = node;
    if (!from)
        return;
    double nearest = std::numeric_limits<double>::infinity();
    for (QGraphicsItem* item : scene()->items())
        if (auto* node = dynamic_cast<NodeItem*>(item); node && node != from) {
            const QPointF way = node->pos() - from->pos();
            const double along = key == Qt::Key_Left    ? -way.x()
                                 : key == Qt::Key_Right ? way.x()
                                 : key == Qt::Key_Up    ? -way.y()
                                                        : way.y();
            const bool horizontal = key == Qt::Key_Left || key == Qt::Key_Right;
            const double across = std::abs(horizontal ? way.y() : way.x());
            if (along > 1 && along + 2 * across < nearest) {
                nearest = along + 2 * across;
                best = node;
            }
        }
    scene()->clearSelection();
    (best ? best : from)->setSelected(true);
    ensureVisible(best ? best : from);
}

void LineageView::changeEvent(QEvent* event) {
    QGraphicsView::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        rebuild();
}

}  // namespace vitrine
