#include "widgets/runs/media_panel.h"
#include "widgets/runs/run_colors.h"

#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QHelpEvent>
#include <QMenu>
#include <QMessageBox>
#include <QPainter>
#include <QSet>
#include <QToolTip>

namespace vitrine {

constexpr int kGap = 10;
constexpr int kCaption = 22;
constexpr int kHeader = 26;

MediaGrid::MediaGrid(QWidget* parent) : QWidget(parent) {
    setAccessibleName("Pictures of the selected runs");
}

void MediaGrid::setRuns(std::vector<MediaRun> runs, const MediaSteps& steps) {
    runs_ = std::move(runs);
    steps_ = steps;
    // Failed pictures get another try; a file may have been replaced.
    for (auto it = pictures_.begin(); it != pictures_.end();)
        it = it->error.isEmpty() && pictures_.size() < 400 ? std::next(it) : pictures_.erase(it);
    asked_.clear();
    updateSize();
    update();
}

void MediaGrid::setStep(int64_t step) {
    step_ = step;
    update();
}

void MediaGrid::setName(const QString& name) {
    name_ = name;
    updateSize();
    update();
}

void MediaGrid::setCellSide(int side) {
    side_ = side;
    updateSize();
    update();
}

void MediaGrid::setImage(const QString& path, const QImage& image, const QString& error) {
    asked_.remove(path);
    pictures_[path] = {image, error};
    update();
}

QStringList MediaGrid::rows() const {
    return name_.isEmpty() ? steps_.names() : QStringList{name_};
}

QRect MediaGrid::cell(int row, int column) const {
    return {kGap + column * (side_ + kGap), kHeader + row * (side_ + kCaption + kGap), side_, side_};
}

void MediaGrid::updateSize() {
    setFixedSize(kGap + int(runs_.size()) * (side_ + kGap),
                 kHeader + int(rows().size()) * (side_ + kCaption + kGap));
}

std::vector<MediaItem> MediaGrid::shownItems() const {
    std::vector<MediaItem> out;
    for (const QString& name : rows())
        for (const MediaRun& run : runs_)
            if (const auto item = steps_.at(run.run, name, step_))
                out.push_back(*item);
    return out;
}

void MediaGrid::paintEvent(QPaintEvent* event) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::SmoothPixmapTransform);
    const QColor caption = secondaryColor(palette());
    const QStringList names = rows();
    for (int column = 0; column < int(runs_.size()); ++column) {
        const QRect head =
            cell(0, column).adjusted(16, -kHeader + 4, 0, 0).intersected(QRect(0, 0, width(), kHeader));
        painter.setPen(Qt::NoPen);
        painter.setBrush(runs_[column].color);
        painter.drawEllipse(QPointF(head.left() - 9, kHeader / 2.0 + 1), 4, 4);
        painter.setPen(palette().color(QPalette::WindowText));
        painter.drawText(head, Qt::AlignVCenter,
                         fontMetrics().elidedText(runs_[column].label, Qt::ElideRight, head.width()));
        for (int row = 0; row < names.size(); ++row) {
            const QRect box = cell(row, column);
            if (!box.adjusted(0, 0, 0, kCaption).intersects(event->rect()))
                continue;
            painter.fillRect(box, palette().color(QPalette::Base));
            const auto item = steps_.at(runs_[column].run, names[row], step_);
            painter.setPen(caption);
            if (!item) {
                painter.drawText(box, Qt::AlignCenter, "no picture\nat this step");
                continue;
            }
            const auto picture = pictures_.constFind(item->path);
            if (picture == pictures_.constEnd()) {
                painter.drawText(box, Qt::AlignCenter, QString("…"));
                if (!asked_.contains(item->path)) {
                    asked_.insert(item->path);
                    emit imageWanted(item->path);
                }
            } else if (picture->image.isNull()) {
                painter.drawText(box.adjusted(8, 8, -8, -8), Qt::AlignCenter | Qt::TextWordWrap,
                                 picture->error);
            } else {
                const QSize size = picture->image.size().scaled(box.size(), Qt::KeepAspectRatio);
                QRect target(QPoint(), size);
                target.moveCenter(box.center());
                // Small pictures are maps: their pixels stay visible.
                painter.setRenderHint(QPainter::SmoothPixmapTransform, picture->image.width() > 96);
                painter.drawImage(target, picture->image);
            }
            const QString text =
                item->step >= 0 ? QString("%1 · step %2").arg(names[row]).arg(item->step) : names[row];
            painter.setPen(caption);
            painter.drawText(QRect(box.left(), box.bottom() + 2, box.width(), kCaption - 4), Qt::AlignVCenter,
                             fontMetrics().elidedText(text, Qt::ElideMiddle, box.width()));
        }
    }
}

std::optional<MediaItem> MediaGrid::itemAt(const QPoint& position) const {
    const QStringList names = rows();
    for (int row = 0; row < names.size(); ++row)
        for (int column = 0; column < int(runs_.size()); ++column)
            if (cell(row, column).contains(position))
                return steps_.at(runs_[column].run, names[row], step_);
    return std::nullopt;
}

bool MediaGrid::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        if (const auto item = itemAt(help->pos())) {
            const QSize size = pictures_.value(item->path).image.size();
            QToolTip::showText(help->globalPos(),
                               QString("%1\nstep %2\n%3 × %4 pixels")
                                   .arg(item->name)
                                   .arg(item->step)
                                   .arg(size.width())
                                   .arg(size.height()),
                               this);
        } else {
            QToolTip::hideText();
        }
        return true;
    }
    return QWidget::event(event);
}

void MediaGrid::contextMenuEvent(QContextMenuEvent* event) {
    const auto item = itemAt(event->pos());
    if (!item)
        return;
    const QImage image = pictures_.value(item->path).image;
    QMenu menu;
    menu.addAction("Copy picture", [&] { QApplication::clipboard()->setImage(image); })
        ->setEnabled(!image.isNull());
    menu.addAction("Save a copy…", [&] {
        const QString path =
            QFileDialog::getSaveFileName(this, "Save picture", QFileInfo(item->name).fileName());
        if (path.isEmpty())
            return;
        QFile::remove(path);
        if (!QFile::copy(item->path, path))
            QMessageBox::warning(this, "Save picture", "The picture could not be written to " + path);
    });
    menu.exec(event->globalPos());
}

}  // namespace vitrine
