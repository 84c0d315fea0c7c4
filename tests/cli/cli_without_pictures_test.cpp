// A build without OpenCV (VITRINE_MEDIA=OFF): what needs pictures says so, the rest works.
#include "tests/cli/command_line.h"

namespace vitrine {
namespace {

// The smallest PNG: one grey pixel.
constexpr unsigned char kPng[] = {
    0x89, 'P',  'N',  'G',  0x0d, 0x0a, 0x1a, 0x0a, 0,    0,    0,    0x0d, 'I',  'H',  'D',  'R',  0,
    0,    0,    1,    0,    0,    0,    1,    8,    0,    0,    0,    0,    0x3a, 0x7e, 0x9b, 0x55, 0,
    0,    0,    0x0a, 'I',  'D',  'A',  'T',  0x78, 0x9c, 0x63, 0x60, 0,    0,    0,    2,    0,    1,
    0x48, 0xaf, 0xa4, 0x71, 0,    0,    0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};

}  // namespace

TEST_F(CommandLine, SaysThatThisBuildReadsNoPictures) {
    VITRINE_SHARED_DATA(model, "goldens/clip");
    const std::filesystem::path picture = folder_ / "grey.png";
    ASSERT_TRUE(writeFileAtomically(picture, {reinterpret_cast<const char*>(kPng), sizeof kPng}));
    for (const char* command : {"map", "inspect"}) {
        const Outcome outcome =
            call(fmt::format("--quiet {} '{}' '{}'", command, picture.string(), model.string()));
        EXPECT_EQ(outcome.exitCode, 1) << outcome.errors;
        EXPECT_NE(outcome.errors.find("grey.png"), std::string::npos) << outcome.errors;
        EXPECT_NE(outcome.errors.find("-DVITRINE_MEDIA=ON"), std::string::npos) << outcome.errors;
    }
    EXPECT_EQ(call(fmt::format("--quiet map /no/such.png '{}'", model.string())).exitCode, 3);
    EXPECT_NE(call("doctor").output.find("VITRINE_MEDIA=OFF"), std::string::npos);
}

TEST_F(CommandLine, SkipsThePreprocessingOfVerifiedModels) {
    VITRINE_SHARED_DATA(model, "goldens/clip");
    const Json folder = json(call(fmt::format("--json verify '{}'", model.string())))["folders"][0];
    EXPECT_EQ(folder["failed"], 0);
    EXPECT_GT(folder["passed"].get<int>(), 0);
    EXPECT_GT(folder["skipped"].get<int>(), 0);
}

}  // namespace vitrine
