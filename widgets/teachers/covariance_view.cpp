#include "widgets/teachers/covariance_view.h"

#include <QComboBox>
#include <QPainter>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int kLabels = 110;  // pixels around the cells of a map
constexpr int kFewestCells = 64, kMostCells = 640;
constexpr int kFewestChannels = 8;  // a side, when zoomed in
constexpr double kZoom = 0.75;      // of a notch of the wheel
constexpr double kNotch = 120;      // eighths of a degree
constexpr int kPictureCells = 1000, kPictureSide = 1100;

QString factsText(const CovarianceFacts& facts) {
    return CovarianceView::tr("mean |r| %1, largest %2, variances %3 to %4")
        .arg(facts.meanCorrelation, 0, 'f', 3)
        .arg(facts.largestCorrelation, 0, 'f', 3)
        .arg(facts.smallestVariance, 0, 'g', 3)
        .arg(facts.largestVariance, 0, 'g', 3);
}

}  // namespace

CovarianceView::CovarianceView(QWidget* parent) : FactsPage("covariance", parent), values_(new QComboBox) {
    values_->setObjectName("covarianceValues");
    values_->addItems({tr("Correlation"), tr("Covariance")});
    values_->setToolTip(
        tr("Correlation: -1 to 1, whatever the channels' variances; covariance: in squared "
           "units of the features"));
    addControl(values_);
    for (const int side : {0, 1}) {
        views_[side] = new HeatMapView;
        views_[side]->setObjectName(side == 0 ? "covarianceBefore" : "covarianceAfter");
        views_[side]->setToolTip(tr("Wheel: closer to the channels under the cursor · double click: all"));
        views_[side]->installEventFilter(this);
        addView(views_[side]);
        connect(views_[side], &HeatMapView::cellChanged, this,
                [this, side] { views_[1 - side]->setCell(views_[side]->cell()); });
    }
    connect(values_, &QComboBox::activated, this,
            [this] { emit correlationChosen(values_->currentIndex() == 0); });
}

void CovarianceView::setMaps(std::shared_ptr<const CovarianceMaps> maps, const QString& title,
                             const QString& normalizer) {
    if (!maps_ || maps->channels != maps_->channels) {
        firstRow_ = firstColumn_ = 0;
        count_ = int(maps->channels);
    }
    maps_ = std::move(maps);
    title_ = title;
    normalizer_ = normalizer;
    setFacts(tr("Before: %1 · after %2: %3")
                 .arg(factsText(covarianceFacts(*maps_, false)), normalizer_,
                      factsText(covarianceFacts(*maps_, true))));
    refresh();
    showContent();
}

void CovarianceView::setShowCorrelation(bool correlation) {
    correlation_ = correlation;
    values_->setCurrentIndex(correlation ? 0 : 1);
    refresh();
}

void CovarianceView::setRange(int firstRow, int firstColumn, int count) {
    if (!maps_)
        return;
    const int channels = int(maps_->channels);
    count_ = std::clamp(count, std::min(kFewestChannels, channels), channels);
    firstRow_ = std::clamp(firstRow, 0, channels - count_);
    firstColumn_ = std::clamp(firstColumn, 0, channels - count_);
    refresh();
}

int CovarianceView::cellsThatFit() const {
    const QSize room = views_[0]->size();
    return std::clamp(std::min(room.width(), room.height()) - kLabels, kFewestCells, kMostCells);
}

CovarianceSection CovarianceView::section(bool after, int cells) const {
    return {after, correlation_, firstRow_, firstColumn_, count_, cells};
}

void CovarianceView::refresh() {
    if (!maps_)
        return;
    shownCells_ = cellsThatFit();
    const QString range = count_ < int(maps_->channels)
                              ? tr(", %1 of %2 channels").arg(count_).arg(maps_->channels)
                              : tr(", %1 channels").arg(maps_->channels);
    for (const bool after : {false, true}) {
        HeatMap map = covarianceHeatMap(maps_, section(after, shownCells_));
        map.title =
            (after ? tr("%1 after %2").arg(title_, normalizer_) : tr("%1 before").arg(title_)) + range;
        views_[after ? 1 : 0]->setMap(std::move(map));
    }
}

void CovarianceView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    // More cells show more where bins of channels are drawn.
    if (maps_ && cellsThatFit() != shownCells_ && count_ > std::min(cellsThatFit(), shownCells_))
        refresh();
}

bool CovarianceView::eventFilter(QObject* watched, QEvent* event) {
    if (maps_ && event->type() == QEvent::MouseButtonDblClick) {
        setRange(0, 0, int(maps_->channels));
        return true;
    }
    if (maps_ && event->type() == QEvent::Wheel) {
        zoom(*static_cast<HeatMapView*>(watched),
             double(static_cast<QWheelEvent*>(event)->angleDelta().y()) / kNotch);
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

void CovarianceView::zoom(HeatMapView& view, double notches) {
    if (!view.cell() || notches == 0)
        return;
    const QPoint cell = *view.cell();
    int count = int(std::lround(count_ * std::pow(kZoom, notches)));
    if (count == count_)
        count += notches > 0 ? -1 : 1;
    count = std::clamp(count, std::min(kFewestChannels, int(maps_->channels)), int(maps_->channels));
    // The channels under the cursor stay under it.
    const auto kept = [&](int first, double share) {
        return int(std::lround(first + share * (count_ - count)));
    };
    const double cells = std::max(1, view.map().columns);
    const double across = (cell.x() + 0.5) / cells, down = (cell.y() + 0.5) / cells;
    setRange(kept(firstRow_, down), kept(firstColumn_, across), count);
    view.setCell(QPoint(int(across * view.map().columns), int(down * view.map().rows)));
}

QImage CovarianceView::toImage() const {
    if (!maps_)
        return {};
    QImage image(2 * kPictureSide, kPictureSide, QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    for (const int side : {0, 1}) {
        HeatMapView whole;
        HeatMap map = covarianceHeatMap(maps_, section(side == 1, kPictureCells));
        map.title = views_[side]->map().title;
        whole.setMap(std::move(map));
        painter.drawImage(side * kPictureSide, 0, whole.toImage({kPictureSide, kPictureSide}));
    }
    return image;
}

QString CovarianceView::toCsv() const {
    if (!maps_)
        return {};
    QString csv = QStringLiteral("which,channel");
    for (int column = 0; column < count_; ++column)
        csv += QStringLiteral(",%1").arg(firstColumn_ + column);
    csv += '\n';
    for (const bool after : {false, true}) {
        // One cell for each pair.
        const HeatMap map = covarianceHeatMap(maps_, section(after, count_));
        for (int row = 0; row < map.rows; ++row) {
            csv += (after ? normalizer_ : QStringLiteral("before")) + ',' + QString::number(firstRow_ + row);
            for (int column = 0; column < map.columns; ++column) {
                csv += ',';
                if (!std::isnan(map.at(row, column)))
                    csv += QString::number(map.at(row, column), 'g', 6);
            }
            csv += '\n';
        }
    }
    return csv;
}

}  // namespace vitrine
