#include "widgets/plots/embedding_plot.h"

#include "widgets/base/selection_manager.h"
#include "widgets/base/theme.h"

#include <vtkActor.h>
#include <vtkCellArray.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkPolyDataMapper.h>
#include <vtkProperty.h>
#include <vtkRenderer.h>
#include <vtkUnsignedCharArray.h>

#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace vitrine {

constexpr int kMaxThumbnails = 160, kThumbnailSide = 34;
constexpr double kPointSide = 6;  // device-independent pixels
static const QString kSource = QStringLiteral("embedding");

struct EmbeddingPlot::Scene {
    vtkNew<vtkPolyData> data;
    vtkNew<vtkPolyDataMapper> mapper;
    vtkNew<vtkActor> actor;
};

EmbeddingPlot::EmbeddingPlot(SelectionManager* selection, QWidget* parent)
    : VtkView(parent), scene_(std::make_unique<Scene>()), selection_(selection) {
    setObjectName("embeddingPlot");
    setMouseTracking(true);
    setToolTip(tr("Drag: turn · right drag: move · wheel: zoom · Shift and drag: lasso · double click: all"));
    scene_->mapper->SetInputData(scene_->data);
    scene_->actor->SetMapper(scene_->mapper);
    scene_->actor->GetProperty()->SetRenderPointsAsSpheres(false);
    scene_->actor->GetProperty()->SetLighting(false);
    renderer()->AddActor(scene_->actor);
    for (const auto changed : {&SelectionManager::selectionChanged, &SelectionManager::highlightChanged})
        connect(selection_, changed, this, [this] { recolor(); });
    connect(&Theme::instance(), &Theme::changed, this, [this] { recolor(); });
}

EmbeddingPlot::~EmbeddingPlot() = default;

void EmbeddingPlot::setPoints(const QStringList& items, const std::vector<float>& coordinates) {
    items_ = items;
    coordinates_ = coordinates;
    vtkNew<vtkPoints> points;
    vtkNew<vtkCellArray> vertices;
    for (qsizetype index = 0; index < items_.size(); ++index) {
        const vtkIdType id = points->InsertNextPoint(coordinates_.data() + index * 3);
        vertices->InsertNextCell(1, &id);
    }
    scene_->data->SetPoints(points);
    scene_->data->SetVerts(vertices);
    recolor();
    resetCamera();
}

QStringList EmbeddingPlot::pictured() const {
    QStringList chosen;
    const qsizetype step = std::max<qsizetype>(1, items_.size() / kMaxThumbnails);
    for (qsizetype index = 0; index < items_.size(); index += step)
        chosen.append(items_[index]);
    return chosen;
}

void EmbeddingPlot::recolor() {
    const ThemeColors& theme = Theme::instance().colors();
    vtkNew<vtkUnsignedCharArray> colors;
    colors->SetNumberOfComponents(3);
    for (const QString& item : items_) {
        const QColor color = selection_->highlighted() == item ? theme.warning
                             : selection_->isSelected(item)    ? theme.accent
                                                               : theme.secondaryText;
        colors->InsertNextTuple3(color.red(), color.green(), color.blue());
    }
    scene_->actor->GetProperty()->SetPointSize(float(kPointSide * devicePixelRatioF()));
    scene_->data->GetPointData()->SetScalars(colors);
    scene_->data->Modified();
    update();
}

void EmbeddingPlot::paintOverlay(QPainter& painter) {
    const ThemeColors& theme = Theme::instance().colors();
    // Farthest first; all thumbnails of a small set, an even choice of a large one.
    std::vector<std::pair<double, int>> order;
    const int step = std::max(1, int(items_.size()) / kMaxThumbnails);
    for (int index = 0; index < items_.size(); ++index)
        if (index % step == 0 || selection_->isSelected(items_[index])) {
            const float* at = coordinates_.data() + size_t(index) * 3;
            order.emplace_back(-project(double(at[0]), double(at[1]), double(at[2])).depth, index);
        }
    std::sort(order.begin(), order.end());
    for (const auto& [depth, index] : order) {
        const QImage picture = thumbnail_ ? thumbnail_(items_[index]) : QImage();
        if (picture.isNull())
            continue;
        const float* at = coordinates_.data() + size_t(index) * 3;
        const QPointF centre = project(double(at[0]), double(at[1]), double(at[2])).position;
        const QSizeF size =
            QSizeF(picture.size()).scaled(kThumbnailSide, kThumbnailSide, Qt::KeepAspectRatio);
        const QRectF place(centre.x() - size.width() / 2, centre.y() - size.height() / 2, size.width(),
                           size.height());
        painter.drawImage(place, picture);
        const bool selected = selection_->isSelected(items_[index]);
        painter.setPen(QPen(selection_->highlighted() == items_[index] ? theme.warning
                            : selected                                 ? theme.accent
                                                                       : theme.border,
                            selected ? 2 : 1));
        painter.drawRect(place);
    }
    if (lasso_.size() > 1) {
        painter.setPen(QPen(theme.accent, 1.5, Qt::DashLine));
        QColor fill = theme.accent;
        fill.setAlpha(40);
        painter.setBrush(fill);
        painter.drawPolygon(lasso_);
    }
}

int EmbeddingPlot::nearestItem(QPointF position) const {
    int nearest = -1;
    double best = 18;
    for (int index = 0; index < items_.size(); ++index) {
        const float* at = coordinates_.data() + size_t(index) * 3;
        const QPointF offset = project(double(at[0]), double(at[1]), double(at[2])).position - position;
        const double distance = std::hypot(offset.x(), offset.y());
        if (distance < best) {
            best = distance;
            nearest = index;
        }
    }
    return nearest;
}

QStringList EmbeddingPlot::itemsInside(const QPolygonF& lasso) const {
    QStringList inside;
    for (int index = 0; index < items_.size(); ++index) {
        const float* at = coordinates_.data() + size_t(index) * 3;
        if (lasso.containsPoint(project(double(at[0]), double(at[1]), double(at[2])).position,
                                Qt::OddEvenFill))
            inside.append(items_[index]);
    }
    return inside;
}

void EmbeddingPlot::mousePressEvent(QMouseEvent* event) {
    pressed_ = event->position();
    lassoing_ = event->button() == Qt::LeftButton && (event->modifiers() & Qt::ShiftModifier);
    lasso_ = lassoing_ ? QPolygonF{event->position()} : QPolygonF();
    VtkView::mousePressEvent(event);
}

void EmbeddingPlot::mouseMoveEvent(QMouseEvent* event) {
    if (lassoing_) {
        // Not where the pointer merely is, as some systems report it in between.
        if (event->buttons() & Qt::LeftButton)
            lasso_.append(event->position());
        return update();
    }
    if (event->buttons() == Qt::NoButton) {
        const int index = nearestItem(event->position());
        selection_->highlight(index < 0 ? QString() : items_[index], kSource);
    }
    VtkView::mouseMoveEvent(event);
}

void EmbeddingPlot::mouseReleaseEvent(QMouseEvent* event) {
    if (lassoing_) {
        selection_->select(itemsInside(lasso_), kSource);
    } else if ((event->position() - pressed_).manhattanLength() < 4 && event->button() == Qt::LeftButton) {
        if (const int index = nearestItem(event->position()); index >= 0)
            selection_->select({items_[index]}, kSource);
    } else if (event->button() == Qt::RightButton && (event->position() - pressed_).manhattanLength() < 4) {
        emit menuRequested(event->globalPosition().toPoint());
    }
    lassoing_ = false;
    lasso_.clear();
    update();
}

}  // namespace vitrine
