#include "widgets/compress/flow_diagram.h"

#include "widgets/base/theme.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kLegend = 26, kNames = 22, kReadout = 22, kSide = 26;  // pixels around the bands
constexpr double kGap = 10, kColumn = 9;                                // between places; width of a column
constexpr int kBandAlpha = 120, kChosenAlpha = 200;

enum Place { kInUse, kHasLeft, kNever, kPlaces };

QColor placeColor(int place) {
    return place == kInUse ? chartColor(2) : place == kHasLeft ? chartColor(4) : QColor(150, 150, 150);
}

struct Band {
    int from, to;
    double units;
    QColor color;
};

// In the order in which they lie on top of one another at either end.
std::array<Band, 6> bandsOf(const UnitFlow& flow) {
    return {{{kInUse, kInUse, flow.stays, placeColor(kInUse)},
             {kInUse, kHasLeft, flow.leaves, placeColor(kHasLeft)},
             {kHasLeft, kInUse, flow.comesBack, chartColor(3)},
             {kHasLeft, kHasLeft, flow.staysOut, QColor(190, 150, 120)},
             {kNever, kInUse, flow.firstTime, chartColor(0)},
             {kNever, kNever, flow.staysNew, placeColor(kNever)}}};
}

std::array<double, kPlaces> unitsOf(const UnitPlaces& places) {
    return {places.inUse, places.hasLeft, places.never};
}

}  // namespace

