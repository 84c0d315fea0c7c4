#include "widgets/compress/switch_grid.h"

#include "widgets/base/theme.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

namespace vitrine {

constexpr double kLeft = 26, kTop = 18, kRowHeight = 20, kWide = 52, kGap = 2;

SwitchGrid::SwitchGrid(QWidget* parent) : QWidget(parent) {
    setObjectName("whatIfSwitches");
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

QSize SwitchGrid::sizeHint() const {
    return {int(kLeft + 2 * kWide + double(heads_) * 26), int(kTop + double(layers_) * kRowHeight + 4)};
}

void SwitchGrid::setShape(int64_t layers, int64_t heads) {
    if (layers == layers_ && heads == heads_)
        return;
    layers_ = layers;
    heads_ = heads;
    switches_ = {};
    setMinimumHeight(int(kTop + double(layers_) * kRowHeight + 4));
    announce();
}

void SwitchGrid::setSwitches(const Switches& switches) {
    switches_ = switches;
    announce();
}

void SwitchGrid::announce() {
    QStringList off;
    for (const int64_t layer : switches_.attentionOff)
        off.append(tr("attention of layer %1").arg(layer));
    for (const int64_t layer : switches_.feedForwardOff)
        off.append(tr("feed-forward of layer %1").arg(layer));
    for (const auto& [layer, head] : switches_.headsOff)
        off.append(tr("head %2 of layer %1").arg(layer).arg(head));
    setAccessibleName(tr("Switched off"));
    setAccessibleDescription(off.isEmpty() ? tr("nothing") : off.join(", "));
    update();
}

QRectF SwitchGrid::rectOf(Cell cell) const {
    const double headWidth =
        heads_ > 0 ? std::max(8.0, (double(width()) - kLeft - 2 * kWide) / double(heads_)) : 0;
    const double x = cell.column == 0               ? kLeft
                     : cell.column == columns() - 1 ? kLeft + kWide + double(heads_) * headWidth
                                                    : kLeft + kWide + double(cell.column - 1) * headWidth;
    const double across = cell.column == 0 || cell.column == columns() - 1 ? kWide : headWidth;
    const double y = cell.row < 0 ? 0 : kTop + double(cell.row) * kRowHeight;
    return QRectF(x, y, across - kGap, (cell.row < 0 ? kTop : kRowHeight) - kGap);
}

std::optional<SwitchGrid::Cell> SwitchGrid::cellAt(QPointF position) const {
    for (int row = -1; row < int(layers_); ++row)
        for (int column = 0; column < columns(); ++column)
            if (rectOf({row, column}).contains(position))
                return Cell{row, column};
    return std::nullopt;
}

bool SwitchGrid::isOff(Cell cell) const {
    if (cell.column == 0)
        return switches_.attentionOff.contains(cell.row);
    if (cell.column == columns() - 1)
        return switches_.feedForwardOff.contains(cell.row);
    return switches_.headsOff.contains({cell.row, cell.column - 1});
}

void SwitchGrid::setOff(Cell cell, bool off) {
    const auto put = [off](auto& set, const auto& value) {
        off ? void(set.insert(value)) : void(set.erase(value));
    };
    if (cell.column == 0)
        put(switches_.attentionOff, int64_t(cell.row));
    else if (cell.column == columns() - 1)
        put(switches_.feedForwardOff, int64_t(cell.row));
    else
        put(switches_.headsOff, std::pair<int64_t, int64_t>(cell.row, cell.column - 1));
}

QString SwitchGrid::textOf(Cell cell) const {
    if (cell.column == 0)
        return tr("attention of layer %1").arg(cell.row);
    if (cell.column == columns() - 1)
        return tr("feed-forward of layer %1").arg(cell.row);
    return tr("head %2 of layer %1").arg(cell.row).arg(cell.column - 1);
}

void SwitchGrid::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const ThemeColors& colors = Theme::instance().colors();
    QFont font = this->font();
    font.setPixelSize(11);
    painter.setFont(font);
    painter.setPen(colors.secondaryText);
    for (int column = 0; column < columns() && layers_ > 0; ++column)
        painter.drawText(rectOf({-1, column}), Qt::AlignCenter,
                         column == 0               ? tr("attn")
                         : column == columns() - 1 ? tr("ffn")
                                                   : QString::number(column - 1));
    for (int row = 0; row < int(layers_); ++row) {
        painter.setPen(colors.secondaryText);
        painter.drawText(QRectF(0, rectOf({row, 0}).top(), kLeft - 6, kRowHeight),
                         Qt::AlignRight | Qt::AlignVCenter, QString::number(row));
        for (int column = 0; column < columns(); ++column) {
            const Cell cell{row, column};
            const bool head = column > 0 && column < columns() - 1;
            // Heads of an attention that is off do nothing either.
            const bool off = isOff(cell) || (head && switches_.attentionOff.contains(row));
            painter.setPen(Qt::NoPen);
            QColor fill = off ? colors.raised : colors.accent;
            if (head && !off)
                fill.setAlpha(150);
            painter.setBrush(fill);
            painter.drawRoundedRect(rectOf(cell), 3, 3);
            if (off) {
                painter.setPen(colors.bad);
                painter.drawLine(rectOf(cell).topLeft() + QPointF(3, 3),
                                 rectOf(cell).bottomRight() - QPointF(3, 3));
            }
        }
    }
}

void SwitchGrid::mousePressEvent(QMouseEvent* event) {
    const auto cell = cellAt(event->position());
    if (!cell)
        return;
    if (cell->row < 0) {
        bool anyOn = false;
        for (int row = 0; row < int(layers_); ++row)
            anyOn = anyOn || !isOff({row, cell->column});
        for (int row = 0; row < int(layers_); ++row)
            setOff({row, cell->column}, anyOn);
        last_.reset();
    } else {
        draggingOff_ = !isOff(*cell);
        setOff(*cell, draggingOff_);
        last_ = cell;
    }
    announce();
    emit edited();
}

void SwitchGrid::mouseMoveEvent(QMouseEvent* event) {
    const auto cell = cellAt(event->position());
    if (!(event->buttons() & Qt::LeftButton) || !cell || cell->row < 0 || !last_ || *cell == *last_)
        return;
    last_ = cell;
    setOff(*cell, draggingOff_);
    announce();
    emit edited();
}

bool SwitchGrid::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const auto cell = cellAt(help->pos());
        QToolTip::showText(help->globalPos(), cell && cell->row >= 0
                                                  ? textOf(*cell) + (isOff(*cell) ? tr(" is off") : QString())
                                                  : QString());
        return true;
    }
    return QWidget::event(event);
}

}  // namespace vitrine
