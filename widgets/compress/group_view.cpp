#include "widgets/compress/group_view.h"

#include "widgets/base/theme.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <bit>
#include <cmath>

namespace vitrine {

constexpr double kCellWidth = 44, kCellHeight = 22, kGap = 6;  // pixels; the gap lies between groups

QColor patternColor(int number) {
    if (number < 0)
        return QColor(130, 130, 130);
    const MaskColor color = kPatternColors[size_t(number)];
    return QColor(color.r, color.g, color.b);
}

GroupView::GroupView(QWidget* parent) : QWidget(parent) {
    setObjectName("maskGroup");
    setFocusPolicy(Qt::StrongFocus);
    setToolTip(
        tr("The weights around the chosen group: those that stay on the colour of the pattern. Arrow "
           "keys move on."));
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void GroupView::setView(std::shared_ptr<const MaskView> view) {
    view_ = std::move(view);
    setGroup(group_);
}

void GroupView::setGroup(QPoint group) {
    if (view_) {
        const MaskedMatrix& matrix = view_->matrix;
        group.setX(int(std::clamp<int64_t>(group.x(), 0, matrix.groups() - 1)));
        group.setY(int(std::clamp<int64_t>(group.y(), 0, matrix.rows - 1)));
    }
    group_ = group;
    setAccessibleName(tr("Group of four"));
    setAccessibleDescription(text());
    update();
}

QString GroupView::text() const {
    if (!view_)
        return {};
    const MaskedMatrix& matrix = view_->matrix;
    const int64_t row = group_.y(), group = group_.x();
    const unsigned bits = matrix.groupBits(matrix.mask, row, group);
    QStringList values;
    double energy = 0, kept = 0;
    for (int64_t i = 0; i < 4 && 4 * group + i < matrix.columns; ++i) {
        const double value = double(matrix.weights[row * matrix.columns + 4 * group + i]);
        values.append(QString::number(value, 'g', 3));
        energy += value * value;
        kept += bits >> i & 1 ? value * value : 0;
    }
    const auto pattern = [](unsigned which) {
        QString text;
        for (int i = 0; i < 4; ++i)
            text += which >> i & 1 ? '1' : '0';
        return text;
    };
    QString out = tr("row %1, inputs %2 to %3: %4 · keeps %5, %6 % of the energy")
                      .arg(row)
                      .arg(4 * group)
                      .arg(std::min(4 * group + 3, matrix.columns - 1))
                      .arg(values.join(QStringLiteral("  ")), pattern(bits))
                      .arg(energy > 0 ? 100 * kept / energy : 100, 0, 'f', 1);
    if (matrix.other) {
        const unsigned other = matrix.groupBits(matrix.other, row, group);
        out += other == bits ? tr(" · the other mask keeps the same")
                             : tr(" · the other mask keeps %1").arg(pattern(other));
    }
    return out;
}

GroupView::Block GroupView::block() const {
    Block block;
    if (!view_)
        return block;
    const MaskedMatrix& matrix = view_->matrix;
    block.cellWidth = kCellWidth;
    block.cellHeight = kCellHeight;
    block.groups = std::clamp<int64_t>(int64_t(width() / (4 * kCellWidth + kGap)), 1, matrix.groups());
    block.rows = std::clamp<int64_t>(int64_t(height() / kCellHeight), 1, matrix.rows);
    block.firstGroup = std::clamp<int64_t>(group_.x() - block.groups / 2, 0, matrix.groups() - block.groups);
    block.firstRow = std::clamp<int64_t>(group_.y() - block.rows / 2, 0, matrix.rows - block.rows);
    // The cells fill the width.
    block.cellWidth = (double(width()) / double(block.groups) - kGap) / 4;
    return block;
}

void GroupView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const ThemeColors& colors = Theme::instance().colors();
    painter.fillRect(rect(), colors.canvas);
    if (!view_)
        return;
    QFont font = this->font();
    font.setPixelSize(11);
    painter.setFont(font);
    const Block block = this->block();
    for (int64_t row = 0; row < block.rows; ++row)
        for (int64_t group = 0; group < block.groups; ++group)
            paintGroup(painter, block, block.firstRow + row, block.firstGroup + group);
    const QRectF chosen(double(group_.x() - block.firstGroup) * (4 * block.cellWidth + kGap) + 1,
                        double(group_.y() - block.firstRow) * block.cellHeight + 1, 4 * block.cellWidth,
                        block.cellHeight - 2);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(hasFocus() ? colors.accent : colors.text, 2));
    painter.drawRect(chosen);
}

void GroupView::paintGroup(QPainter& painter, const Block& block, int64_t row, int64_t group) const {
    const MaskedMatrix& matrix = view_->matrix;
    const ThemeColors& colors = Theme::instance().colors();
    const unsigned bits = matrix.groupBits(matrix.mask, row, group);
    const unsigned other = matrix.other ? matrix.groupBits(matrix.other, row, group) : bits;
    const QColor color = patternColor(patternNumber(bits));
    const QColor ink = color.lightness() > 120 ? QColor(20, 22, 26) : QColor(250, 250, 250);
    for (int64_t i = 0; i < 4 && 4 * group + i < matrix.columns; ++i) {
        const QRectF cell(
            double(group - block.firstGroup) * (4 * block.cellWidth + kGap) + double(i) * block.cellWidth,
            double(row - block.firstRow) * block.cellHeight, block.cellWidth, block.cellHeight);
        const bool stays = bits >> i & 1;
        painter.fillRect(cell.adjusted(0.5, 0.5, -0.5, -0.5), stays ? color : colors.panel);
        const QString text =
            QString::number(double(matrix.weights[row * matrix.columns + 4 * group + i]), 'g', 2);
        painter.setPen(stays ? ink : colors.disabledText);
        painter.drawText(cell, Qt::AlignCenter, text);
        if (!stays) {
            const double width = painter.fontMetrics().horizontalAdvance(text);
            painter.drawLine(QPointF(cell.center().x() - width / 2, cell.center().y()),
                             QPointF(cell.center().x() + width / 2, cell.center().y()));
        }
        // A corner where the other mask says otherwise.
        if ((other >> i & 1) != (bits >> i & 1)) {
            const QPolygonF corner(
                {cell.topRight(), cell.topRight() - QPointF(8, 0), cell.topRight() + QPointF(0, 8)});
            painter.setPen(Qt::NoPen);
            painter.setBrush(colors.warning);
            painter.drawPolygon(corner);
        }
    }
}

void GroupView::mousePressEvent(QMouseEvent* event) {
    if (!view_)
        return;
    const Block block = this->block();
    const QPoint group(int(block.firstGroup + int64_t(event->position().x() / (4 * block.cellWidth + kGap))),
                       int(block.firstRow + int64_t(event->position().y() / block.cellHeight)));
    setGroup(group);
    emit groupMoved(group_);
}

void GroupView::keyPressEvent(QKeyEvent* event) {
    QPoint step;
    switch (event->key()) {
        case Qt::Key_Left:
            step = {-1, 0};
            break;
        case Qt::Key_Right:
            step = {1, 0};
            break;
        case Qt::Key_Up:
            step = {0, -1};
            break;
        case Qt::Key_Down:
            step = {0, 1};
            break;
        default:
            return QWidget::keyPressEvent(event);
    }
    setGroup(group_ + step);
    emit groupMoved(group_);
}

}  // namespace vitrine
