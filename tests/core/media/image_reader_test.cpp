#include "core/media/image_reader.h"

#include "core/base/file.h"
#include "core/media/depth_reader.h"
#include "core/media/image_writer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

struct ReferenceImage {
    std::string name, file, rgb;
    ImageSize size;
};

std::vector<ReferenceImage> referenceImages() {
    const std::string content = readFile(testing::dataFolder() / "media" / "image_reference.bin").value();
    size_t at = 0;
    const auto number = [&] {
        uint32_t value = 0;
        std::memcpy(&value, content.data() + at, 4);
        at += 4;
        return value;
    };
    const auto take = [&](size_t length) {
        at += length;
        return content.substr(at - length, length);
    };
    std::vector<ReferenceImage> images(number());
    for (ReferenceImage& image : images) {
        const uint32_t nameLength = number(), fileLength = number();
        image.size.width = number();
        image.size.height = number();
        image.name = take(nameLength);
        image.file = take(fileLength);
        image.rgb = take(size_t(image.size.width * image.size.height * 3));
    }
    EXPECT_EQ(at, content.size());
    return images;
}

std::span<const std::byte> bytesOf(const std::string& text) {
    return std::as_bytes(std::span(text));
}

Image noise(ImageSize size, int channels, SampleType type) {
    Image image(size, channels, type);
    std::mt19937 random(9);
    for (int64_t y = 0; y < size.height; ++y)
        for (int64_t x = 0; x < size.width * channels; ++x)
            if (type == SampleType::U8)
                image.row<uint8_t>(y)[x] = uint8_t(random());
            else if (type == SampleType::U16)
                image.row<uint16_t>(y)[x] = uint16_t(random());
            else
                image.row<float>(y)[x] = float(int32_t(random())) / 1e6f;
    return image;
}

// A PNG header that claims a size, and nothing else.
std::string pngClaiming(uint32_t width, uint32_t height) {
    std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    for (const uint32_t value : {width, height})
        for (int shift = 24; shift >= 0; shift -= 8)
            png += char(value >> shift & 0xFF);
    return png + std::string("\x08\x02\0\0\0\0\0\0\0", 9);
}

}  // namespace

TEST(ImageReader, AgreesWithPilOnEveryKind) {
    for (const ReferenceImage& reference : referenceImages()) {
        const auto header = readImageHeader(bytesOf(reference.file), reference.name);
        const auto image = readImage(bytesOf(reference.file), {}, reference.name);
        ASSERT_TRUE(header) << header.error().text();
        ASSERT_TRUE(image) << image.error().text();
        EXPECT_EQ(image->size(), reference.size) << reference.name;
        EXPECT_EQ(header->size, reference.size) << reference.name;
        EXPECT_EQ(header->channels, image->channels()) << reference.name;
        const Image rgb = image->toRgb8();
        ASSERT_EQ(rgb.byteCount(), reference.rgb.size());
        int worst = 0;
        for (size_t i = 0; i < rgb.byteCount(); ++i)
            worst = std::max(worst, std::abs(int(rgb.data()[i]) - int(uint8_t(reference.rgb[i]))));
        EXPECT_EQ(worst, 0) << reference.name;
    }
}

TEST(ImageReader, EveryCutOffFileIsAnErrorOrWhole) {
    for (const ReferenceImage& reference : referenceImages())
        for (size_t length = 0; length + 1 < reference.file.size();
             length += 1 + reference.file.size() / 37) {
            const std::string cut = reference.file.substr(0, length);
            const auto image = readImage(bytesOf(cut), {}, "cut.png");
            if (!image) {
                EXPECT_EQ(image.error().code, ErrorCode::InvalidFile) << reference.name << " " << length;
                EXPECT_NE(image.error().where.find("cut.png"), std::string::npos);
            } else if (reference.name.starts_with("jpeg") || reference.name.starts_with("png")) {
                EXPECT_GE(length + 24, reference.file.size()) << reference.name << " cut to " << length;
            }
        }
}

TEST(ImageReader, DamagedFilesNeverCrash) {
    std::mt19937 random(21);
    for (const ReferenceImage& reference : referenceImages())
        for (int round = 0; round < 40; ++round) {
            std::string damaged = reference.file;
            for (int i = 0; i < 4; ++i)
                damaged[random() % damaged.size()] = char(random());
            ReadOptions options;
            options.maxPixels = 1 << 20;
            const auto image = readImage(bytesOf(damaged), options, reference.name);
            if (!image) {
                EXPECT_FALSE(image.error().message.empty());
            }
        }
}

TEST(ImageReader, RefusesBombsBeforeDecoding) {
    const std::string bomb = pngClaiming(100000, 100000);
    const auto image = readImage(bytesOf(bomb), {}, "bomb.png");
    ASSERT_FALSE(image);
    EXPECT_NE(image.error().text().find("100000x100000"), std::string::npos) << image.error().text();
    EXPECT_EQ(image.error().code, ErrorCode::InvalidFile);
    ReadOptions small;
    small.maxPixels = 10;
    EXPECT_FALSE(readImage(bytesOf(referenceImages()[0].file), small));
}

