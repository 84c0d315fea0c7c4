// Keys, menu, copies and files of the chart.
#include "core/base/file.h"
#include "widgets/runs/metric_chart.h"

#include <qcustomplot.h>

#include <QApplication>
#include <QBuffer>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QFileDialog>
#include <QMenu>
#include <QSvgGenerator>

namespace vitrine {

bool MetricChart::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Leave)
        hideReadOut();
    // The wheel scrolls the page of charts; with Ctrl or Alt it zooms.
    if (event->type() == QEvent::Wheel &&
        !(static_cast<QWheelEvent*>(event)->modifiers() & (Qt::ControlModifier | Qt::AltModifier))) {
        event->ignore();
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

void MetricChart::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange) {
        applyColors();
        plot_->replot(QCustomPlot::rpQueuedReplot);
    }
}

void MetricChart::pan(double share) {
    plot_->xAxis->moveRange(plot_->xAxis->range().size() * share);
}

void MetricChart::zoom(double factor) {
    plot_->xAxis->scaleRange(factor);
}

void MetricChart::keyPressEvent(QKeyEvent* event) {
    if (event->matches(QKeySequence::Copy))
        copyPicture();
    else if (event->key() == Qt::Key_Left || event->key() == Qt::Key_Right)
        pan(event->key() == Qt::Key_Left ? -0.1 : 0.1);
    else if (event->key() == Qt::Key_Plus || event->key() == Qt::Key_Equal)
        zoom(0.8);
    else if (event->key() == Qt::Key_Minus)
        zoom(1.25);
    else if (event->key() == Qt::Key_0) {
        showAll();
        emit allChosen();
    } else
        QWidget::keyPressEvent(event);
}

void MetricChart::contextMenuEvent(QContextMenuEvent* event) {
    QMenu menu;
    menu.addAction("Show all  (0)", [this] {
        showAll();
        emit allChosen();
    });
    menu.addSeparator();
    menu.addAction("Copy picture  (Ctrl+C)", this, &MetricChart::copyPicture);
    for (const char* ending : {"png", "svg", "csv"})
        menu.addAction(QString("Save as %1…").arg(QString(ending).toUpper()),
                       [this, ending] { askAndSave(ending); });
    menu.exec(event->globalPos());
}

void MetricChart::askAndSave(const QString& ending) {
    const QString name = QString(metric_).replace('/', '_') + '.' + ending;
    const QString path =
        QFileDialog::getSaveFileName(this, "Save chart", name, ending.toUpper() + " (*." + ending + ")");
    if (path.isEmpty())
        return;
    const auto done = save(path);
    done ? emit saved(path) : emit failed(QString::fromStdString(done.error().text()));
}

void MetricChart::copyPicture() {
    QApplication::clipboard()->setPixmap(plot_->toPixmap(plot_->width(), plot_->height(), 2));
}

Result<void> MetricChart::save(const QString& path) {
    hideReadOut();
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    if (path.endsWith(".csv", Qt::CaseInsensitive)) {
        bytes = chartCsv(metric_, series_).toUtf8();
    } else if (path.endsWith(".svg", Qt::CaseInsensitive)) {
        QSvgGenerator generator;
        generator.setOutputDevice(&buffer);
        generator.setSize(plot_->size());
        generator.setViewBox(QRect(QPoint(), plot_->size()));
        generator.setTitle(metric_);
        QCPPainter painter;
        painter.begin(&generator);
        painter.setMode(QCPPainter::pmVectorized);
        painter.setMode(QCPPainter::pmNoCaching);
        plot_->toPainter(&painter, plot_->width(), plot_->height());
        painter.end();
    } else if (!plot_->toPixmap(plot_->width(), plot_->height(), 2).save(&buffer, "PNG")) {
        return fail(ErrorCode::IoFailure, "the picture could not be encoded", path.toStdString());
    }
    return writeFileAtomically(path.toStdString(), std::string_view(bytes.constData(), size_t(bytes.size())));
}

}  // namespace vitrine
