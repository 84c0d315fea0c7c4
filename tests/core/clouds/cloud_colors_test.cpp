#include "core/clouds/cloud_colors.h"

#include "core/clouds/pixel_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace vitrine {
namespace {
using ::testing::ElementsAre;

// Three points; a camera at (0, -1, 0) looks along +y, z is up; the last point is not in its picture.
PointCloud smallCloud() {
    PointCloud cloud;
    cloud.positions = {0, 1, 0, 0, 3, 2, 5, -9, 4};
    cloud.intensities = {0.1f, 0.2f, 0.9f};
    cloud.pixels = {1, 0, 1, 1, NAN, NAN};
    cloud.picture = "picture.png";
    cloud.camera = CloudCamera{.rotation = {1, 0, 0, 0, 0, 1, 0, -1, 0},
                               .position = {0, -1, 0},
                               .focalX = 1,
                               .focalY = 1,
                               .centerX = 1,
                               .centerY = 1,
                               .width = 2,
                               .height = 2};
    return cloud;
}

CloudColors colored(const PointCloud& cloud, CloudColoring coloring, UpAxis up = UpAxis::PlusZ) {
    auto colors = colorsOf(cloud, nullptr, {.coloring = coloring, .clipPercent = 0, .up = up});
    EXPECT_TRUE(colors) << colors.error().text();
    return *colors;
}

}  // namespace

TEST(CloudColors, NamesAndChoices) {
    PointCloud cloud = smallCloud();
    EXPECT_THAT(coloringsOf(cloud), ElementsAre(CloudColoring::Picture, CloudColoring::Height,
                                                CloudColoring::Distance, CloudColoring::Intensity));
    cloud.colors.assign(9, 7);
    EXPECT_EQ(coloringsOf(cloud).front(), CloudColoring::Own);
    for (const CloudColoring coloring : coloringsOf(cloud))
        EXPECT_EQ(cloudColoringFromName(cloudColoringName(coloring)), coloring);
    EXPECT_FALSE(cloudColoringFromName("smell"));
}

TEST(CloudColors, HeightFollowsTheUpAxis) {
    const CloudColors up = colored(smallCloud(), CloudColoring::Height);
    EXPECT_EQ(up.range, (ValueRange{0, 4}));
    EXPECT_EQ(up.unit, "m");
    EXPECT_EQ(colored(smallCloud(), CloudColoring::Height, UpAxis::MinusY).range, (ValueRange{-3, 9}));
    const Rgb8 low = colorOf(ColorMap::Turbo, 0, 0, 4), high = colorOf(ColorMap::Turbo, 4, 0, 4);
    EXPECT_THAT(std::vector<uint8_t>(up.rgb.begin(), up.rgb.begin() + 3), ElementsAre(low.r, low.g, low.b));
    EXPECT_THAT(std::vector<uint8_t>(up.rgb.end() - 3, up.rgb.end()), ElementsAre(high.r, high.g, high.b));
}

TEST(CloudColors, DistanceIsFromTheCameraOrTheOrigin) {
    PointCloud cloud = smallCloud();
    EXPECT_DOUBLE_EQ(distanceOf(cloud, 0), 2);
    EXPECT_NEAR(colored(cloud, CloudColoring::Distance).range.high, std::sqrt(25 + 64 + 16), 1e-5);
    cloud.camera.reset();
    EXPECT_DOUBLE_EQ(distanceOf(cloud, 0), 1);
}

TEST(CloudColors, ThePictureColoursWhatItShows) {
    Image picture({2, 2}, 3, SampleType::U8);
    for (int i = 0; i < 12; ++i)
        picture.row<uint8_t>(0)[i] = uint8_t(i * 20);
    const auto colors = colorsOf(smallCloud(), &picture, {.coloring = CloudColoring::Picture});
    ASSERT_TRUE(colors) << colors.error().text();
    EXPECT_FALSE(colors->scalar);
    // Pixels (1, 0) and (1, 1); the third point is grey.
    EXPECT_THAT(std::vector<uint8_t>(colors->rgb.begin(), colors->rgb.begin() + 6),
                ElementsAre(60, 80, 100, 180, 200, 220));
    EXPECT_NEAR(colors->rgb[6], colors->rgb[8], 16);
}

