#include "core/media/image_folder.h"

#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

void touch(const fs::path& path) {
    std::ofstream file(path);
}

}  // namespace

TEST(ImageFolder, ListsInNaturalOrder) {
    testing::TemporaryFolder folder;
    for (const char* name : {"img10.png", "img2.PNG", "img1.jpeg", "notes.txt", ".hidden.png"})
        touch(folder / name);
    fs::create_directories(folder / "below" / "deep");
    touch(folder / "below" / "deep" / "x.tif");
    fs::create_directory_symlink(folder.path(), folder / "below" / "loop");
    const auto flat = listImages(folder.path());
    ASSERT_TRUE(flat);
    std::vector<std::string> names;
    for (const fs::path& path : flat->images)
        names.push_back(path.filename());
    EXPECT_EQ(names, (std::vector<std::string>{"img1.jpeg", "img2.PNG", "img10.png"}));
    const auto all = listImages(folder.path(), {.recursive = true});
    ASSERT_TRUE(all);
    EXPECT_EQ(all->images.size(), 4u) << "the loop must not be followed twice";
    EXPECT_EQ(all->unreadableFolders, 0);
}

TEST(ImageFolder, TenThousandNamesAreQuick) {
    testing::TemporaryFolder folder;
    for (int i = 0; i < 10000; ++i)
        touch(folder / ("frame" + std::to_string(i) + ".png"));
    const auto list = listImages(folder.path());
    ASSERT_TRUE(list);
    ASSERT_EQ(list->images.size(), 10000u);
    for (size_t i = 0; i < 10000; ++i)
        ASSERT_EQ(list->images[i].filename(), "frame" + std::to_string(i) + ".png");
}

TEST(ImageFolder, CanBeStoppedAndExplains) {
    testing::TemporaryFolder folder;
    touch(folder / "a.png");
    std::stop_source stop;
    stop.request_stop();
    JobContext job(stop.get_token(), nullptr);
    EXPECT_EQ(listImages(folder.path(), {}, &job).error().code, ErrorCode::Cancelled);
    EXPECT_EQ(listImages(folder / "a.png").error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(listImages(folder / "none").error().code, ErrorCode::NotFound);
}

}  // namespace vitrine
