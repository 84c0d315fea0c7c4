#include "core/media/preprocess.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace vitrine {
namespace {

constexpr const char* kConfigs[] = {
    R"({"image_processor_type":"CLIPImageProcessor","size":{"shortest_edge":64},"crop_size":{"height":64,"width":64}})",
    R"({"image_processor_type":"SiglipImageProcessorFast","size":{"height":64,"width":48}})",
    R"({"image_processor_type":"Siglip2ImageProcessor","patch_size":16,"max_num_patches":24})",
    R"({"image_processor_type":"BitImageProcessor","size":{"shortest_edge":80},"crop_size":70})",
    R"({"image_processor_type":"DINOv3ViTImageProcessorFast","size":{"height":64,"width":64}})",
    R"({"image_processor_type":"SamImageProcessor","size":{"longest_edge":112},"pad_size":{"height":112,"width":112}})",
    R"({"image_processor_type":"Sam2ImageProcessorFast","size":{"height":96,"width":96}})",
    R"({"image_processor_type":"Sam3ImageProcessorFast","size":{"height":84,"width":84}})",
    R"({"image_processor_type":"DPTImageProcessor","size":{"height":70,"width":70},"keep_aspect_ratio":true,
        "ensure_multiple_of":14})",
    R"({"feature_extractor_type":"ViTFeatureExtractor","size":64})"};

PreprocessConfig configOf(const char* text) {
    const auto json = parseJson(text, "test");
    EXPECT_TRUE(json);
    const auto config = preprocessConfigFromJson(*json);
    EXPECT_TRUE(config) << config.error().text();
    return *config;
}

// Red grows with x, green with y: where a sample came from can be read off its value.
Image gradient(ImageSize size) {
    Image image(size, 3, SampleType::U8);
    for (int64_t y = 0; y < size.height; ++y)
        for (int64_t x = 0; x < size.width; ++x) {
            image.row<uint8_t>(y)[x * 3] = uint8_t(std::lround(255.0 * double(x) / double(size.width - 1)));
            image.row<uint8_t>(y)[x * 3 + 1] =
                uint8_t(std::lround(255.0 * double(y) / double(size.height - 1)));
        }
    return image;
}

std::vector<ImageSize> oddSizes() {
    std::mt19937 random(11);
    std::vector<ImageSize> sizes;
    for (int i = 0; i < 20; ++i)
        sizes.push_back({33 + int64_t(random() % 200), 33 + int64_t(random() % 200)});
    return sizes;
}

}  // namespace

TEST(Preprocess, PixelsGoToPatchesAndBack) {
    for (const char* text : kConfigs)
        for (const ImageSize size : oddSizes()) {
            PreprocessOverride change;
            change.patchSize = 14;
            const auto input = preprocess(gradient(size), configOf(text), change);
            ASSERT_TRUE(input) << input.error().text();
            const ImageTransform& transform = input->transform;
            for (const Point2 point :
                 {Point2{0.5, 0.5}, Point2{double(size.width) / 3, double(size.height) - 0.5}}) {
                const Point2 back = transform.imageFromPatch(transform.patchFromImage(point));
                EXPECT_LT(std::hypot(back.x - point.x, back.y - point.y), 0.5) << text;
            }
            const Point2 middle =
                transform.imageFromModel({double(input->width) / 2, double(input->height) / 2});
            if (const auto token = transform.tokenFromImage(middle)) {
                EXPECT_EQ(transform.tokenFromImage(*transform.imageFromToken(*token)), token) << text;
            }
        }
}

// The transform is not only invertible, it tells where the pixels really went.
TEST(Preprocess, TheTransformFollowsThePixels) {
    for (const char* text : kConfigs)
        for (const ImageSize size : oddSizes()) {
            const auto input = preprocess(gradient(size), configOf(text));
            ASSERT_TRUE(input) << input.error().text();
            const Image seen = modelInputAsImage(*input);
            for (const auto& [column, row] : {std::pair{0.5, 0.5}, {0.35, 0.62}}) {
                const auto x = int64_t(column * double(input->width)),
                           y = int64_t(row * double(input->height));
                const Point2 source = input->transform.imageFromModel({double(x) + 0.5, double(y) + 0.5});
                if (source.x < 4 || source.y < 4 || source.x > double(size.width) - 4 ||
                    source.y > double(size.height) - 4)
                    continue;
                const double red = 255.0 * (source.x - 0.5) / double(size.width - 1);
                const double green = 255.0 * (source.y - 0.5) / double(size.height - 1);
                EXPECT_NEAR(seen.value(x, y, 0), red, 2.0) << text << size.width << "x" << size.height;
                EXPECT_NEAR(seen.value(x, y, 1), green, 2.0) << text << size.width << "x" << size.height;
            }
        }
}

