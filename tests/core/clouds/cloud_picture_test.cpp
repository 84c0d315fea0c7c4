#include "core/clouds/cloud_picture.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vitrine {
namespace {

Rgb8 at(const Image& image, int64_t x, int64_t y) {
    const uint8_t* sample = image.row<uint8_t>(y) + x * 3;
    return {sample[0], sample[1], sample[2]};
}

// From (0, -10, 0) along +y, z up, 90 degrees: one metre at ten metres is a tenth of half the height.
constexpr CloudView kView{
    .position = {0, -10, 0}, .target = {0, 0, 0}, .up = {0, 0, 1}, .verticalFieldOfView = 90};
constexpr CloudPictureOptions kOptions{.size = {200, 100}, .pointSize = 1, .background = {1, 2, 3}};

}  // namespace

TEST(CloudPicture, PutsPointsWhereTheyAreSeen) {
    PointCloud cloud;
    cloud.positions = {0.1f, 0, -0.1f, /* right and up */ 4.1f, 0, 1.9f, /* behind */ 0, -20, 0};
    const std::vector<uint8_t> rgb{255, 0, 0, 0, 255, 0, 0, 0, 255};
    const Image image = drawCloud(cloud, rgb, kView, kOptions);
    EXPECT_EQ(at(image, 100, 50), (Rgb8{255, 0, 0}));
    EXPECT_EQ(at(image, 120, 40), (Rgb8{0, 255, 0}));
    EXPECT_EQ(at(image, 0, 0), (Rgb8{1, 2, 3}));
    int drawn = 0;
    for (int64_t y = 0; y < 100; ++y)
        for (int64_t x = 0; x < 200; ++x)
            drawn += !(at(image, x, y) == Rgb8{1, 2, 3});
    EXPECT_EQ(drawn, 2);
}

TEST(CloudPicture, TheNearestPointWins) {
    PointCloud cloud;
    cloud.positions = {0.05f, -5, -0.05f, 0.15f, 5, -0.15f};
    const Image image = drawCloud(cloud, std::vector<uint8_t>{10, 10, 10, 20, 20, 20}, kView, kOptions);
    EXPECT_EQ(at(image, 100, 50), (Rgb8{10, 10, 10}));
}

TEST(CloudPicture, PointsAreSquaresAndCutAtTheEdge) {
    PointCloud cloud;
    cloud.positions = {0.1f, 0, -0.1f, /* left edge */ -19.9f, 0, -0.1f};
    CloudPictureOptions options = kOptions;
    options.pointSize = 3;
    const Image image = drawCloud(cloud, std::vector<uint8_t>(6, 99), kView, options);
    for (const int64_t x : {99, 100, 101, 0, 1})
        EXPECT_EQ(at(image, x, 49), (Rgb8{99, 99, 99})) << x;
    EXPECT_EQ(at(image, 102, 50), (Rgb8{1, 2, 3}));
}

TEST(CloudView, TheCameraSeesItsPixels) {
    const CloudCamera camera{.rotation = {1, 0, 0, 0, 0, 1, 0, -1, 0},
                             .position = {1, 2, 3},
                             .focalX = 100,
                             .focalY = 100,
                             .centerX = 100,
                             .centerY = 50,
                             .width = 200,
                             .height = 100};
    PointCloud cloud;
    cloud.positions = {1.5f, 4, 2.75f};  // half a metre right, a quarter down, two ahead: pixel (125, 62.5)
    const Image image = drawCloud(cloud, std::vector<uint8_t>(3, 77), viewOfCamera(camera, 1), kOptions);
    EXPECT_EQ(at(image, 125, 62), (Rgb8{77, 77, 77}));
}

TEST(CloudView, TheOverviewShowsTheWholeCloud) {
    PointCloud cloud;
    for (int corner = 0; corner < 8; ++corner)
        cloud.positions.insert(cloud.positions.end(), {corner & 1 ? 40.f : -40.f, corner & 2 ? 20.f : -20.f,
                                                       corner & 4 ? 5.f : -5.f});
    // Point by point: two may be seen at the same pixel.
    for (const UpAxis up : allUpAxes())
        for (size_t corner = 0; corner < 8; ++corner) {
            PointCloud one;
            one.positions.assign(cloud.positions.begin() + std::ptrdiff_t(corner) * 3,
                                 cloud.positions.begin() + std::ptrdiff_t(corner) * 3 + 3);
            const Image image = drawCloud(one, std::vector<uint8_t>(3, 200), overviewOf(cloud, up), kOptions);
            const uint8_t* samples = image.row<uint8_t>(0);
            EXPECT_EQ(std::count(samples, samples + image.byteCount(), 200), 3)
                << upAxisName(up) << " " << corner;
        }
}

}  // namespace vitrine
