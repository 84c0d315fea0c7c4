#include "widgets/plots/heat_map_view.h"

#include "widgets/base/theme.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace vitrine {

constexpr int kReadoutHeight = 22;

HeatMapView::HeatMapView(QWidget* parent) : QWidget(parent) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setMinimumSize(200, 180);
    QFont small = font();
    small.setPixelSize(11);
    setFont(small);
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void HeatMapView::setMap(HeatMap map) {
    map_ = std::move(map);
    cell_.reset();
    setAccessibleName(map_.title);
    setAccessibleDescription({});
    layOut();
    update();
}

QSizeF HeatMapView::mapSize() const {
    return {double(width()), double(std::max(1, height() - kReadoutHeight))};
}

void HeatMapView::layOut() {
    layout_ = layOutHeatMap(map_, mapSize(), font());
}

void HeatMapView::setCell(std::optional<QPoint> cell) {
    if (cell && (cell->x() < 0 || cell->y() < 0 || cell->x() >= map_.columns || cell->y() >= map_.rows))
        cell.reset();
    if (cell == cell_)
        return;
    cell_ = cell;
    setAccessibleDescription(readout());
    update();
    emit cellChanged();
}

QString HeatMapView::readout() const {
    if (!cell_ || map_.isEmpty())
        return {};
    if (map_.describe)
        return map_.describe(cell_->y(), cell_->x());
    const double value = map_.at(cell_->y(), cell_->x());
    return tr("%1 %2   %3: %4   %5: %6")
        .arg(map_.valueTitle, std::isnan(value) ? tr("none") : QString::number(value, 'g', 4),
             map_.rowTitle.isEmpty() ? tr("row") : map_.rowTitle, map_.rowLabel(cell_->y()),
             map_.columnTitle.isEmpty() ? tr("column") : map_.columnTitle, map_.columnLabel(cell_->x()));
}

QImage HeatMapView::toImage(QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    image.fill(Qt::white);
    if (map_.isEmpty())
        return image;
    QPainter painter(&image);
    QFont large = font();
    large.setPixelSize(std::max(11, size.height() / 45));
    painter.setFont(large);
    paintHeatMap(painter, map_, layOutHeatMap(map_, size, large),
                 {Qt::white, QColor("#1b1e23"), QColor("#5b636e"), QColor("#d3d7dd"), Qt::black});
    return image;
}

void HeatMapView::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = Theme::instance().colors();
    QPainter painter(this);
    painter.fillRect(rect(), colors.panel);
    painter.setFont(font());
    paintHeatMap(painter, map_, layout_,
                 {colors.panel, colors.text, colors.secondaryText, colors.border, colors.accent});
    if (!cell_)
        return;
    // Two frames: one of them is seen on any colour.
    const QRectF cell = layout_.cellRect(map_, cell_->y(), cell_->x());
    painter.setPen(QPen(Qt::black, 3));
    painter.drawRect(cell);
    painter.setPen(QPen(Qt::white, 1));
    painter.drawRect(cell);
    painter.setPen(colors.text);
    const QRect line(8, height() - kReadoutHeight, width() - 16, kReadoutHeight);
    painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(readout(), Qt::ElideMiddle, line.width()));
}

void HeatMapView::resizeEvent(QResizeEvent*) {
    layOut();
}

void HeatMapView::mouseMoveEvent(QMouseEvent* event) {
    setCell(layout_.cellAt(map_, event->position()));
}

void HeatMapView::mousePressEvent(QMouseEvent* event) {
    setFocus(Qt::MouseFocusReason);
    const auto cell = layout_.cellAt(map_, event->position());
    if (event->button() == Qt::LeftButton && cell)
        emit cellClicked(cell->y(), cell->x());
    else
        QWidget::mousePressEvent(event);
}

void HeatMapView::leaveEvent(QEvent* event) {
    setCell(std::nullopt);
    QWidget::leaveEvent(event);
}

void HeatMapView::keyPressEvent(QKeyEvent* event) {
    const int up = map_.rowsUpwards ? 1 : -1;
    QPoint step;
    switch (event->key()) {
        case Qt::Key_Left:
            step = {-1, 0};
            break;
        case Qt::Key_Right:
            step = {1, 0};
            break;
        case Qt::Key_Up:
            step = {0, up};
            break;
        case Qt::Key_Down:
            step = {0, -up};
            break;
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (cell_)
                emit cellClicked(cell_->y(), cell_->x());
            return;
        default:
            return QWidget::keyPressEvent(event);
    }
    if (map_.isEmpty())
        return;
    const QPoint next = cell_ ? *cell_ + step : QPoint(0, 0);
    setCell(QPoint(std::clamp(next.x(), 0, map_.columns - 1), std::clamp(next.y(), 0, map_.rows - 1)));
}

}  // namespace vitrine