TEST(CloudColors, SaysWhatIsMissing) {
    PointCloud cloud = smallCloud();
    EXPECT_EQ(colorsOf(cloud, nullptr, {.coloring = CloudColoring::Own}).error().code,
              ErrorCode::InvalidArgument);
    EXPECT_FALSE(colorsOf(cloud, nullptr, {.coloring = CloudColoring::Picture}));
    const Image other({3, 2}, 3, SampleType::U8);
    EXPECT_EQ(colorsOf(cloud, &other, {.coloring = CloudColoring::Picture}).error().code,
              ErrorCode::ShapeMismatch);
    cloud.intensities.clear();
    EXPECT_FALSE(colorsOf(cloud, nullptr, {.coloring = CloudColoring::Intensity}));
}

TEST(CloudGeometry, UpIsTheCamerasUp) {
    EXPECT_EQ(likelyUpAxis(smallCloud()), UpAxis::PlusZ);
    PointCloud cloud = smallCloud();
    cloud.camera->rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1};  // y points down
    EXPECT_EQ(likelyUpAxis(cloud), UpAxis::MinusY);
    for (const UpAxis axis : allUpAxes())
        EXPECT_EQ(upAxisFromName(upAxisName(axis)), axis);
}

TEST(CloudGeometry, RobustBoundsLeaveOutStrayPoints) {
    PointCloud cloud;
    std::mt19937 random(1);
    std::uniform_real_distribution<float> place(-1, 1);
    for (int point = 0; point < 2000; ++point)
        for (int axis = 0; axis < 3; ++axis)
            cloud.positions.push_back(place(random));
    cloud.positions.insert(cloud.positions.end(), {1e6f, 1e6f, 1e6f});
    EXPECT_EQ(boundsOf(cloud).high[0], 1e6);
    EXPECT_LT(robustBoundsOf(cloud).high[0], 1);
    EXPECT_GT(robustBoundsOf(cloud).high[0], 0.9);
}

TEST(PixelIndex, FindsWhatASearchOfAllPointsFinds) {
    PointCloud cloud;
    std::mt19937 random(2);
    std::uniform_real_distribution<float> pixel(0, 640);
    constexpr int kPoints = 3000;
    for (int point = 0; point < kPoints; ++point) {
        cloud.positions.insert(cloud.positions.end(), {0, 0, 1.0f + float(point)});
        cloud.pixels.insert(cloud.pixels.end(), {pixel(random), pixel(random)});
    }
    const PixelIndex index(cloud);
    int found = 0;
    for (int probe = 0; probe < 500; ++probe) {
        const double u = double(pixel(random)), v = double(pixel(random)), radius = 12;
        double best = radius;
        for (size_t point = 0; point < kPoints; ++point)
            best = std::min(best, std::hypot(double(cloud.pixels[point * 2]) - u,
                                             double(cloud.pixels[point * 2 + 1]) - v));
        const auto near = index.nearest(u, v, radius);
        ASSERT_EQ(near.has_value(), best < radius);
        if (!near)
            continue;
        ++found;
        const auto awayOf = [&](size_t point) {
            return std::hypot(double(cloud.pixels[point * 2]) - u, double(cloud.pixels[point * 2 + 1]) - v);
        };
        // Not more than a pixel farther than the nearest, and the closest to the camera of those.
        EXPECT_LE(awayOf(*near), best + 1);
        for (size_t point = 0; point < *near; ++point)
            EXPECT_GT(awayOf(point), std::min(best + 1, radius));
    }
    EXPECT_GT(found, 300);
}

TEST(PixelIndex, TakesHostilePixels) {
    PointCloud cloud;
    cloud.positions.assign(12, 1);
    cloud.pixels = {NAN, 1, 1e30f, 2, -5, 3, 4, INFINITY};
    const PixelIndex index(cloud);
    EXPECT_TRUE(index.empty());
    EXPECT_FALSE(index.nearest(0, 0, 1e9));
    cloud.pixels = {3, 4, 1e9f, 1, NAN, NAN, 2, 2};
    EXPECT_EQ(PixelIndex(cloud).nearest(3, 4, 2), 0u);
    EXPECT_FALSE(PixelIndex(cloud).nearest(NAN, 4, 2));
    EXPECT_FALSE(PixelIndex(cloud).nearest(1e12, 4, 2));
}

}  // namespace vitrine
