#include "widgets/teachers/error_view.h"

#include "widgets/teachers/error_charts.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QStackedWidget>
#include <QVBoxLayout>
#include <limits>

namespace vitrine {

ErrorView::ErrorView(QWidget* parent)
    : QWidget(parent),
      facts_(new QLabel),
      message_(new QLabel),
      pages_(new QStackedWidget),
      plane_(new Chart),
      radius_(new Chart) {
    setObjectName("errorView");
    facts_->setObjectName("errorFacts");
    facts_->setProperty("role", "secondary");
    facts_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    facts_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    message_->setObjectName("errorMessage");
    message_->setAlignment(Qt::AlignCenter);
    message_->setWordWrap(true);
    message_->setProperty("role", "secondary");
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    auto* head = new QHBoxLayout;
    layout->addLayout(head);
    layout->addWidget(pages_, 1);
    head->addWidget(facts_, 1);
    head->addWidget(new QLabel(tr("Channels")));
    channels_[0] =
        addChannel("errorFirst", tr("The channel of the x axis; automatic: that of largest variance"));
    channels_[1] = addChannel(
        "errorSecond", tr("The channel of the y axis; automatic: the one most correlated with the other"));
    for (QSpinBox* channel : channels_)
        head->addWidget(channel);

    auto* both = new QWidget;
    auto* row = new QHBoxLayout(both);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
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
        chart->setContextMenuPolicy(Qt::CustomContextMenu);
        connect(chart, &QWidget::customContextMenuRequested, this,
                [this, chart](QPoint at) { emit menuRequested(chart->mapToGlobal(at)); });
        row->addWidget(chart, 1);
    }
    pages_->addWidget(message_);
    pages_->addWidget(both);
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
    facts_->setText(tr("%1 · %2").arg(title, errorFactsText(*contours_)));
    facts_->setToolTip(facts_->text());
    plane_->setAxes(tr("error of channel %1").arg(contours_->first),
                    tr("error of channel %1").arg(contours_->second));
    plane_->setSeries(errorPlaneSeries(*contours_));
    radius_->setSeries(errorRadiusSeries(*contours_));
    pages_->setCurrentIndex(1);
}

void ErrorView::showWaiting() {
    if (contours_)
        facts_->setText(tr("Computing …"));
    else
        setMessage(tr("Computing …"));
}

void ErrorView::setMessage(const QString& message) {
    contours_.reset();
    facts_->clear();
    message_->setText(message);
    pages_->setCurrentIndex(0);
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
