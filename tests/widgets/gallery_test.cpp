#include "tests/support/temporary_folder.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/base/selection_manager.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/gallery/gallery_view.h"
#include "widgets/gallery/thumbnail_store.h"

#include <gtest/gtest.h>

#include <QTest>
#include <condition_variable>
#include <fstream>

namespace vitrine {
namespace {

QStringList manyPaths(int count) {
    QStringList paths;
    for (int index = count; index > 0; --index)
        paths << QStringLiteral("/photos/img%1.jpg").arg(index);
    return paths;
}

Image flatImage(uint8_t value) {
    Image image({8, 6}, 3, SampleType::U8);
    std::fill_n(image.row<uint8_t>(0), image.byteCount(), value);
    return image;
}

TEST(GalleryModel, TenThousandPicturesInNaturalOrder) {
    SelectionManager selection;
    GalleryModel model(&selection);
    model.setPaths(manyPaths(10'000));
    ASSERT_EQ(model.rowCount(), 10'000);
    EXPECT_EQ(model.pathAt(0), "/photos/img1.jpg");
    EXPECT_EQ(model.pathAt(9), "/photos/img10.jpg");
    EXPECT_EQ(model.rowOf("/photos/img10000.jpg"), 9999);
    EXPECT_EQ(model.data(model.index(1), Qt::DisplayRole).toString(), "img2.jpg");
}

TEST(GalleryModel, FiltersByTextAndBySelectionManager) {
    SelectionManager selection;
    GalleryModel model(&selection);
    model.setPaths(manyPaths(120));
    model.setTextFilter("IMG11");
    EXPECT_EQ(model.rowCount(), 11);  // 11, 110..119
    selection.setFilter("plot", {"/photos/img11.jpg", "/photos/img2.jpg"});
    EXPECT_EQ(model.shownPaths(), QStringList{"/photos/img11.jpg"});
    model.setTextFilter("");
    EXPECT_EQ(model.rowCount(), 2);
    model.addPaths({"/photos/img2.jpg", "/photos/img3.jpg"});
    EXPECT_EQ(model.allPaths().size(), 120);
}

TEST(ThumbnailStore, UrgentFirstAndStaleOnesAreDropped) {
    testing::qtApplication();
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
    QStringList order;
    ThumbnailStore store(
        [&](const std::filesystem::path& path, int64_t) -> Result<Image> {
            std::unique_lock lock(mutex);
            order << QString::fromStdString(path.string());
            opened.wait(lock, [&] { return open; });
            return flatImage(9);
        },
        {}, 64, 1);
    store.request({"blocker"});
    ASSERT_TRUE(testing::waitUntil([&] {
        const std::lock_guard lock(mutex);
        return order.size() == 1;
    }));
    store.request({"old1", "old2"});
    store.request({"first", "second"});
    {
        const std::lock_guard lock(mutex);
        open = true;
    }
    opened.notify_all();
    ASSERT_TRUE(testing::waitUntil([&] { return !store.find("second").isNull(); }));
    EXPECT_EQ(order, (QStringList{"blocker", "first", "second"}));
    EXPECT_TRUE(store.find("old1").isNull());
}

TEST(ThumbnailStore, KeepsOnDiskUntilTheFileChanges) {
    testing::qtApplication();
    testing::TemporaryFolder folder;
    const std::string file = (folder / "a.png").string();
    std::ofstream(file) << "one";
    const auto loader = [](const std::filesystem::path&, int64_t) -> Result<Image> { return flatImage(200); };
    const auto decodedBy = [&] {
        ThumbnailStore store(loader, folder / "cache", 64, 1);
        store.request({QString::fromStdString(file)});
        testing::waitUntil([&] { return !store.find(QString::fromStdString(file)).isNull(); });
        EXPECT_NEAR(qRed(store.find(QString::fromStdString(file)).pixel(3, 3)), 200, 2);
        return store.decodedCount();
    };
    EXPECT_EQ(decodedBy(), 1);
    EXPECT_EQ(decodedBy(), 0);
    std::ofstream(file) << "another length";
    EXPECT_EQ(decodedBy(), 1);
}

TEST(ThumbnailStore, RemembersWhyThereIsNone) {
    testing::qtApplication();
    ThumbnailStore store(
        [](const std::filesystem::path&, int64_t) -> Result<Image> {
            return fail(ErrorCode::InvalidFile, "not a picture");
        },
        {}, 64, 1);
    store.request({"bad"});
    ASSERT_TRUE(testing::waitUntil([&] { return !store.errorOf("bad").isEmpty(); }));
    EXPECT_TRUE(store.errorOf("bad").contains("not a picture"));
}

TEST(GalleryView, AsksForVisibleOnesAndSelectsByKey) {
    testing::qtApplication();
    SelectionManager selection;
    GalleryModel model(&selection);
    std::atomic<int> loaded = 0;
    ThumbnailStore store(
        [&](const std::filesystem::path&, int64_t) -> Result<Image> {
            ++loaded;
            return flatImage(1);
        },
        {}, 64, 1);
    GalleryView view(&model, &store, &selection);
    view.resize(420, 400);
    view.show();
    model.setPaths(manyPaths(10'000));
    const auto [first, last] = view.visibleRows();
    EXPECT_EQ(first, 0);
    EXPECT_LT(last, 40);
    ASSERT_TRUE(testing::waitUntil([&] { return loaded > last; }));
    store.waitUntilIdle();
    EXPECT_LT(loaded, 200);  // nothing far away was decoded
    QTest::keyClick(&view, Qt::Key_Right);
    EXPECT_EQ(selection.current(), "/photos/img2.jpg");
    QTest::keyClick(&view, Qt::Key_End);
    EXPECT_EQ(selection.current(), "/photos/img10000.jpg");
    EXPECT_TRUE(view.viewport()->rect().intersects(view.cellRect(9999)));
    QTest::keyClick(&view, Qt::Key_Left, Qt::ShiftModifier);
    EXPECT_EQ(selection.selected(), (QStringList{"/photos/img10000.jpg", "/photos/img9999.jpg"}));
}

}  // namespace
}  // namespace vitrine
