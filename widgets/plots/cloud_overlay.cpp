// What a PointCloudView draws over the scene: title, axes, colour scale, markers, read-out.
#include "widgets/base/theme.h"
#include "widgets/plots/cloud_scene.h"

#include <vtkCamera.h>
#include <vtkMatrix4x4.h>
#include <vtkRenderer.h>

#include <QPainter>
#include <QPainterPath>
#include <algorithm>

namespace vitrine {
namespace {

constexpr int kMargin = 8, kPadding = 8, kTriadSide = 64;
constexpr double kTriadRadius = kTriadSide / 2.0;
constexpr double kTriadArm = 22;

QFont smallFont(const QWidget& widget, bool monospaced = false) {
    QFont font = widget.font();
    if (monospaced)
        font.setFamily("DejaVu Sans Mono");
    font.setPixelSize(11);
    return font;
}

// A rounded box as the cards over pictures have; returns the rectangle inside its padding.
QRectF paintCard(QPainter& painter, const QRectF& rect) {
    const ThemeColors& colors = Theme::instance().colors();
    QColor fill = colors.panel;
    fill.setAlphaF(0.9f);
    QPainterPath card;
    card.addRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
    painter.fillPath(card, fill);
    painter.setPen(colors.border);
    painter.setBrush(Qt::NoBrush);
    painter.drawPath(card);
    return rect.adjusted(kPadding, kPadding - 2, -kPadding, -(kPadding - 2));
}

// Lines in a card; the first in the text's colour, the others weaker. `bottomLeft`: else from the top left.
void paintLines(QPainter& painter, const QStringList& lines, QPointF corner, bool fromBottom,
                double maxWidth) {
    if (lines.isEmpty())
        return;
    const ThemeColors& colors = Theme::instance().colors();
    const QFontMetricsF metrics(painter.font());
    const double lineHeight = metrics.height() + 2;
    double width = 0;
    for (const QString& line : lines)
        width = std::max(width, metrics.horizontalAdvance(line));
    width = std::min(width + 2 * kPadding, maxWidth);
    const double height = lineHeight * double(lines.size()) + 2 * (kPadding - 2);
    const QRectF inner =
        paintCard(painter, QRectF(corner.x(), fromBottom ? corner.y() - height : corner.y(), width, height));
    for (int index = 0; index < lines.size(); ++index) {
        painter.setPen(index == 0 ? colors.text : colors.secondaryText);
        painter.drawText(QRectF(inner.left(), inner.top() + index * lineHeight, inner.width(), lineHeight),
                         Qt::AlignLeft | Qt::AlignVCenter,
                         metrics.elidedText(lines[index], Qt::ElideRight, inner.width()));
    }
}

// Directions of the cloud's axes as the camera sees them; the nearest is drawn last.
void paintTriad(QPainter& painter, vtkCamera* camera, QPointF centre) {
    static const QColor inks[] = {QColor("#f2545b"), QColor("#4cc38a"), QColor("#5b9dff")};
    vtkMatrix4x4* view = camera->GetViewTransformMatrix();
    struct Arm {
        QPointF end;
        double towards;
        int axis;
    };
    std::vector<Arm> arms;
    arms.reserve(3);
    for (int axis = 0; axis < 3; ++axis)
        arms.push_back({QPointF(view->GetElement(0, axis), -view->GetElement(1, axis)) * kTriadArm,
                        view->GetElement(2, axis), axis});
    std::sort(arms.begin(), arms.end(), [](const Arm& a, const Arm& b) { return a.towards < b.towards; });
    for (const Arm& arm : arms) {
        painter.setPen(QPen(inks[arm.axis], 2, Qt::SolidLine, Qt::RoundCap));
        painter.drawLine(centre, centre + arm.end);
        painter.drawText(QRectF(centre + arm.end * 1.32 - QPointF(8, 8), QSizeF(16, 16)), Qt::AlignCenter,
                         QString(QChar('x' + arm.axis)));
    }
}

void paintScale(QPainter& painter, const CloudColors& colors, QPointF bottomRight) {
    constexpr double kWidth = 150, kBar = 9;
    const ThemeColors& theme = Theme::instance().colors();
    const QFontMetricsF metrics(painter.font());
    const double height = kBar + 3 + metrics.height() + 2 * (kPadding - 2);
    const QRectF inner = paintCard(painter, QRectF(bottomRight.x() - kWidth - 2 * kPadding,
                                                   bottomRight.y() - height, kWidth + 2 * kPadding, height));
    QLinearGradient gradient(inner.topLeft(), inner.topRight());
    const ColorTable& table = colorTable(colors.colorMap);
    for (size_t index = 0; index < table.size(); index += 15)
        gradient.setColorAt(double(index) / double(table.size() - 1),
                            QColor(table[index].r, table[index].g, table[index].b));
    painter.fillRect(QRectF(inner.topLeft(), QSizeF(inner.width(), kBar)), gradient);
    const QRectF labels(inner.left(), inner.top() + kBar + 3, inner.width(), metrics.height());
    painter.setPen(theme.text);
    painter.drawText(labels, Qt::AlignLeft, QString::number(colors.range.low, 'g', 3));
    painter.drawText(labels, Qt::AlignRight, QString::number(colors.range.high, 'g', 3));
    painter.setPen(theme.secondaryText);
    const QString title = QString::fromStdString(colors.title);
    painter.drawText(labels, Qt::AlignHCenter,
                     colors.unit.empty()
                         ? title
                         : QStringLiteral("%1 (%2)").arg(title, QString::fromStdString(colors.unit)));
}

void paintRing(QPainter& painter, QPointF at, const QColor& color, double radius) {
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(QColor(0, 0, 0, 170), 4));
    painter.drawEllipse(at, radius, radius);
    painter.setPen(QPen(color, 2));
    painter.drawEllipse(at, radius, radius);
}

void paintCross(QPainter& painter, QPointF at) {
    for (const auto& [color, width] : {std::pair(QColor(0, 0, 0, 170), 3.0), {QColor(Qt::white), 1.3}}) {
        painter.setPen(QPen(color, width));
        for (const QPointF& arm : {QPointF(1, 0), QPointF(-1, 0), QPointF(0, 1), QPointF(0, -1)})
            painter.drawLine(at + arm * 3, at + arm * 11);
    }
}

}  // namespace

