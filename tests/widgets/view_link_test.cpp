#include "widgets/view/view_link.h"

#include "widgets/view/layer.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

TEST(Camera, ScreenAndImageAreInverse) {
    Camera camera;
    camera.centre = {120.5, 33};
    camera.scale = 3.7;
    const QSizeF viewport(640, 480);
    const QPointF back = camera.imageFromScreen(camera.screenFromImage({17, 401}, viewport), viewport);
    EXPECT_NEAR(back.x(), 17, 1e-9);
    EXPECT_NEAR(back.y(), 401, 1e-9);
}

TEST(Camera, ZoomKeepsThePointUnderTheMouse) {
    const QSizeF viewport(800, 600);
    const Camera camera = Camera::fit({4000, 2000}, viewport);
    EXPECT_DOUBLE_EQ(camera.scale, 0.2);
    const QPointF mouse(123, 456);
    const QPointF before = camera.imageFromScreen(mouse, viewport);
    const Camera zoomed = camera.zoomedAt(mouse, viewport, 8);
    const QPointF after = zoomed.imageFromScreen(mouse, viewport);
    EXPECT_NEAR(before.x(), after.x(), 1e-9);
    EXPECT_NEAR(before.y(), after.y(), 1e-9);
    EXPECT_FALSE(zoomed.fitted);
    EXPECT_LE(camera.zoomedAt(mouse, viewport, 1e9).scale, 256);
}

TEST(ViewLink, TellsOnlyChanges) {
    ViewLink link;
    int changes = 0;
    QObject::connect(&link, &ViewLink::cameraChanged, [&] { ++changes; });
    Camera camera;
    camera.scale = 2;
    camera.fitted = false;
    link.setCamera(camera);
    link.setCamera(camera);
    EXPECT_EQ(changes, 1);
    link.fit();
    EXPECT_TRUE(link.camera().fitted);
}

TEST(Layer, FeatureMapLiesWhereTheModelSawIt) {
    ImageTransform transform;
    transform.imageSize = {640, 480};
    transform.modelSize = {224, 224};
    transform.scale = {0.35, 0.35};
    transform.offset = {0, 28};  // padded above and below
    transform.patchSize = 16;
    auto image = std::make_shared<Image>(ImageSize{14, 14}, 1, SampleType::F32);
    const Layer layer{image, modelRectInImage(transform), {}, {}};
    EXPECT_NEAR(layer.rectInImage.left(), 0, 1e-9);
    EXPECT_NEAR(layer.rectInImage.top(), -80, 1e-9);
    const QPointF inImage(500, 100);
    const QPointF inLayer = layer.layerFromImage(inImage);
    const Point2 patch = transform.patchFromImage({inImage.x(), inImage.y()});
    EXPECT_NEAR(inLayer.x(), patch.x, 1e-9);
    EXPECT_NEAR(inLayer.y(), patch.y, 1e-9);
}

}  // namespace
}  // namespace vitrine