TEST(ImageReader, ExplainsBadPaths) {
    testing::TemporaryFolder folder;
    fs::create_directory(folder / "folder.png");
    fs::create_symlink(folder / "loop.png", folder / "loop.png");
    ASSERT_TRUE(writeFileAtomically(folder / "empty.png", ""));
    ASSERT_TRUE(writeFileAtomically(folder / "text.png", "hello, this is no picture"));
    const std::pair<const char*, ErrorCode> cases[] = {{"folder.png", ErrorCode::InvalidArgument},
                                                       {"loop.png", ErrorCode::InvalidFile},
                                                       {"empty.png", ErrorCode::InvalidFile},
                                                       {"text.png", ErrorCode::InvalidFile},
                                                       {"vanished.png", ErrorCode::NotFound}};
    for (const auto& [name, code] : cases) {
        for (const Error& error : {readImage(folder / name).error(), readImageHeader(folder / name).error(),
                                   readThumbnail(folder / name, 64).error()}) {
            EXPECT_EQ(error.code, code) << error.text();
            EXPECT_NE(error.text().find(name), std::string::npos) << error.text();
        }
    }
}

TEST(ImageWriter, RoundTripsExactly) {
    testing::TemporaryFolder folder;
    const std::tuple<const char*, int, SampleType> cases[] = {
        {"a.png", 1, SampleType::U8},   {"a.png", 3, SampleType::U8},  {"a.png", 4, SampleType::U8},
        {"a.png", 1, SampleType::U16},  {"a.png", 3, SampleType::U16}, {"a.png", 4, SampleType::U16},
        {"a.tif", 3, SampleType::U8},   {"a.tif", 3, SampleType::U16}, {"a.tif", 3, SampleType::F32},
        {"a.tiff", 1, SampleType::F32}, {"a.exr", 3, SampleType::F32}, {"a.exr", 1, SampleType::F32}};
    for (const auto& [name, channels, type] : cases) {
        const Image image = noise({19, 12}, channels, type);
        const auto written = writeImage(folder / name, image);
        ASSERT_TRUE(written) << written.error().text();
        const auto header = readImageHeader(folder / name);
        ASSERT_TRUE(header) << header.error().text();
        EXPECT_EQ(header->sampleType, type) << name;
        const auto back = readImage(folder / name);
        ASSERT_TRUE(back) << back.error().text();
        ASSERT_EQ(back->channels(), channels) << name;
        ASSERT_EQ(back->sampleType(), type) << name;
        EXPECT_EQ(std::memcmp(back->data(), image.data(), image.byteCount()), 0) << name << " " << channels;
    }
}

TEST(ImageWriter, RefusesToLoseBits) {
    testing::TemporaryFolder folder;
    EXPECT_EQ(writeImage(folder / "a.jpg", noise({4, 4}, 3, SampleType::U16)).error().code,
              ErrorCode::Unsupported);
    EXPECT_EQ(writeImage(folder / "a.png", noise({4, 4}, 3, SampleType::F32)).error().code,
              ErrorCode::Unsupported);
    EXPECT_EQ(writeImage(folder / "a.gif", noise({4, 4}, 3, SampleType::U8)).error().code,
              ErrorCode::Unsupported);
    EXPECT_EQ(writeImage(folder / "no" / "a.png", noise({4, 4}, 3, SampleType::U8)).error().code,
              ErrorCode::NotFound);
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(ImageReader, ThumbnailsAreSmallAndUpright) {
    testing::TemporaryFolder folder;
    Image wide({400, 200}, 3, SampleType::U8);
    for (int64_t y = 0; y < 200; ++y)
        for (int64_t x = 0; x < 200; ++x)
            wide.row<uint8_t>(y)[x * 3] = 255;  // left half red
    ASSERT_TRUE(writeImage(folder / "a.jpg", wide));
    for (const int64_t side : {300, 190, 90, 45, 20}) {
        const auto small = readThumbnail(folder / "a.jpg", side);
        ASSERT_TRUE(small) << small.error().text();
        EXPECT_EQ(small->width(), side);
        EXPECT_NEAR(double(small->height()), double(side) / 2, 0.5);
        EXPECT_GT(small->value(side / 8, side / 4, 0), 240);
        EXPECT_LT(small->value(side - side / 8, side / 4, 0), 15);
    }
}

TEST(DepthReader, GivesMetres) {
    testing::TemporaryFolder folder;
    Image millimetres({3, 1}, 1, SampleType::U16);
    millimetres.row<uint16_t>(0)[1] = 1500;
    millimetres.row<uint16_t>(0)[2] = 65535;
    ASSERT_TRUE(writeImage(folder / "depth.png", millimetres));
    const auto depth = readDepth(folder / "depth.png");
    ASSERT_TRUE(depth) << depth.error().text();
    EXPECT_FLOAT_EQ(depth->row<float>(0)[0], 0.0f);
    EXPECT_FLOAT_EQ(depth->row<float>(0)[1], 1.5f);
    EXPECT_FLOAT_EQ(depth->row<float>(0)[2], 65.535f);
    ASSERT_TRUE(writeImage(folder / "colour.png", noise({3, 3}, 3, SampleType::U8)));
    EXPECT_EQ(readDepth(folder / "colour.png").error().code, ErrorCode::InvalidFile);
}

}  // namespace vitrine