void PointCloudView::paintOverlay(QPainter& painter) {
    if (!geometry_)
        return;
    const ThemeColors& colors = Theme::instance().colors();
    if (highlight_)
        if (const auto at = positionOf(*highlight_))
            paintCross(painter, *at);
    if (hovered_)
        if (const auto at = positionOf(*hovered_))
            paintRing(painter, *at, colors.warning, 5);
    if (probe_)
        if (const auto at = positionOf(*probe_))
            paintRing(painter, *at, colors.accent, 7);
    painter.setFont(smallFont(*this));
    QStringList title{title_};
    if (!subtitle_.isEmpty() && width() > 220)
        title.append(subtitle_);
    paintLines(painter, title, {double(kMargin), double(kMargin)}, false, width() - 2.0 * kMargin);
    const double bottom = height() - kMargin;
    paintTriad(painter, renderer()->GetActiveCamera(),
               QPointF(kMargin + kTriadRadius, bottom - kTriadRadius));
    double scaleBottom = bottom;
    if (gridVisible_ && height() > 200) {
        painter.setPen(colors.secondaryText);
        const QString text = tr("grid %1 m").arg(geometry_->gridStep);
        const QFontMetricsF metrics(painter.font());
        painter.drawText(
            QPointF(width() - kMargin - metrics.horizontalAdvance(text), bottom - metrics.descent()), text);
        scaleBottom -= metrics.height() + 4;
    }
    if (colors_ && colors_->scalar && width() > 260)
        paintScale(painter, *colors_, QPointF(width() - kMargin, scaleBottom));
    painter.setFont(smallFont(*this, true));
    // Above the axes: beside them there is no room in a narrow view.
    paintLines(painter, readout_, {double(kMargin), bottom - kTriadSide - 4}, true, width() - 2.0 * kMargin);
}

}  // namespace vitrine
