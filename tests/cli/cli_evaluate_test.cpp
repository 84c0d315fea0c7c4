// `vitrine evaluate` as a user calls it.
#include "core/media/image_writer.h"
#include "tests/cli/command_line.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

const Json* scoreOf(const Json& result, const char* task) {
    for (const Json& row : result["scores"])
        if (row["task"] == task)
            return &row;
    return nullptr;
}

// Ten pictures whose left part is dark and class 0, whose right part is bright and class 1.
void writeHalves(const fs::path& pictures, const fs::path& labels) {
    fs::create_directories(pictures);
    fs::create_directories(labels);
    for (int64_t index = 0; index < 10; ++index) {
        Image picture({96, 64}, 3, SampleType::U8), label({96, 64}, 1, SampleType::U8);
        for (int64_t y = 0; y < 64; ++y)
            for (int64_t x = 0; x < 96; ++x) {
                const bool bright = x >= 24 + 5 * index;
                std::fill_n(picture.row<uint8_t>(y) + 3 * x, 3,
                            uint8_t(bright ? 210 + (x * y) % 30 : 30 + (x + y) % 30));
                label.row<uint8_t>(y)[x] = y < 4 ? 255 : bright ? 1 : 0;
            }
        ASSERT_TRUE(writeImage(pictures / fmt::format("{}.png", index), picture));
        ASSERT_TRUE(writeImage(labels / fmt::format("{}.png", index), label));
    }
}

}  // namespace

TEST_F(CommandLine, EvaluatesClassesOfPictures) {
    VITRINE_SHARED_DATA(cifar, "data/images/cifar10");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const Outcome outcome = call(fmt::format("--json --quiet evaluate '{}' --classification '{}' --batch 50",
                                             resnet.string(), (cifar / "test_1000.bin").string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    const Json* knn = scoreOf(result, "kNN");
    ASSERT_TRUE(knn);
    // Its own classifier has 80.4 % on these pictures; frozen features must come near, and none of this is
    // chance.
    EXPECT_GT((*knn)["score"].get<double>(), 0.7);
    EXPECT_GT((*scoreOf(result, "linear probe"))["score"].get<double>(), 0.7);
    EXPECT_DOUBLE_EQ((*knn)["detail"]["chance"].get<double>(), 0.1);
    EXPECT_EQ((*knn)["detail"]["training"], 800);
    EXPECT_EQ((*knn)["detail"]["test"], 200);
}

TEST_F(CommandLine, EvaluatesCorrespondence) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const Outcome outcome =
        call(fmt::format("--json --quiet evaluate '{}' --correspondence '{}' --resolutions 128",
                         resnet.string(), photos.string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    const Json* row = scoreOf(result, "correspondence");
    ASSERT_TRUE(row);
    EXPECT_EQ((*row)["detail"]["warps"].size(), 3u);
    // Chance is five cells of a thousand.
    EXPECT_GT((*row)["score"].get<double>(), 0.05);
    EXPECT_LT((*row)["score"].get<double>(), 1);
}

TEST_F(CommandLine, EvaluatesClassesOfPixels) {
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path set = folder_ / "set";
    writeHalves(set / "train", set / "train_labels");
    writeHalves(set / "test", set / "test_labels");
    ASSERT_TRUE(writeFileAtomically(set / "classes.csv", "id,name\n0,dark\n1,bright\n2,Unlabelled\n"));
    const std::string command =
        fmt::format("--json --quiet evaluate '{}' --segmentation '{}' --resolutions 64 --output '{}'",
                    resnet.string(), set.string(), (folder_ / "out").string());
    const Outcome outcome = call(command);
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    const Json* row = scoreOf(result, "segmentation");
    ASSERT_TRUE(row);
    EXPECT_GT((*row)["score"].get<double>(), 0.85);
    EXPECT_EQ((*row)["detail"]["intersectionOverUnion"].size(), 2u);
    EXPECT_TRUE(fs::exists(folder_ / "out" / "evaluation.csv"));
    // A label picture that is missing is named before anything is encoded.
    fs::remove(set / "test_labels" / "3.png");
    const Outcome missing = call(command);
    EXPECT_EQ(missing.exitCode, 3);
    EXPECT_NE(missing.errors.find("3.png"), std::string::npos) << missing.errors;
    EXPECT_EQ(call(fmt::format("evaluate '{}'", resnet.string())).exitCode, 2) << "nothing to evaluate on";
}

}  // namespace vitrine
