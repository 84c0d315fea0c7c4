#include "core/media/shared_image.h"

#include "core/media/image_writer.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace vitrine {
namespace {

Image flat(ImageSize size, uint8_t value) {
    Image image(size, 3, SampleType::U8);
    std::fill_n(image.row<uint8_t>(0), image.byteCount(), value);
    return image;
}

TEST(SharedImage, IsDecodedOnceWhileItIsHeld) {
    testing::TemporaryFolder folder;
    const std::filesystem::path file = folder / "a.png";
    ASSERT_TRUE(writeImage(file, flat({4, 3}, 7)));
    auto first = sharedImage(file);
    ASSERT_TRUE(first);
    EXPECT_EQ(sharedImage(file)->get(), first->get());
    const std::weak_ptr<const Image> watched = *first;
    first = fail(ErrorCode::NotFound, "let go");
    EXPECT_TRUE(watched.expired());  // nobody holds it: its memory is free
    ASSERT_TRUE(writeImage(file, flat({9, 2}, 8)));
    const auto again = sharedImage(file);
    ASSERT_TRUE(again);
    EXPECT_EQ((*again)->width(), 9);
}

TEST(SharedImage, WhoAsksMeanwhileWaitsForTheSameOne) {
    testing::TemporaryFolder folder;
    const std::filesystem::path file = folder / "large.png";
    ASSERT_TRUE(writeImage(file, flat({3000, 2000}, 7)));
    std::vector<std::shared_ptr<const Image>> found(6);
    {
        std::vector<std::jthread> threads;
        for (auto& each : found)
            threads.emplace_back([&each, &file] { each = *sharedImage(file); });
    }
    for (const auto& each : found)
        EXPECT_EQ(each, found.front());
    EXPECT_EQ(found.front()->value(2999, 1999, 2), 7);
}

TEST(SharedImage, ErrorsAreNotRemembered) {
    testing::TemporaryFolder folder;
    const std::filesystem::path file = folder / "later.png";
    EXPECT_EQ(sharedImage(file).error().code, ErrorCode::NotFound);
    ASSERT_TRUE(writeImage(file, flat({4, 3}, 7)));
    EXPECT_TRUE(sharedImage(file));
}

}  // namespace
}  // namespace vitrine
