#include "widgets/teachers/error_view.h"

#include "widgets/teachers/error_charts.h"

#include <QLabel>
#include <QPainter>
#include <QSignalBlocker>
#include <QSpinBox>
#include <limits>

namespace vitrine {

ErrorView::ErrorView(QWidget* parent) : FactsPage("error", parent), plane_(new Chart), radius_(new Chart) {
    addControl(new QLabel(tr("Channels")));
    channels_[0] =
        addChannel("errorFirst", tr("The channel of the x axis; automatic: that of largest variance"));
    channels_[1] = addChannel(
        "errorSecond", tr("The channel of the y axis; automatic: the one most correlated with the other"));
    plane_->setObjectName("errorPlane");
    plane_->setEqualScale(true);
    plane_->setLegendShown(false);  // the other chart has the same colours, named
    radius_->setObjectName("errorRadius");
    radius_->setAxes(tr("direction of the error in normalised space (°)"),
                     tr("its length in the teacher's units"));
    radius_->setLogarithmic(false, true);
    const QString tip =
        tr("An error of length 1 in normalised space, in the teacher's own. Points: a single "
           "normalised channel is wrong. Round and flat: errors in all directions weigh alike.");
    for (Chart* chart : {plane_, radius_}) {
        chart->setToolTip(tip);
        addView(chart);
    }
}

QSpinBox* ErrorView::addChannel(const QString& name, const QString& tip) {
    auto* channel = new QSpinBox;
    channel->setObjectName(name);
    channel->setToolTip(tip);
    channel->setRange(-1, std::numeric_limits<int>::max());
    channel->setSpecialValueText(tr("automatic"));
    channel->setValue(-1);
    channel->setKeyboardTracking(false);
    connect(channel, &QSpinBox::valueChanged, this, [this] { emit channelsChosen(channels()); });
    addControl(channel);
    return channel;
}

ErrorChannels ErrorView::channels() const {
    return {channels_[0]->value(), channels_[1]->value()};
}

void ErrorView::setChannels(const ErrorChannels& channels) {
    const QSignalBlocker first(channels_[0]), second(channels_[1]);
    channels_[0]->setValue(channels.first);
    channels_[1]->setValue(channels.second);
}

void ErrorView::setContours(ErrorContours contours, const QString& title) {
    contours_ = std::move(contours);
    for (QSpinBox* channel : channels_) {
        const QSignalBlocker quiet(channel);
        channel->setMaximum(int(contours_->channels) - 1);
    }
    setFacts(tr("%1 · %2").arg(title, errorFactsText(*contours_)));
    plane_->setAxes(tr("error of channel %1").arg(contours_->first),
                    tr("error of channel %1").arg(contours_->second));
    plane_->setSeries(errorPlaneSeries(*contours_));
    radius_->setSeries(errorRadiusSeries(*contours_));
    showContent();
}

QImage ErrorView::toImage() const {
    if (!contours_)
        return {};
    // As large as they are on the screen, where the plane's units are equally long on both axes.
    const QPixmap plane = plane_->toPixmap(plane_->width(), plane_->height());
    const QPixmap radius = radius_->toPixmap(radius_->width(), radius_->height());
    QImage image(plane.width() + radius.width(), std::max(plane.height(), radius.height()),
                 QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    painter.drawPixmap(0, 0, plane);
    painter.drawPixmap(plane.width(), 0, radius);
    return image;
}

QString ErrorView::toCsv() const {
    if (!contours_)
        return {};
    QString csv = QStringLiteral("normalizer,degree,error of channel %1,error of channel %2,length\n")
                      .arg(contours_->first)
                      .arg(contours_->second);
    for (const ErrorContours::Contour& contour : contours_->contours)
        for (size_t degree = 0; degree < contour.radius.size(); ++degree)
            csv += QStringLiteral("%1,%2,%3,%4,%5\n")
                       .arg(QString::fromStdString(contour.normalizer))
                       .arg(degree)
                       .arg(contour.x[degree], 0, 'g', 9)
                       .arg(contour.y[degree], 0, 'g', 9)
                       .arg(contour.radius[degree], 0, 'g', 9);
    return csv;
}

}  // namespace vitrine
