#include "core/media/video_reader.h"

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

#include <cstring>

namespace vitrine {

TEST(VideoReader, FramesDoNotDependOnTheOrderOfAsking) {
    VITRINE_SHARED_DATA(path, "data/video/example_video1.mp4");
    auto video = VideoReader::open(path);
    ASSERT_TRUE(video) << video.error().text();
    ASSERT_GT(video->frameCount(), 50);
    EXPECT_GT(video->framesPerSecond(), 1.0);
    std::vector<Image> inOrder;
    for (int64_t i = 0; i < 41; ++i) {
        auto frame = video->frame(i);
        ASSERT_TRUE(frame) << frame.error().text();
        EXPECT_EQ(frame->size(), video->size());
        inOrder.push_back(std::move(*frame));
    }
    for (const int64_t index : {40, 3, 17, 0}) {
        const auto frame = video->frame(index);
        ASSERT_TRUE(frame) << frame.error().text();
        EXPECT_EQ(std::memcmp(frame->data(), inOrder[size_t(index)].data(), frame->byteCount()), 0) << index;
    }
    const auto timed = video->frameAt(17.0 / video->framesPerSecond());
    ASSERT_TRUE(timed);
    EXPECT_EQ(std::memcmp(timed->data(), inOrder[17].data(), timed->byteCount()), 0);
    EXPECT_EQ(video->frame(-1).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(video->frame(video->frameCount()).error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(video->frameAt(-1));
}

TEST(VideoReader, ExplainsBadFiles) {
    testing::TemporaryFolder folder;
    ASSERT_TRUE(writeFileAtomically(folder / "a.mp4", "no video at all"));
    ASSERT_TRUE(writeFileAtomically(folder / "empty.mp4", ""));
    EXPECT_EQ(VideoReader::open(folder / "a.mp4").error().code, ErrorCode::InvalidFile);
    EXPECT_EQ(VideoReader::open(folder / "empty.mp4").error().code, ErrorCode::InvalidFile);
    EXPECT_EQ(VideoReader::open(folder / "missing.mp4").error().code, ErrorCode::NotFound);
    EXPECT_EQ(VideoReader::open(folder.path()).error().code, ErrorCode::InvalidArgument);
}

}  // namespace vitrine
