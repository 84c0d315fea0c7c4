// Segmenting as a user calls it. The models are random: what is tested is that prompts, masks and files fit
// together.
#include "core/media/image_reader.h"
#include "tests/cli/command_line.h"

namespace vitrine {
namespace fs = std::filesystem;

TEST_F(CommandLine, SegmentsByPointsAndBoxes) {
    VITRINE_SHARED_DATA(photo, "data/images/photos/truck.jpg");
    for (const char* name : {"goldens/sam", "goldens/sam2"}) {
        VITRINE_SHARED_DATA(model, name);
        const Outcome one =
            call(fmt::format("--json --quiet segment '{}' '{}' --point 700,560 --outside 10,10 --masks '{}'",
                             photo.string(), model.string(), (folder_ / "masks").string()));
        ASSERT_EQ(one.exitCode, 0) << one.errors;
        const Json objects = json(one)["objects"];
        ASSERT_EQ(objects.size(), 1u) << name;
        const auto mask = readImage(folder_ / "masks" / "object-1.png");
        ASSERT_TRUE(mask) << mask.error().text();
        EXPECT_EQ(mask->size(), (ImageSize{1800, 1200}));
        int64_t inside = 0;
        for (int64_t y = 0; y < mask->height(); ++y)
            for (int64_t x = 0; x < mask->width(); ++x)
                inside += mask->row<uint8_t>(y)[x] == 255;
        EXPECT_EQ(inside, objects[0]["pixels"].get<int64_t>());
        const Outcome two =
            call(fmt::format("--json --quiet segment '{}' '{}' --box 100,100,900,700 --box 5,5,400,300",
                             photo.string(), model.string()));
        ASSERT_EQ(two.exitCode, 0) << two.errors;
        EXPECT_EQ(json(two)["objects"].size(), 2u) << name;
    }
}

TEST_F(CommandLine, SegmentsByText) {
    VITRINE_SHARED_DATA(photo, "data/images/photos/truck.jpg");
    VITRINE_SHARED_DATA(model, "goldens/sam3");
    const std::string both = fmt::format("'{}' '{}'", photo.string(), model.string());
    const Outcome all = call(fmt::format("--json --quiet segment {} --text truck --threshold 0 --output '{}'",
                                         both, (folder_ / "seen.png").string()));
    ASSERT_EQ(all.exitCode, 0) << all.errors;
    const Json found = json(all);
    EXPECT_EQ(found["objects"].size(), 10u);
    EXPECT_GT(found["presence"].get<double>(), 0);
    EXPECT_TRUE(readImage(folder_ / "seen.png"));
    EXPECT_EQ(call(fmt::format("--quiet segment {} --text truck --threshold 1", both)).exitCode, 1);
}

TEST_F(CommandLine, SaysWhatAPromptLacks) {
    VITRINE_SHARED_DATA(photo, "data/images/photos/truck.jpg");
    VITRINE_SHARED_DATA(sam, "goldens/sam");
    VITRINE_SHARED_DATA(sam3, "goldens/sam3");
    VITRINE_SHARED_DATA(clip, "goldens/clip");
    const auto errorOf = [&](const fs::path& model, const std::string& prompt, int exitCode) {
        const Outcome outcome =
            call(fmt::format("--quiet segment '{}' '{}' {}", photo.string(), model.string(), prompt));
        EXPECT_EQ(outcome.exitCode, exitCode) << prompt << ": " << outcome.errors;
        return outcome.errors;
    };
    EXPECT_NE(errorOf(sam, "", 2).find("nothing says what to segment"), std::string::npos);
    EXPECT_NE(errorOf(sam, "--point 9000,5", 2).find("outside the picture of 1800 x 1200"),
              std::string::npos);
    EXPECT_NE(errorOf(sam, "--point 5", 2).find("expected 2 numbers"), std::string::npos);
    EXPECT_NE(errorOf(sam3, "--point 5,5", 1).find("takes no points"), std::string::npos);
    EXPECT_NE(errorOf(sam, "--text truck", 1).find("takes no text"), std::string::npos);
    EXPECT_NE(errorOf(clip, "--point 5,5", 1).find("outlines nothing"), std::string::npos);
}

}  // namespace vitrine
