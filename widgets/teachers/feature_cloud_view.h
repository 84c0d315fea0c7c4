// Feature vectors of a sample of pictures in 3-D, before and after a normaliser: one camera, the same axes
// and the same scale, so that what the normaliser does to the shape of the cloud is seen.
#pragma once

#include "widgets/teachers/facts_page.h"
#include "widgets/teachers/feature_cloud.h"

#include <QImage>

class QComboBox;

namespace vitrine {

class PointCloudView;

struct FeatureCloudStyle {
    FeatureCloudColoring coloring = FeatureCloudColoring::Picture;
    CloudAxes axes = CloudAxes::Principal;
    bool ownScale = false;  // each cloud as large as the other; else both in the units of their space
    bool operator==(const FeatureCloudStyle&) const = default;
};

class FeatureCloudView : public FactsPage {
    Q_OBJECT
  public:
    explicit FeatureCloudView(QWidget* parent = nullptr);

    void setClouds(std::shared_ptr<const FeatureClouds> clouds, const QString& title,
                   const QString& normalizer);
    void setStyle(const FeatureCloudStyle& style);
    const FeatureCloudStyle& style() const { return style_; }

    // Both views as they are; null without clouds.
    QImage toImage() const;
    // picture, place, norm, and the coordinates before and after.
    QString toCsv() const;

  signals:
    void styleChosen(FeatureCloudStyle style);

  private:
    void dropContent() override { clouds_.reset(); }
    QComboBox* addChoice(const QString& name, const QStringList& entries, const QString& tip);
    void refresh(bool newCamera);
    double scaleOf(bool after) const;

    std::shared_ptr<const FeatureClouds> clouds_;
    QString title_, normalizer_;
    FeatureCloudStyle style_;
    QComboBox* colorings_;
    QComboBox* axes_;
    QComboBox* scales_;
    PointCloudView* views_[2];  // before, after
    bool following_ = false;    // one camera is being taken over by the other view
};

}  // namespace vitrine
