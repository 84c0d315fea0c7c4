// Covariance maps, feature clouds and errors as the Teachers workspace shows them.
#include "app/desktop/teachers/cloud_style.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/plots/heat_map_view.h"
#include "widgets/teachers/covariance_view.h"
#include "widgets/teachers/error_view.h"
#include "widgets/teachers/feature_cloud.h"

#include <gtest/gtest.h>

#include <QLabel>
#include <cmath>
#include <numbers>

namespace vitrine {
namespace {

// Variances 1, 4, 9, ... and one strong pair; channel 5 is constant.
std::shared_ptr<CovarianceMaps> someMaps(int64_t channels) {
    auto maps = std::make_shared<CovarianceMaps>();
    maps->channels = channels;
    maps->before.assign(size_t(channels * channels), 0);
    maps->after = maps->before;
    for (int64_t i = 0; i < channels; ++i) {
        maps->before[size_t(i * channels + i)] = i == 5 ? 0 : float((i + 1) * (i + 1));
        maps->after[size_t(i * channels + i)] = 1;
    }
    const auto pair = [&](int64_t i, int64_t j, double correlation) {
        const auto value = float(correlation * double((i + 1) * (j + 1)));
        maps->before[size_t(i * channels + j)] = maps->before[size_t(j * channels + i)] = value;
    };
    pair(2, 11, -0.8);
    pair(1, 10, 0.3);
    return maps;
}

TEST(CovarianceMap, BinsShowTheirStrongestPairAndNameIt) {
    const auto maps = someMaps(16);
    CovarianceSection section;
    section.count = 16;
    section.cells = 4;
    const HeatMap map = covarianceHeatMap(maps, section);
    ASSERT_EQ(map.rows, 4);
    EXPECT_EQ(map.low, -1);
    EXPECT_EQ(map.high, 1);
    // Rows 0 to 3, columns 8 to 11 hold both pairs: the one of larger magnitude counts, with its sign.
    EXPECT_NEAR(map.at(0, 2), -0.8, 1e-6);
    EXPECT_NEAR(map.at(2, 0), -0.8, 1e-6);
    const QString text = map.describe(0, 2);
    EXPECT_TRUE(text.contains("channels 2 and 11")) << text.toStdString();
    EXPECT_TRUE(text.contains("-0.800")) << text.toStdString();
    EXPECT_TRUE(text.contains("16 pairs")) << text.toStdString();
    EXPECT_NEAR(map.at(0, 0), 1, 1e-6);
    EXPECT_EQ(map.at(3, 1), 0);
    EXPECT_EQ(map.rowLabel(1), "4");
}

TEST(CovarianceMap, SectionsAndConstantChannels) {
    const auto maps = someMaps(16);
    CovarianceSection section;
    section.firstRow = 4;
    section.firstColumn = 10;
    section.count = 3;
    HeatMap map = covarianceHeatMap(maps, section);
    ASSERT_EQ(map.rows, 3);
    EXPECT_TRUE(std::isnan(map.at(1, 0)));  // channel 5
    maps->before[5 * 16 + 5] = -1e-7f;      // as rounding leaves it
    EXPECT_TRUE(std::isnan(covarianceHeatMap(maps, section).at(1, 0)));
    EXPECT_EQ(covarianceFacts(*maps, false).smallestVariance, 0);
    EXPECT_EQ(map.columnLabel(1), "11");
    EXPECT_FALSE(map.describe(0, 0).contains("pairs"));
    section.correlation = false;
    section.firstRow = 2;
    map = covarianceHeatMap(maps, section);
    EXPECT_NEAR(map.at(0, 1), -0.8 * 3 * 12, 1e-4);
    EXPECT_EQ(map.high, 256);  // of the whole matrix, not of the section
    EXPECT_EQ(map.low, -256);
}

TEST(CovarianceMap, Facts) {
    const CovarianceFacts facts = covarianceFacts(*someMaps(16), false);
    EXPECT_NEAR(facts.largestCorrelation, 0.8, 1e-6);
    // 105 pairs of the 15 channels that vary.
    EXPECT_NEAR(facts.meanCorrelation, 1.1 / 105, 1e-6);
    EXPECT_EQ(facts.smallestVariance, 0);
    EXPECT_EQ(facts.largestVariance, 256);
}

TEST(CovarianceView, BothMapsShareCursorAndRange) {
    testing::qtApplication();
    CovarianceView view;
    view.resize(900, 420);
    view.show();
    EXPECT_TRUE(view.isEmpty());
    view.setMaps(someMaps(16), "resnet", "zca");
    auto* before = view.findChild<HeatMapView*>("covarianceBefore");
    auto* after = view.findChild<HeatMapView*>("covarianceAfter");
    ASSERT_TRUE(before && after);
    before->setCell(QPoint(11, 2));
    EXPECT_EQ(after->cell(), QPoint(11, 2));
    EXPECT_TRUE(after->readout().contains("correlation 0.000"));
    view.setRange(100, -3, 10);
    EXPECT_EQ(before->map().rows, 10);
    EXPECT_EQ(before->map().rowLabel(0), "6");
    EXPECT_EQ(before->map().columnLabel(0), "0");
    EXPECT_EQ(view.toCsv().count('\n'), 1 + 2 * 10);
    view.setShowCorrelation(false);
    EXPECT_EQ(after->map().high, 1);
    EXPECT_EQ(before->map().high, 256);
    EXPECT_TRUE(view.findChild<QLabel*>("covarianceFacts")->text().contains("after zca"));
}

ErrorContours someContours() {
    ErrorContours contours;
    contours.channels = 12;
    contours.second = 1;
    contours.firstDeviation = contours.secondDeviation = 2;
    ErrorContours::Contour circle;
    circle.normalizer = "phi-s";
    for (int degree = 0; degree <= 360; ++degree) {
        const double angle = degree * std::numbers::pi / 180;
        circle.x.push_back(2 * std::cos(angle));
        circle.y.push_back(2 * std::sin(angle));
        circle.radius.push_back(2);
    }
    contours.contours.push_back(std::move(circle));
    return contours;
}

TEST(FactsPage, ContentStaysWhileOtherIsAwaitedAndGoesForAMessage) {
    testing::qtApplication();
    ErrorView view;
    view.show();
    const auto* facts = view.findChild<QLabel*>("errorFacts");
    const auto* message = view.findChild<QLabel*>("errorMessage");
    const auto* plane = view.findChild<QWidget*>("errorPlane");
    ASSERT_TRUE(facts && message && plane);
    view.showWaiting();
    EXPECT_TRUE(view.isEmpty());
    EXPECT_TRUE(message->isVisible());
    EXPECT_EQ(message->text(), "Computing …");
    view.setContours(someContours(), "resnet");
    EXPECT_FALSE(view.isEmpty());
    EXPECT_TRUE(plane->isVisible());
    EXPECT_TRUE(facts->text().startsWith("resnet · ")) << facts->text().toStdString();
    view.showWaiting();
    EXPECT_EQ(facts->text(), "Computing …");
    EXPECT_TRUE(plane->isVisible());
    EXPECT_FALSE(view.toCsv().isEmpty());
    view.setMessage("the file is gone");
    EXPECT_TRUE(view.isEmpty());
    EXPECT_EQ(facts->text(), "");
    EXPECT_EQ(message->text(), "the file is gone");
    EXPECT_FALSE(plane->isVisible());
    EXPECT_TRUE(view.toCsv().isEmpty()) << "its data is gone";
    EXPECT_TRUE(view.toImage().isNull());
}

FeatureClouds someClouds() {
    FeatureClouds clouds;
    clouds.channels = 12;
    clouds.axes = {
        {"direction 1", 8, 1, 0.5, 0.1}, {"direction 2", 4, 1, 0.2, 0.1}, {"direction 3", 2, 1, 0.1, 0.1}};
    clouds.pictures = {"a.jpg", "b.jpg"};
    clouds.pictureOf = {0, 0, 1};
    clouds.before = {8, 0, 0, 0, 4, 0, 0, 0, -2};
    clouds.after = {1, 0, 0, 0, 1, 0, 0, 0, -1};
    clouds.norms = {1, 5, 9};
    clouds.places = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f};
    return clouds;
}

TEST(FeatureCloud, PointsColoursAndTexts) {
    const FeatureClouds clouds = someClouds();
    const auto cloud = featureCloud(clouds, false, 0.5);
    ASSERT_EQ(cloud->pointCount(), 3u);
    EXPECT_EQ(cloud->positions[0], 4);
    ASSERT_EQ(cloud->boxes.size(), 1u);
    EXPECT_EQ(cloud->boxes[0].size[1], 1);
    const auto pictures = featureCloudColors(clouds, FeatureCloudColoring::Picture);
    const auto color = [&](const CloudColors& colors, size_t point) {
        return std::array{colors.rgb[3 * point], colors.rgb[3 * point + 1], colors.rgb[3 * point + 2]};
    };
    ASSERT_EQ(pictures->rgb.size(), 9u);
    EXPECT_EQ(color(*pictures, 0), color(*pictures, 1));
    EXPECT_NE(color(*pictures, 0), color(*pictures, 2));
    const auto norms = featureCloudColors(clouds, FeatureCloudColoring::Norm);
    EXPECT_TRUE(norms->scalar);
    EXPECT_NE(color(*norms, 0), color(*norms, 1));
    EXPECT_NEAR(ownScale(clouds, false), std::sqrt(3.0 / (64 + 16 + 4)), 1e-9);
    EXPECT_NEAR(elongation(clouds, false), 4, 1e-9);
    EXPECT_NEAR(elongation(clouds, true), 1, 1e-9);
    EXPECT_TRUE(axesText(clouds, false).contains("x direction 1: 8 (50.0 %)"));
    EXPECT_EQ(vectorText(clouds, 2), QStringList({"b.jpg", "place 0.50, 0.60", "norm 9"}));
}

TEST(FeatureCloud, StyleIsPlainData) {
    FeatureCloudStyle style;
    style.axes = CloudAxes::Channels;
    style.ownScale = true;
    const auto same = cloudStyleFromJson(cloudStyleToJson(style), {});
    ASSERT_TRUE(same);
    EXPECT_EQ(*same, style);
    const auto changed = cloudStyleFromJson({{"colors", "norm"}}, style);
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->coloring, FeatureCloudColoring::Norm);
    EXPECT_TRUE(changed->ownScale);
    const auto wrong = cloudStyleFromJson({{"axes", "pca"}}, style);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().where, "axes");
}

}  // namespace
}  // namespace vitrine