TEST(Preprocess, SizesFollowTheProcessor) {
    const Image image = gradient({131, 97});
    const auto sizeOf = [&](const char* text, const PreprocessOverride& change = {}) {
        const auto input = preprocess(image, configOf(text), change);
        EXPECT_TRUE(input);
        return ImageSize{input->width, input->height};
    };
    EXPECT_EQ(sizeOf(kConfigs[0]), (ImageSize{64, 64}));
    EXPECT_EQ(sizeOf(kConfigs[1]), (ImageSize{48, 64}));
    EXPECT_EQ(sizeOf(kConfigs[5]), (ImageSize{112, 112}));
    EXPECT_EQ(sizeOf(kConfigs[8]), (ImageSize{98, 70}));
    PreprocessOverride change;
    change.shortSide = 100;
    EXPECT_EQ(sizeOf(kConfigs[0], change), (ImageSize{135, 100}));
    change.multipleOf = 16;
    EXPECT_EQ(sizeOf(kConfigs[0], change), (ImageSize{128, 96}));
    change.multipleRule = PreprocessOverride::MultipleRule::Pad;
    EXPECT_EQ(sizeOf(kConfigs[0], change), (ImageSize{144, 112}));
    change = {};
    change.targetSize = ImageSize{80, 80};
    EXPECT_EQ(sizeOf(kConfigs[0], change), (ImageSize{80, 80}));
    change.keepAspect = true;
    const auto fitted = preprocess(image, configOf(kConfigs[0]), change);
    ASSERT_TRUE(fitted);
    EXPECT_EQ(fitted->resizedSize, (ImageSize{80, 59}));
    EXPECT_EQ(fitted->height, 80);
}

TEST(Preprocess, UnnormalizedValuesLieBetweenZeroAndOne) {
    PreprocessOverride change;
    change.unnormalized = true;
    const auto input = preprocess(gradient({50, 40}), configOf(kConfigs[3]), change);
    ASSERT_TRUE(input);
    const auto [low, high] = std::minmax_element(input->pixels.begin(), input->pixels.end());
    EXPECT_GE(*low, 0.0f);
    EXPECT_LE(*high, 1.0f);
    EXPECT_GT(*high, 0.5f);
}

TEST(Preprocess, RefusesWhatItCannotRead) {
    const auto errorOf = [](const char* text) {
        return preprocessConfigFromJson(*parseJson(text, "test"), "p.json").error();
    };
    EXPECT_EQ(errorOf(R"({"image_processor_type":"OwlImageProcessor"})").code, ErrorCode::UnknownFamily);
    EXPECT_EQ(errorOf("[1]").code, ErrorCode::InvalidFile);
    EXPECT_EQ(errorOf("{}").code, ErrorCode::NotFound);
    for (const char* wrong :
         {R"("size":{"height":-1,"width":3})", R"("size":{})", R"("size":"big")", R"("resample":9)",
          R"("image_std":[0,1,1])", R"("image_mean":[0,1])", R"("do_resize":"yes")"}) {
        const Error error =
            errorOf(fmt::format(R"({{"image_processor_type":"CLIPImageProcessor",{}}})", wrong).c_str());
        EXPECT_NE(error.where.find("p.json"), std::string::npos) << wrong;
    }
    PreprocessOverride both;
    both.shortSide = 3;
    both.targetSize = ImageSize{3, 3};
    EXPECT_FALSE(preprocess(gradient({9, 9}), configOf(kConfigs[0]), both));
    EXPECT_FALSE(preprocess(Image(), configOf(kConfigs[0])));
}

TEST(ImageTransform, SurvivesJson) {
    const auto input = preprocess(gradient({77, 55}), configOf(kConfigs[0]));
    ASSERT_TRUE(input);
    EXPECT_EQ(ImageTransform::fromJson(input->transform.toJson()).value(), input->transform);
    Json damaged = input->transform.toJson();
    damaged["scale"]["x"] = 0;
    EXPECT_FALSE(ImageTransform::fromJson(damaged));
}

TEST(Image, BecomesRgbAsPilDoes) {
    Image grey({1, 1}, 2, SampleType::U8);
    grey.row<uint8_t>(0)[0] = 70;
    EXPECT_EQ(grey.toRgb8().value(0, 0, 2), 70);
    Image deep({1, 1}, 3, SampleType::U16);
    deep.row<uint16_t>(0)[1] = 0x80FF;
    EXPECT_EQ(deep.toRgb8().value(0, 0, 1), 0x80);
    Image linear({1, 1}, 1, SampleType::F32);
    linear.row<float>(0)[0] = 0.5f;
    EXPECT_EQ(linear.toRgb8().value(0, 0, 0), 188);
    linear.row<float>(0)[0] = std::nanf("");
    EXPECT_EQ(linear.toRgb8().value(0, 0, 0), 0);
}

}  // namespace vitrine
