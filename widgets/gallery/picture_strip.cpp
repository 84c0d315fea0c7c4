#include "widgets/gallery/picture_strip.h"

#include "widgets/base/icons.h"
#include "widgets/base/theme.h"
#include "widgets/gallery/thumbnail_store.h"

#include <QFileInfo>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

namespace vitrine {

constexpr int kGap = 8, kCaption = 34;

PictureStrip::PictureStrip(ThumbnailStore* thumbnails, QWidget* parent)
    : QWidget(parent), thumbnails_(thumbnails) {
    setMouseTracking(true);
    setMinimumSize(200, 180);
    connect(thumbnails_, &ThumbnailStore::ready, this, qOverload<>(&QWidget::update));
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void PictureStrip::setPictures(std::vector<StripPicture> pictures) {
    pictures_ = std::move(pictures);
    hovered_ = -1;
    QStringList paths, captions;
    for (const StripPicture& picture : pictures_) {
        paths.append(picture.path);
        captions.append(QFileInfo(picture.path).fileName() + " " + picture.caption);
    }
    thumbnails_->request(paths);
    setAccessibleDescription(captions.join("; "));
    update();
}

// The first picture has a line of its own; the others share what is left in as many columns as make them
// largest.
PictureStrip::Grid PictureStrip::gridFor(QSize area) const {
    Grid grid;
    const int others = std::max(1, int(pictures_.size()) - 1);
    const int top = std::clamp(area.height() * 2 / 5, 60, 260);
    grid.first = {area.width() - 2 * kGap, top - kGap};
    const int height = area.height() - top - kGap;
    int best = 0;
    for (int columns = 1; columns <= others; ++columns) {
        const int lines = (others + columns - 1) / columns;
        const QSize cell((area.width() - kGap) / columns - kGap, height / lines - kGap);
        const int side = std::min(cell.width(), cell.height() - kCaption);
        if (side > best || columns == 1) {
            best = side;
            grid.columns = columns;
            grid.cell = cell;
        }
    }
    return grid;
}

QRect PictureStrip::rectOf(int index, QSize area) const {
    const Grid grid = gridFor(area);
    if (index == 0)
        return {QPoint(kGap, kGap), grid.first};
    const int row = (index - 1) / grid.columns, column = (index - 1) % grid.columns;
    return {kGap + column * (grid.cell.width() + kGap),
            2 * kGap + grid.first.height() + row * (grid.cell.height() + kGap), grid.cell.width(),
            grid.cell.height()};
}

int PictureStrip::indexAt(QPoint position) const {
    for (int index = 0; index < int(pictures_.size()); ++index)
        if (rectOf(index).contains(position))
            return index;
    return -1;
}

void PictureStrip::paint(QPainter& painter, QSize area, const QColor& text, const QColor& secondary,
                         const QColor& mark) const {
    painter.setRenderHints(QPainter::SmoothPixmapTransform | QPainter::Antialiasing);
    for (int index = 0; index < int(pictures_.size()); ++index) {
        const StripPicture& picture = pictures_[size_t(index)];
        const QRect whole = rectOf(index, area), place = whole.adjusted(0, 0, 0, -kCaption);
        const QImage thumbnail = thumbnails_->find(picture.path);
        if (thumbnail.isNull()) {
            const bool failed = !thumbnails_->errorOf(picture.path).isEmpty();
            painter.drawPixmap(place.center() - QPoint(11, 11),
                               iconPixmap(failed ? "warning" : "image", secondary, 22, devicePixelRatioF()));
        } else {
            const QSize size = thumbnail.size().scaled(place.size(), Qt::KeepAspectRatio);
            const QRect shown(place.center() - QPoint(size.width() / 2, size.height() / 2), size);
            painter.drawImage(shown, thumbnail);
            if (index == hovered_ || index == 0) {
                painter.setPen(QPen(mark, index == hovered_ ? 2 : 1));
                painter.drawRect(shown);
            }
        }
        const int line = kCaption / 2;
        const QRect name(whole.left(), place.bottom() + 2, whole.width(), line);
        painter.setPen(text);
        painter.drawText(name, Qt::AlignCenter,
                         painter.fontMetrics().elidedText(QFileInfo(picture.path).fileName(), Qt::ElideMiddle,
                                                          name.width()));
        painter.setPen(secondary);
        painter.drawText(name.translated(0, line - 2), Qt::AlignCenter, picture.caption);
    }
}

void PictureStrip::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = Theme::instance().colors();
    QPainter painter(this);
    painter.fillRect(rect(), colors.panel);
    QFont small = font();
    small.setPixelSize(11);
    painter.setFont(small);
    paint(painter, size(), colors.text, colors.secondaryText, colors.accent);
}

QImage PictureStrip::toImage(QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    QFont large = font();
    large.setPixelSize(13);
    painter.setFont(large);
    paint(painter, size, QColor("#1b1e23"), QColor("#5b636e"), QColor("#5b636e"));
    return image;
}

void PictureStrip::mouseMoveEvent(QMouseEvent* event) {
    const int index = indexAt(event->position().toPoint());
    if (index == hovered_)
        return;
    hovered_ = index;
    index > 0 ? QWidget::setCursor(Qt::PointingHandCursor) : unsetCursor();
    update();
}

void PictureStrip::mousePressEvent(QMouseEvent* event) {
    const int index = indexAt(event->position().toPoint());
    if (event->button() == Qt::LeftButton && index >= 0)
        emit chosen(QString(pictures_[size_t(index)].path));
    else
        QWidget::mousePressEvent(event);
}

void PictureStrip::leaveEvent(QEvent* event) {
    hovered_ = -1;
    update();
    QWidget::leaveEvent(event);
}

bool PictureStrip::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        const int index = indexAt(help->pos());
        QToolTip::showText(help->globalPos(), index < 0 ? QString() : pictures_[size_t(index)].path, this);
        return true;
    }
    return QWidget::event(event);
}

}  // namespace vitrine
