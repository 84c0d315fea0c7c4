#include "widgets/compress/picture_change_view.h"

#include "widgets/base/theme.h"

#include <QImageReader>
#include <QMouseEvent>
#include <QPainter>

namespace vitrine {
namespace {

constexpr int kTitleHeight = 20, kGap = 8, kMostPixels = 1024;

// Shares nothing with the answer, which may be gone before the next paint.
QImage copyOf(const std::shared_ptr<const Image>& image) {
    if (!image || image->empty())
        return {};
    return QImage(reinterpret_cast<const uchar*>(image->data()), int(image->width()), int(image->height()),
                  qsizetype(image->rowBytes()), QImage::Format_RGB888)
        .copy();
}

}  // namespace

PictureChangeView::PictureChangeView(QWidget* parent) : QWidget(parent) {
    setObjectName("whatIfPicture");
    setToolTip(tr("Click the picture to choose another one, or drop one on the window"));
    tiles_[0].title = tr("picture");
    tiles_[1].title = tr("features, all on (PCA)");
    tiles_[2].title = tr("with parts off, in the same colours");
    tiles_[3].title = tr("where they differ");
    for (size_t index = 1; index < tiles_.size(); ++index)
        tiles_[index].cells = true;
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void PictureChangeView::setPicture(const QString& path) {
    if (path == path_)
        return;
    path_ = path;
    QImageReader reader(path);
    reader.setAutoTransform(true);
    const QSize size = reader.size();
    if (size.isValid() && std::max(size.width(), size.height()) > kMostPixels)
        reader.setScaledSize(size.scaled(kMostPixels, kMostPixels, Qt::KeepAspectRatio));
    tiles_[0].image = path.isEmpty() ? QImage() : reader.read();
    clear();
}

void PictureChangeView::clear() {
    for (size_t index = 1; index < tiles_.size(); ++index)
        tiles_[index].image = {};
    update();
}

void PictureChangeView::setAnswer(const PictureWhatIf& answer) {
    tiles_[1].image = copyOf(answer.before);
    tiles_[2].image = copyOf(answer.after);
    tiles_[3].image = copyOf(answer.change);
    tiles_[3].title = tr("where they differ (1 − cosine, 0 to %1)").arg(answer.largestChange, 0, 'f', 2);
    setAccessibleName(tr("Features of the picture before and after"));
    setAccessibleDescription(
        tr("cosine %1, error %2").arg(answer.featureCosine, 0, 'f', 4).arg(answer.featureError, 0, 'f', 4));
    update();
}

QRect PictureChangeView::cellOf(int index) const {
    const int across = width() > 2 * height() ? 4 : 2, down = 4 / across;
    const int cellWidth = (width() - (across - 1) * kGap) / across;
    const int cellHeight = (height() - (down - 1) * kGap) / down;
    return {(index % across) * (cellWidth + kGap), (index / across) * (cellHeight + kGap), cellWidth,
            cellHeight};
}

void PictureChangeView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const ThemeColors& colors = Theme::instance().colors();
    for (int index = 0; index < int(tiles_.size()); ++index) {
        const Tile& tile = tiles_[size_t(index)];
        const QRect cell = cellOf(index);
        painter.setPen(colors.secondaryText);
        painter.drawText(QRect(cell.left(), cell.top(), cell.width(), kTitleHeight),
                         Qt::AlignLeft | Qt::AlignVCenter,
                         painter.fontMetrics().elidedText(tile.title, Qt::ElideRight, cell.width()));
        const QRect below = cell.adjusted(0, kTitleHeight, 0, 0);
        if (tile.image.isNull()) {
            painter.fillRect(below, colors.raised);
            if (index == 0)
                painter.drawText(below, Qt::AlignCenter, tr("Click to choose a picture"));
            continue;
        }
        painter.setRenderHint(QPainter::SmoothPixmapTransform, !tile.cells);
        const QSize shown = tile.image.size().scaled(below.size(), Qt::KeepAspectRatio);
        painter.drawImage(QRect(below.topLeft(), shown), tile.image);
    }
}

void PictureChangeView::mouseReleaseEvent(QMouseEvent* event) {
    if (cellOf(0).contains(event->pos()))
        emit chooseRequested();
}

}  // namespace vitrine
