// preprocessor_config.json and pictures of real model folders against what the reference implementation made
// of them.
#include "core/base/file.h"
#include "core/media/image_reader.h"
#include "core/media/preprocess.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

namespace vitrine {
namespace {

// Tensors of a small safetensors file, as float or int64.
class Expected {
  public:
    explicit Expected(const std::filesystem::path& file) : content_(readFile(file).value()) {
        uint64_t length = 0;
        std::memcpy(&length, content_.data(), 8);
        header_ = parseJson(std::string_view(content_).substr(8, length), "safetensors").value();
        data_ = 8 + length;
    }
    template <typename T>
    std::vector<T> values(const std::string& name) const {
        const auto& offsets = header_.at(name).at("data_offsets");
        const size_t begin = offsets[0].get<size_t>(), end = offsets[1].get<size_t>();
        std::vector<T> out((end - begin) / sizeof(T));
        std::memcpy(out.data(), content_.data() + data_ + begin, end - begin);
        return out;
    }
    bool has(const std::string& name) const { return header_.contains(name); }

  private:
    std::string content_;
    Json header_;
    size_t data_ = 0;
};

void compareCall(const std::filesystem::path& folder, const Json& meta, const std::string& id,
                 const std::string& png, const Expected& expected) {
    const auto config = readPreprocessConfig(folder / "preprocessor_config.json");
    ASSERT_TRUE(config) << config.error().text();
    const auto image = readImage(folder / png);
    ASSERT_TRUE(image) << image.error().text();
    const auto input = preprocess(*image, *config);
    ASSERT_TRUE(input) << input.error().text();
    const std::string name = id + ".pixel_values";
    const auto wanted = expected.values<float>(name);
    const auto& actual = input->patches.empty() ? input->pixels : input->patches;
    ASSERT_EQ(actual.size(), wanted.size());
    double worst = 0;
    size_t different = 0;
    const double tolerance = meta["tensors"][name]["tol_abs"];
    for (size_t i = 0; i < wanted.size(); ++i) {
        const double difference = std::abs(double(actual[i]) - double(wanted[i]));
        worst = std::max(worst, difference);
        different += difference > tolerance / 20;
    }
    EXPECT_LE(worst, tolerance);
    std::printf("%s %s: largest difference %.3g of %.3g allowed, %.2f %% of the samples differ\n",
                folder.filename().c_str(), id.c_str(), worst, tolerance,
                100.0 * double(different) / double(wanted.size()));
    if (expected.has(id + ".spatial_shapes")) {
        EXPECT_EQ(expected.values<int64_t>(id + ".spatial_shapes"),
                  (std::vector<int64_t>{input->spatialShape[0], input->spatialShape[1]}));
        EXPECT_EQ(expected.values<int32_t>(id + ".pixel_attention_mask"), input->patchMask);
    }
    if (expected.has(id + ".reshaped_input_sizes")) {
        EXPECT_EQ(expected.values<int64_t>(id + ".reshaped_input_sizes"),
                  (std::vector<int64_t>{input->resizedSize.height, input->resizedSize.width}));
        EXPECT_EQ(expected.values<int64_t>(id + ".original_sizes"),
                  (std::vector<int64_t>{input->originalSize.height, input->originalSize.width}));
    }
    if (expected.has(id + ".input_points")) {
        const auto points = Expected(folder / "inputs.safetensors").values<float>(id + ".points_original");
        const auto moved = expected.values<float>(id + ".input_points");
        for (size_t i = 0; i + 1 < points.size(); i += 2) {
            const Point2 point = input->transform.modelFromImage({points[i], points[i + 1]});
            EXPECT_NEAR(point.x, moved[i], 1e-3);
            EXPECT_NEAR(point.y, moved[i + 1], 1e-3);
        }
    }
}

class PreprocessGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(PreprocessGolden, AgreesWithTheReference) {
    VITRINE_SHARED_DATA(folder, std::filesystem::path("goldens") / GetParam());
    const Json meta = readJsonFile(folder / "meta.json").value();
    const Expected expected(folder / "expected.safetensors");
    int calls = 0;
    for (const Json& call : meta["calls"])
        if (call["id"].get<std::string>().starts_with("pre")) {
            compareCall(folder, meta, call["id"], call["inputs"]["image"], expected);
            ++calls;
        }
    EXPECT_GT(calls, 0);
}

INSTANTIATE_TEST_SUITE_P(Processors, PreprocessGolden,
                         ::testing::Values("clip", "siglip2_fixed", "siglip2_naflex", "dinov2_registers",
                                           "dinov3_vit", "sam", "depth_anything", "radio_vit"));

}  // namespace
}  // namespace vitrine
