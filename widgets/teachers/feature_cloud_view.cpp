#include "widgets/teachers/feature_cloud_view.h"

#include "core/base/csv.h"
#include "widgets/plots/point_cloud_view.h"

#include <QComboBox>
#include <QPainter>
#include <algorithm>

namespace vitrine {

constexpr double kPointPixels = 3;

FeatureCloudView::FeatureCloudView(QWidget* parent) : FactsPage("featureCloud", parent) {
    colorings_ = addChoice("featureCloudColors", {tr("Colour: picture"), tr("Colour: norm")},
                           tr("One colour for each picture, or the vectors' L2 norms"));
    axes_ = addChoice("featureCloudAxes", {tr("Principal directions"), tr("Strongest channels")},
                      tr("The three directions, or the three channels, of largest variance before"));
    scales_ = addChoice("featureCloudScale", {tr("Same scale"), tr("Each its own scale")},
                        tr("Lengths as they are, or each cloud equally large; the box reaches one deviation "
                           "of a normalised channel from the mean"));
    for (QComboBox* choice : {colorings_, axes_, scales_})
        connect(choice, &QComboBox::activated, this, [this] {
            emit styleChosen({FeatureCloudColoring(colorings_->currentIndex()),
                              CloudAxes(axes_->currentIndex()), scales_->currentIndex() == 1});
        });
    for (const int side : {0, 1}) {
        PointCloudView* view = views_[side] = new PointCloudView;
        view->setObjectName(side == 0 ? "featureCloudBefore" : "featureCloudAfter");
        view->setToolTip(tr("Drag: turn · right drag: move · wheel: zoom · both views move together"));
        view->setGridVisible(false);
        view->setPointSize(kPointPixels);
        addView(view);
    }
    for (const int side : {0, 1}) {
        connect(views_[side], &VtkView::cameraChanged, this, [this, side] {
            if (!following_)
                views_[1 - side]->lookAs(*views_[side]);
        });
        connect(views_[side], &PointCloudView::pointHovered, this,
                [this, side](const std::optional<size_t>& point) {
                    views_[side]->setReadout(point && clouds_ ? vectorText(*clouds_, *point) : QStringList());
                    views_[1 - side]->setHighlight(point);
                });
    }
}

QComboBox* FeatureCloudView::addChoice(const QString& name, const QStringList& entries, const QString& tip) {
    auto* choice = new QComboBox;
    choice->setObjectName(name);
    choice->addItems(entries);
    choice->setToolTip(tip);
    addControl(choice);
    return choice;
}

void FeatureCloudView::setClouds(std::shared_ptr<const FeatureClouds> clouds, const QString& title,
                                 const QString& normalizer) {
    // Another normaliser is looked at from where the last one was.
    const bool newCamera =
        !clouds_ || title != title_ || axesText(*clouds, false) != axesText(*clouds_, false);
    clouds_ = std::move(clouds);
    title_ = title;
    normalizer_ = normalizer;
    refresh(newCamera);
    showContent();
}

void FeatureCloudView::setStyle(const FeatureCloudStyle& style) {
    const bool newCamera = style.ownScale != style_.ownScale;
    style_ = style;
    colorings_->setCurrentIndex(int(style.coloring));
    axes_->setCurrentIndex(int(style.axes));
    scales_->setCurrentIndex(style.ownScale ? 1 : 0);
    refresh(newCamera);
}

double FeatureCloudView::scaleOf(bool after) const {
    return style_.ownScale ? ownScale(*clouds_, after) : 1;
}

void FeatureCloudView::refresh(bool newCamera) {
    if (!clouds_)
        return;
    following_ = true;  // both get the camera of one of them in the end
    const auto colors = featureCloudColors(*clouds_, style_.coloring);
    for (const int side : {0, 1}) {
        const bool after = side == 1;
        views_[side]->setGeometry(
            PointCloudView::prepare(featureCloud(*clouds_, after, scaleOf(after)), UpAxis::PlusZ));
        views_[side]->setColors(colors);
        views_[side]->setTitle(
            after ? tr("%1 after %2").arg(title_, normalizer_) : tr("%1 before").arg(title_),
            axesText(*clouds_, after));
    }
    setFacts(tr("%1 vectors of %2 of %3 pictures · longest / shortest axis: %4 before, %5 after %6")
                 .arg(clouds_->count())
                 .arg(clouds_->pictures.size())
                 .arg(clouds_->picturesSeen)
                 .arg(elongation(*clouds_, false), 0, 'f', 2)
                 .arg(elongation(*clouds_, true), 0, 'f', 2)
                 .arg(normalizer_));
    if (newCamera) {
        // The larger one is seen whole: both have one scale.
        const bool after =
            ownScale(*clouds_, true) / scaleOf(true) < ownScale(*clouds_, false) / scaleOf(false);
        views_[after ? 1 : 0]->showOverview();
        views_[after ? 0 : 1]->lookAs(*views_[after ? 1 : 0]);
    }
    following_ = false;
}

QImage FeatureCloudView::toImage() const {
    if (!clouds_)
        return {};
    const QImage before = views_[0]->toImage(), after = views_[1]->toImage();
    QImage image(before.width() + after.width(), std::max(before.height(), after.height()),
                 QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    painter.drawImage(0, 0, before);
    painter.drawImage(before.width(), 0, after);
    return image;
}

QString FeatureCloudView::toCsv() const {
    if (!clouds_)
        return {};
    QString csv =
        QStringLiteral("picture,place x,place y,norm,before x,before y,before z,after x,after y,after z\n");
    for (size_t vector = 0; vector < clouds_->count(); ++vector) {
        QStringList fields{
            QString::fromStdString(csvField(clouds_->pictures[size_t(clouds_->pictureOf[vector])]))};
        const auto number = [&](float value) { fields.append(QString::number(double(value), 'g', 6)); };
        number(clouds_->places[2 * vector]);
        number(clouds_->places[2 * vector + 1]);
        number(clouds_->norms[vector]);
        for (const auto* coordinates : {&clouds_->before, &clouds_->after})
            for (size_t axis = 0; axis < 3; ++axis)
                number((*coordinates)[3 * vector + axis]);
        csv += fields.join(',') + '\n';
    }
    return csv;
}

}  // namespace vitrine
