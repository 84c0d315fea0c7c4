#include "widgets/compress/architecture_drawing.h"

#include "widgets/base/theme.h"
#include "widgets/plots/chart.h"

#include <QPainter>
#include <algorithm>

namespace vitrine {

constexpr double kTitleHeight = 26, kMostOfRow = 30;  // pixels
constexpr int kMargin = 8;

ArchitectureDrawing::ArchitectureDrawing(QWidget* parent) : QWidget(parent) {
    setAccessibleName(tr("Architecture"));
}

void ArchitectureDrawing::setTitle(const QString& title) {
    title_ = title;
    setAccessibleName(title);
    update();
}

void ArchitectureDrawing::show(const std::vector<PuzzleLayer>& layers, const PuzzleChoice& choice,
                               const PuzzleChoice& other) {
    rows_.clear();
    blocks_.clear();
    QStringList text;
    for (size_t layer = 0; layer < choice.size() && layer < layers.size(); ++layer) {
        const auto [attention, feedForward] = choice[layer];
        const PuzzleLayer& variants = layers[layer];
        if (size_t(attention) >= variants.attention.size() ||
            size_t(feedForward) >= variants.feedForward.size())
            continue;
        const bool compared = layer < other.size();
        rows_.push_back(
            {{variants.attention[size_t(attention)], compared && other[layer].first != attention},
             {variants.feedForward[size_t(feedForward)], compared && other[layer].second != feedForward}});
        blocks_.push_back(variants.block);
        text.append(QStringLiteral("%1: %2 | %3")
                        .arg(variants.block)
                        .arg(rows_.back().first.variant.name, rows_.back().second.variant.name));
    }
    setAccessibleDescription(text.join("; "));
    update();
}

void ArchitectureDrawing::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const ThemeColors& colors = Theme::instance().colors();
    painter.fillRect(rect(), colors.panel);
    QFont font = this->font();
    font.setPixelSize(11);
    painter.setFont(font);
    painter.setPen(colors.text);
    painter.drawText(QRectF(kMargin, 0, width() - 2 * kMargin, kTitleHeight),
                     Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(title_, Qt::ElideRight, width() - 2 * kMargin));
    const double below = std::max(0.0, this->height() - kTitleHeight);
    const double height = rows_.empty() ? 0 : std::min(kMostOfRow, below / double(rows_.size()));
    const double half = (double(width()) - 34) / 2;
    for (size_t row = 0; row < rows_.size(); ++row) {
        const double y = kTitleHeight + double(row) * height;
        painter.setPen(colors.secondaryText);
        painter.drawText(QRectF(0, y, 24, height), Qt::AlignRight | Qt::AlignVCenter,
                         QString::number(blocks_[row]));
        for (int side = 0; side < 2; ++side) {
            const Part& part = side == 0 ? rows_[row].first : rows_[row].second;
            const QRectF whole(30 + side * (half + 4), y + 1, half, height - 2);
            painter.fillRect(whole, colors.raised);
            QRectF bar = whole;
            bar.setWidth(whole.width() * std::clamp(part.variant.share, 0.0, 1.0));
            QColor fill = chartColor(side == 0 ? 0 : 1);
            fill.setAlpha(150);
            painter.fillRect(bar, fill);
            if (part.differs) {
                painter.setPen(QPen(chartColor(4), 2));
                painter.drawRect(whole.adjusted(1, 1, -1, -1));
            }
            painter.setPen(colors.text);
            painter.drawText(
                whole.adjusted(4, 0, -4, 0), Qt::AlignLeft | Qt::AlignVCenter,
                painter.fontMetrics().elidedText(part.variant.name, Qt::ElideRight, int(whole.width()) - 8));
        }
    }
}

}  // namespace vitrine
