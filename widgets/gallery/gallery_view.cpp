#include "widgets/gallery/gallery_view.h"

#include "widgets/base/icons.h"
#include "widgets/base/selection_manager.h"
#include "widgets/base/theme.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/gallery/thumbnail_store.h"

#include <QFileInfo>
#include <QHelpEvent>
#include <QLocale>
#include <QPainter>
#include <QPainterPath>
#include <QScrollBar>
#include <QToolTip>
#include <QWheelEvent>
#include <algorithm>

namespace vitrine {

constexpr int kGap = 6;
static const QString kSource = QStringLiteral("gallery");

GalleryView::GalleryView(GalleryModel* model, ThumbnailStore* thumbnails, SelectionManager* selection,
                         QWidget* parent)
    : QAbstractScrollArea(parent), model_(model), thumbnails_(thumbnails), selection_(selection) {
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
    setFocusPolicy(Qt::StrongFocus);
    viewport()->setMouseTracking(true);
    connect(model_, &QAbstractItemModel::modelReset, this, [this] {
        current_ = anchor_ = std::max(0, model_->rowOf(selection_->current()));
        updateScrollBar();
        requestVisible();
        viewport()->update();
    });
    connect(thumbnails_, &ThumbnailStore::ready, this, [this](const QString& path) {
        if (const int row = model_->rowOf(path); row >= 0)
            viewport()->update(cellRect(row));
    });
    connect(selection_, &SelectionManager::selectionChanged, this, [this](const QString& source) {
        if (source != kSource)
            if (const int row = model_->rowOf(selection_->current()); row >= 0) {
                current_ = anchor_ = row;
                scrollTo(row);
            }
        viewport()->update();
    });
    connect(verticalScrollBar(), &QScrollBar::sliderReleased, viewport(), qOverload<>(&QWidget::update));
    connect(selection_, &SelectionManager::highlightChanged, viewport(), qOverload<>(&QWidget::update));
    connect(&Theme::instance(), &Theme::changed, viewport(), qOverload<>(&QWidget::update));
}

void GalleryView::setCellSide(int side) {
    cellSide_ = std::clamp(side, 48, 256);
    updateScrollBar();
    requestVisible();
    viewport()->update();
}

int GalleryView::columns() const {
    return std::max(1, (viewport()->width() - kGap) / (cellSide_ + kGap));
}

QRect GalleryView::cellRect(int row) const {
    // Cells share the spare width, so that the grid fills the panel.
    const int count = columns();
    const int width = (viewport()->width() - kGap) / count;
    const int line = row / count;
    return {kGap + (row % count) * width, kGap + line * (cellHeight() + kGap) - verticalScrollBar()->value(),
            width - kGap, cellHeight()};
}

int GalleryView::rowAt(QPoint position) const {
    const auto [first, last] = visibleRows();
    for (int row = first; row <= last; ++row)
        if (cellRect(row).contains(position))
            return row;
    return -1;
}

QPair<int, int> GalleryView::visibleRows() const {
    const int lineHeight = cellHeight() + kGap, offset = verticalScrollBar()->value();
    const int first = offset / lineHeight * columns();
    const int last = ((offset + viewport()->height()) / lineHeight + 1) * columns() - 1;
    return {first, std::min(last, model_->rowCount() - 1)};
}

void GalleryView::updateScrollBar() {
    const int lines = (model_->rowCount() + columns() - 1) / columns();
    const int height = lines * (cellHeight() + kGap) + kGap;
    verticalScrollBar()->setRange(0, std::max(0, height - viewport()->height()));
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setSingleStep((cellHeight() + kGap) / 2);
}

// Visible cells first, then one screen below and above.
void GalleryView::requestVisible() {
    const auto [first, last] = visibleRows();
    const int screen = std::max(0, last - first + 1);
    QStringList wanted;
    for (int row = first; row <= last; ++row)
        wanted.append(model_->pathAt(row));
    for (int row = last + 1; row <= std::min(last + screen, model_->rowCount() - 1); ++row)
        wanted.append(model_->pathAt(row));
    for (int row = first - 1; row >= std::max(0, first - screen); --row)
        wanted.append(model_->pathAt(row));
    thumbnails_->request(wanted, screen);
}

bool GalleryView::hasThumbnail(int row) const {
    const QString path = model_->pathAt(row);
    return !thumbnails_->find(path).isNull() || !thumbnails_->errorOf(path).isEmpty();
}

void GalleryView::scrollTo(int row) {
    const QRect rect = cellRect(row);
    if (rect.top() < kGap)
        verticalScrollBar()->setValue(verticalScrollBar()->value() + rect.top() - kGap);
    else if (rect.bottom() > viewport()->height() - kGap)
        verticalScrollBar()->setValue(verticalScrollBar()->value() + rect.bottom() - viewport()->height() +
                                      kGap);
}

void GalleryView::paintCell(QPainter& painter, int row) const {
    const ThemeColors& colors = Theme::instance().colors();
    const QString path = model_->pathAt(row);
    const QRect cell = cellRect(row);
    const bool selected = selection_->isSelected(path), highlighted = selection_->highlighted() == path;
    QPainterPath card;
    card.addRoundedRect(QRectF(cell).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
    painter.fillPath(card, selected ? colors.selection : highlighted ? colors.raised : colors.panel);
    if (selected || (hasFocus() && row == current_)) {
        painter.setPen(QPen(colors.accent, selection_->current() == path ? 2 : 1));
        painter.drawPath(card);
    }
    const QRect area = cell.adjusted(4, 4, -4, -20);
    const QImage thumbnail = thumbnails_->find(path);
    if (!thumbnail.isNull()) {
        const QSize size = thumbnail.size().scaled(area.size(), Qt::KeepAspectRatio);
        const QRect place(area.center() - QPoint(size.width() / 2, size.height() / 2), size);
        painter.drawImage(place, thumbnail);
    } else {
        const bool failed = !thumbnails_->errorOf(path).isEmpty();
        const int side = 22;
        painter.drawPixmap(
            area.center() - QPoint(side / 2, side / 2),
            iconPixmap(failed ? "warning" : "image", failed ? colors.warning : colors.disabledText, side,
                       devicePixelRatioF()));
    }
    painter.setPen(selected ? colors.text : colors.secondaryText);
    painter.drawText(
        QRect(cell.left() + 4, cell.bottom() - 18, cell.width() - 8, 16), Qt::AlignCenter,
        painter.fontMetrics().elidedText(QFileInfo(path).fileName(), Qt::ElideMiddle, cell.width() - 8));
}

void GalleryView::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    painter.setRenderHints(QPainter::Antialiasing | QPainter::SmoothPixmapTransform);
    const ThemeColors& colors = Theme::instance().colors();
    painter.fillRect(viewport()->rect(), colors.panel);
    QFont small = font();
    small.setPixelSize(11);
    painter.setFont(small);
    if (model_->rowCount() == 0) {
        painter.setPen(colors.secondaryText);
        const QString text = model_->allPaths().isEmpty()
                                 ? tr("Drop a folder of pictures here,\nor press Ctrl+O")
                                 : tr("No picture passes the filter");
        painter.drawText(viewport()->rect().adjusted(12, 0, -12, 0), Qt::AlignCenter | Qt::TextWordWrap,
                         text);
        return;
    }
    const auto [first, last] = visibleRows();
    for (int row = first; row <= last; ++row)
        paintCell(painter, row);
    if (verticalScrollBar()->isSliderDown())
        paintPlace(painter);
}

// "4,512 of 10,000 · frame 4512.jpg" beside the scroll bar while it is dragged.
void GalleryView::paintPlace(QPainter& painter) const {
    const ThemeColors& colors = Theme::instance().colors();
    const QLocale locale;
    const int row = visibleRows().first, width = viewport()->width() - 2 * kGap;
    const QString text = painter.fontMetrics().elidedText(
        tr("%1 of %2 · %3")
            .arg(locale.toString(row + 1), locale.toString(model_->rowCount()),
                 QFileInfo(model_->pathAt(row)).fileName()),
        Qt::ElideMiddle, width - 16);
    const QScrollBar& bar = *verticalScrollBar();
    const double share = bar.maximum() > 0 ? double(bar.value()) / bar.maximum() : 0;
    QRect label(0, 0, painter.fontMetrics().horizontalAdvance(text) + 16, 24);
    label.moveRight(viewport()->width() - kGap);
    label.moveTop(kGap + int(share * (viewport()->height() - label.height() - 2 * kGap)));
    painter.setPen(colors.border);
    painter.setBrush(colors.raised);
    painter.drawRoundedRect(QRectF(label).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
    painter.setPen(colors.text);
    painter.drawText(label, Qt::AlignCenter, text);
}

void GalleryView::resizeEvent(QResizeEvent*) {
    updateScrollBar();
    requestVisible();
}

void GalleryView::scrollContentsBy(int, int) {
    requestVisible();
    viewport()->update();
}

void GalleryView::selectRow(int row, Qt::KeyboardModifiers modifiers) {
    if (row < 0 || row >= model_->rowCount())
        return;
    current_ = row;
    const QString path = model_->pathAt(row);
    if (modifiers & Qt::ShiftModifier) {
        QStringList range;
        const int step = anchor_ <= row ? 1 : -1;
        for (int i = anchor_; i != row + step; i += step)
            range.append(model_->pathAt(i));
        selection_->select(range, kSource);
    } else {
        anchor_ = row;
        if (modifiers & Qt::ControlModifier)
            selection_->toggle(path, kSource);
        else
            selection_->select({path}, kSource);
    }
    scrollTo(row);
    viewport()->update();
}

void GalleryView::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton)
        selectRow(rowAt(event->position().toPoint()), event->modifiers());
}

