#include "core/image_training/digit_pictures.h"

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

TEST(DigitPictures, AreThoseOfTheRepository) {
    const auto digits = readDigitPictures(digitsFile());
    ASSERT_TRUE(digits) << digits.error().text();
    EXPECT_EQ(digits->pictures.sizes(), (std::vector<int64_t>{1797, 3, 8, 8}));
    EXPECT_TRUE(
        at::equal(digits->labels.bincount({}, 10),
                  at::tensor(std::vector<int64_t>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180})));
    // Ink in sixteenths: all of it, and the second row of the first picture.
    const at::Tensor ink = digits->pictures.select(1, 0).mul(16);
    EXPECT_EQ(ink.sum(at::kDouble).item<double>(), 561718);
    EXPECT_TRUE(at::equal(ink[0][1], at::tensor(std::vector<float>{0, 0, 13, 15, 10, 15, 5, 0})));
    EXPECT_EQ(digits->labels[0].item<int64_t>(), 0);
    EXPECT_TRUE(at::equal(digits->pictures.select(1, 0), digits->pictures.select(1, 2)));
}

TEST(DigitPictures, DamagedFilesAreRefused) {
    const testing::TemporaryFolder folder;
    const auto told = [&](const std::string& content) {
        EXPECT_TRUE(writeFileAtomically(folder / "digits.bin", content));
        const auto read = readDigitPictures(folder / "digits.bin");
        EXPECT_FALSE(read);
        return read ? std::string() : read.error().text();
    };
    std::string two(2 * 65, '\3');
    EXPECT_NE(told(two.substr(1)).find("129 bytes"), std::string::npos);
    EXPECT_NE(told("").find("0 bytes"), std::string::npos);
    two[65] = 10;
    EXPECT_NE(told(two).find("record 1 has the label 10"), std::string::npos);
    two[65] = 9;
    two[129] = 17;
    EXPECT_NE(told(two).find("record 1 has the value 17"), std::string::npos);
    const auto missing = readDigitPictures(folder / "none.bin");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace vitrine
