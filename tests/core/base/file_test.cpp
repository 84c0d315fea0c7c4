#include "core/base/file.h"

#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace fs = std::filesystem;

TEST(File, WritesWholeOrNothing) {
    testing::TemporaryFolder folder;
    ASSERT_TRUE(writeFileAtomically(folder / "a.txt", "one"));
    {
        auto writer = AtomicFileWriter::create(folder / "a.txt");
        ASSERT_TRUE(writer);
        ASSERT_TRUE(writer->write("tw"));
    }  // dropped without commit
    EXPECT_EQ(*readFile(folder / "a.txt"), "one");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1)
        << "the temporary file must be gone";
}

TEST(File, ExplainsWhatIsWrong) {
    testing::TemporaryFolder folder;
    EXPECT_EQ(readFile(folder / "missing").error().code, ErrorCode::NotFound);
    fs::create_directory(folder / "picture.png");
    EXPECT_EQ(readFile(folder / "picture.png").error().code, ErrorCode::InvalidArgument);
    fs::create_symlink(folder / "loop", folder / "loop");
    EXPECT_EQ(readFile(folder / "loop").error().code, ErrorCode::InvalidFile);
    ASSERT_TRUE(writeFileAtomically(folder / "long", "0123456789"));
    EXPECT_EQ(readFile(folder / "long", 5).error().code, ErrorCode::InvalidFile);
    EXPECT_EQ(writeFileAtomically(folder / "no" / "such", "x").error().code, ErrorCode::NotFound);
}

TEST(File, MapsFilesAndEmptyFiles) {
    testing::TemporaryFolder folder;
    ASSERT_TRUE(writeFileAtomically(folder / "a", "abc"));
    ASSERT_TRUE(writeFileAtomically(folder / "b", ""));
    EXPECT_EQ((*MappedFile::open(folder / "a"))->bytes().size(), 3u);
    EXPECT_TRUE((*MappedFile::open(folder / "b"))->bytes().empty());
}

}  // namespace vitrine