void GalleryView::mouseMoveEvent(QMouseEvent* event) {
    const int row = rowAt(event->position().toPoint());
    selection_->highlight(row < 0 ? QString() : model_->pathAt(row), kSource);
}

void GalleryView::mouseDoubleClickEvent(QMouseEvent* event) {
    if (const int row = rowAt(event->position().toPoint()); row >= 0)
        emit activated(model_->pathAt(row));
}

void GalleryView::leaveEvent(QEvent* event) {
    selection_->highlight({}, kSource);
    QAbstractScrollArea::leaveEvent(event);
}

void GalleryView::keyPressEvent(QKeyEvent* event) {
    const int page = std::max(1, viewport()->height() / (cellHeight() + kGap)) * columns();
    const QHash<int, int> steps{{Qt::Key_Left, -1},         {Qt::Key_Right, 1},      {Qt::Key_Up, -columns()},
                                {Qt::Key_Down, columns()},  {Qt::Key_PageUp, -page}, {Qt::Key_PageDown, page},
                                {Qt::Key_Home, -(1 << 29)}, {Qt::Key_End, 1 << 29}};
    if (steps.contains(event->key()))
        return selectRow(std::clamp(current_ + steps[event->key()], 0, std::max(0, model_->rowCount() - 1)),
                         event->modifiers());
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter)
        emit activated(model_->pathAt(current_));
    else if (event->matches(QKeySequence::SelectAll))
        selection_->select(model_->shownPaths(), kSource);
    else
        QAbstractScrollArea::keyPressEvent(event);
}

void GalleryView::wheelEvent(QWheelEvent* event) {
    if (event->modifiers() & Qt::ControlModifier)
        return setCellSide(cellSide_ + (event->angleDelta().y() > 0 ? 16 : -16));
    QAbstractScrollArea::wheelEvent(event);
}

bool GalleryView::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        const QString path = model_->pathAt(rowAt(help->pos()));
        const QString error = thumbnails_->errorOf(path);
        QToolTip::showText(help->globalPos(), error.isEmpty() ? path : error, viewport());
        return true;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

}  // namespace vitrine