FlowDiagram::FlowDiagram(QWidget* parent) : QWidget(parent) {
    setObjectName("flowDiagram");
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setMinimumSize(320, 220);
    QFont small = font();
    small.setPixelSize(11);
    setFont(small);
    setAccessibleName(tr("Units that stay, leave and enter"));
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void FlowDiagram::setFlows(UnitFlows flows) {
    flows_ = std::move(flows);
    chosen_.reset();
    setAccessibleDescription({});
    update();
}

void FlowDiagram::setChosen(std::optional<int> exchange) {
    if (exchange && (*exchange < 0 || size_t(*exchange) >= flows_.flows.size()))
        exchange.reset();
    if (exchange == chosen_)
        return;
    chosen_ = exchange;
    setAccessibleDescription(readout());
    update();
}

QString FlowDiagram::readout() const {
    if (!chosen_)
        return {};
    const UnitFlow& flow = flows_.flows[size_t(*chosen_)];
    const auto count = [](double units) { return QString::number(units, 'f', 0); };
    return tr("step %1: %2 stay, %3 leave, %4 come back, %5 for the first time, %6 stay out, %7 never in use "
              "so far")
        .arg(flows_.steps[size_t(*chosen_)])
        .arg(count(flow.stays), count(flow.leaves), count(flow.comesBack), count(flow.firstTime),
             count(flow.staysOut), count(flow.staysNew));
}

QRectF FlowDiagram::area() const {
    return QRectF(rect()).adjusted(kSide, kLegend, -kSide, -(kNames + kReadout));
}

double FlowDiagram::columnX(size_t column) const {
    const QRectF inside = area();
    const auto last = double(std::max<size_t>(1, flows_.places.size() - 1));
    return inside.left() + (inside.width() - kColumn) * double(column) / last;
}

double FlowDiagram::unitHeight() const {
    return (area().height() - (kPlaces - 1) * kGap) / std::max(1.0, flows_.places.front().total());
}

void FlowDiagram::paintBands(QPainter& painter) const {
    const double scale = unitHeight(), top = area().top();
    for (size_t exchange = 0; exchange < flows_.flows.size(); ++exchange) {
        const auto before = unitsOf(flows_.places[exchange]), after = unitsOf(flows_.places[exchange + 1]);
        std::array<double, kPlaces> left{top}, right{top};  // where the next band of each place begins
        for (int place = 1; place < kPlaces; ++place) {
            left[size_t(place)] = left[size_t(place) - 1] + before[size_t(place) - 1] * scale + kGap;
            right[size_t(place)] = right[size_t(place) - 1] + after[size_t(place) - 1] * scale + kGap;
        }
        const double from = columnX(exchange) + kColumn, to = columnX(exchange + 1), middle = (from + to) / 2;
        for (const Band& band : bandsOf(flows_.flows[exchange])) {
            const double height = std::max(0.0, band.units) * scale;
            double& leftTop = left[size_t(band.from)];
            double& rightTop = right[size_t(band.to)];
            if (height > 0) {
                QPainterPath path(QPointF(from, leftTop));
                path.cubicTo(middle, leftTop, middle, rightTop, to, rightTop);
                path.lineTo(to, rightTop + height);
                path.cubicTo(middle, rightTop + height, middle, leftTop + height, from, leftTop + height);
                path.closeSubpath();
                QColor color = band.color;
                color.setAlpha(chosen_ == int(exchange) ? kChosenAlpha : kBandAlpha);
                painter.fillPath(path, color);
            }
            leftTop += height;
            rightTop += height;
        }
    }
}

void FlowDiagram::paintColumns(QPainter& painter) const {
    const ThemeColors& colors = Theme::instance().colors();
    const double scale = unitHeight();
    double written = -1e9;  // right edge of the last name
    for (size_t column = 0; column < flows_.places.size(); ++column) {
        const double x = columnX(column);
        double y = area().top();
        const auto units = unitsOf(flows_.places[column]);
        for (int place = 0; place < kPlaces; ++place) {
            const double height = units[size_t(place)] * scale;
            painter.fillRect(QRectF(x, y, kColumn, height), placeColor(place));
            y += height + kGap;
        }
        const QString name = column == 0 ? tr("start") : QString::number(flows_.steps[column - 1]);
        const double width = painter.fontMetrics().horizontalAdvance(name), at = x + (kColumn - width) / 2;
        if (at < written + 8)
            continue;
        written = at + width;
        painter.setPen(colors.secondaryText);
        painter.drawText(QRectF(at, area().bottom() + 4, width + 2, kNames), Qt::AlignLeft | Qt::AlignTop,
                         name);
    }
}

void FlowDiagram::paintLegend(QPainter& painter) const {
    const ThemeColors& colors = Theme::instance().colors();
    const std::array<std::pair<QString, QColor>, 6> entries{{{tr("in use"), placeColor(kInUse)},
                                                             {tr("leaves"), placeColor(kHasLeft)},
                                                             {tr("comes back"), chartColor(3)},
                                                             {tr("stays out"), QColor(190, 150, 120)},
                                                             {tr("for the first time"), chartColor(0)},
                                                             {tr("never in use"), placeColor(kNever)}}};
    double x = kSide;
    for (const auto& [name, color] : entries) {
        painter.fillRect(QRectF(x, 9, 10, 10), color);
        painter.setPen(colors.text);
        const double width = painter.fontMetrics().horizontalAdvance(name);
        painter.drawText(QRectF(x + 14, 2, width + 2, 24), Qt::AlignLeft | Qt::AlignVCenter, name);
        x += width + 30;
    }
}

void FlowDiagram::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = Theme::instance().colors();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.fillRect(rect(), colors.panel);
    painter.setFont(font());
    if (flows_.flows.empty())
        return;
    paintBands(painter);
    paintColumns(painter);
    paintLegend(painter);
    painter.setPen(colors.text);
    const QRectF line(8, height() - kReadout, width() - 16, kReadout);
    painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(readout(), Qt::ElideRight, int(line.width())));
}

void FlowDiagram::mouseMoveEvent(QMouseEvent* event) {
    std::optional<int> over;
    for (size_t exchange = 0; exchange < flows_.flows.size(); ++exchange)
        if (event->position().x() >= columnX(exchange) && event->position().x() < columnX(exchange + 1))
            over = int(exchange);
    setChosen(over);
}

void FlowDiagram::leaveEvent(QEvent* event) {
    setChosen(std::nullopt);
    QWidget::leaveEvent(event);
}

void FlowDiagram::keyPressEvent(QKeyEvent* event) {
    const int step = event->key() == Qt::Key_Right ? 1 : event->key() == Qt::Key_Left ? -1 : 0;
    if (step == 0 || flows_.flows.empty()) {
        QWidget::keyPressEvent(event);
        return;
    }
    const int last = int(flows_.flows.size()) - 1;
    setChosen(chosen_ ? std::clamp(*chosen_ + step, 0, last) : step > 0 ? 0 : last);
}

}  // namespace vitrine
