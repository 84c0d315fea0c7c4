#include "tests/support/temporary_folder.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/base/selection_manager.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/gallery/gallery_view.h"
#include "widgets/gallery/thumbnail_cache.h"
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
        const auto cache = std::make_shared<ThumbnailCache>(folder / "cache", 1'000'000);
        ThumbnailStore store(loader, cache, 64, 1);
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

// A cache of thumbnails that are equally large, each of a picture of its own.
struct ThumbnailFiles : ::testing::Test {
    ThumbnailFiles() { testing::qtApplication(); }
    std::filesystem::path picture(int number) const {
        const auto file = folder / fmt::format("{}.png", number);
        if (!std::filesystem::exists(file))
            std::ofstream(file) << number;
        return file;
    }
    void keep(ThumbnailCache& cache, int number) const {
        cache.keep(picture(number), 64, toQImage(flatImage(90)));
        cache.makeRoom();
    }
    std::vector<std::filesystem::path> kept() const {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(folder / "cache"))
            files.push_back(entry.path());
        return files;
    }
    testing::TemporaryFolder folder;
};

TEST_F(ThumbnailFiles, ThoseShownLongestAgoMakeRoom) {
    ThumbnailCache large(folder / "cache", 1'000'000'000);
    for (int number = 0; number < 20; ++number)
        keep(large, number);
    ASSERT_EQ(kept().size(), 20u);
    const auto bytes = int64_t(std::filesystem::file_size(kept()[0]));
    for (const auto& file : kept())
        std::filesystem::last_write_time(
            file, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
    EXPECT_FALSE(large.find(picture(3), 64).isNull());  // shown now
    ThumbnailCache small(folder / "cache", 8 * bytes);
    keep(small, 20);
    EXPECT_EQ(kept().size(), 7u);
    for (const int number : {3, 20})
        EXPECT_FALSE(small.find(picture(number), 64).isNull()) << number;
    // The folder is read again only when an eighth of the limit was kept: until then it stays below it.
    keep(small, 21);
    EXPECT_EQ(kept().size(), 8u);
    keep(small, 22);
    EXPECT_EQ(kept().size(), 7u);
    EXPECT_FALSE(small.find(picture(22), 64).isNull());
}

TEST_F(ThumbnailFiles, AStoreStaysBelowTheLimit) {
    ThumbnailCache one(folder / "cache", 1'000'000'000);
    keep(one, 0);
    const auto bytes = int64_t(std::filesystem::file_size(kept()[0]));
    ThumbnailStore store([](const std::filesystem::path&, int64_t) -> Result<Image> { return flatImage(90); },
                         std::make_shared<ThumbnailCache>(folder / "cache", 8 * bytes), 64, 2);
    QStringList pictures;
    for (int number = 1; number <= 40; ++number)
        pictures << QString::fromStdString(picture(number).string());
    store.request(pictures);
    store.waitUntilIdle();
    EXPECT_EQ(store.decodedCount(), 40);
    EXPECT_LE(kept().size(), 9u);  // a thread may be about to remove one
}

TEST_F(ThumbnailFiles, ALimitIsANumberOfGigabytes) {
    EXPECT_EQ(thumbnailCacheLimit(), 500'000'000);
    ::setenv("VITRINE_THUMBNAIL_CACHE_LIMIT", "0.25", 1);
    EXPECT_EQ(thumbnailCacheLimit(), 250'000'000);
    ::setenv("VITRINE_THUMBNAIL_CACHE_LIMIT", "little", 1);
    const auto limit = thumbnailCacheLimit();
    ::unsetenv("VITRINE_THUMBNAIL_CACHE_LIMIT");
    ASSERT_FALSE(limit);
    EXPECT_NE(limit.error().text().find("VITRINE_THUMBNAIL_CACHE_LIMIT"), std::string::npos);
    EXPECT_NE(limit.error().text().find("\"little\""), std::string::npos);
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
