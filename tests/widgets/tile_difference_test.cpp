#include "tests/widgets/qt_fixture.h"
#include "widgets/view/tile_view.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

Layer layerOf(int64_t side, uint8_t value) {
    auto image = std::make_shared<Image>(ImageSize{side, side}, 1, SampleType::U8);
    for (int64_t y = 0; y < side; ++y)
        std::fill_n(image->row<uint8_t>(y), side, value);
    return {image, QRectF(0, 0, double(side), double(side)), {}, {}};
}

TEST(TileViewDifference, ViewsDoNotCancelEachOther) {
    testing::qtApplication();
    // The first keeps the worker busy while the others wait in its queue.
    TileView views[3];
    for (int index = 0; index < 3; ++index) {
        views[index].setCompareMode(CompareMode::Difference);
        views[index].setLayer(layerOf(index == 0 ? 1500 : 8, 51));
        views[index].setSecondLayer(layerOf(index == 0 ? 1500 : 8, uint8_t(51 + 51 * (index + 1))));
    }
    const auto shown = [&](int index) { return views[index].shownLayer().unit == "|A − B|"; };
    ASSERT_TRUE(testing::waitUntil([&] { return shown(0) && shown(1) && shown(2); }, 20'000))
        << shown(0) << shown(1) << shown(2);
    for (int index = 0; index < 3; ++index)
        EXPECT_NEAR(views[index].shownLayer().image->value(3, 3, 0), 0.2 * (index + 1), 1e-6);
}

TEST(TileViewDifference, StaysWhenLayersAreSetAgain) {
    testing::qtApplication();
    TileView view;
    const Layer first = layerOf(8, 10), second = layerOf(8, 20);
    view.setCompareMode(CompareMode::Difference);
    view.setLayer(first);
    view.setSecondLayer(second);
    ASSERT_TRUE(testing::waitUntil([&] { return view.shownLayer().unit == "|A − B|"; }));
    view.setLayer(first);
    view.setSecondLayer(second);
    EXPECT_EQ(view.shownLayer().unit, "|A − B|");
    view.setSecondLayer(layerOf(8, 61));
    EXPECT_NE(view.shownLayer().unit, "|A − B|");
    ASSERT_TRUE(testing::waitUntil([&] { return view.shownLayer().unit == "|A − B|"; }));
    EXPECT_NEAR(view.shownLayer().image->value(0, 0, 0), 0.2, 1e-6);
}

}  // namespace
}  // namespace vitrine
