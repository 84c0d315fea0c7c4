// `vitrine statistics` as a user calls it.
#include "tests/cli/command_line.h"

namespace vitrine {
namespace fs = std::filesystem;

TEST_F(CommandLine, CollectsStatisticsOfTwoTeachers) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    VITRINE_SHARED_DATA(vit, "data/encoders/vit_cifar10");
    const fs::path broken = folder_ / "broken.jpg";
    ASSERT_TRUE(writeFileAtomically(broken, "this is no picture"));
    const std::string inputs =
        fmt::format("'{}' '{}' '{}' '{}'", resnet.string(), photos.string(), vit.string(), broken.string());
    const fs::path files = folder_ / "statistics";
    const Outcome outcome = call(
        fmt::format("--json --quiet statistics {} --resolution 96 --output '{}'", inputs, files.string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    ASSERT_EQ(result["teachers"].size(), 2u) << outcome.output;
    for (const Json& row : result["teachers"]) {
        EXPECT_EQ(row["leftOut"], 1);
        EXPECT_GT(row["vectors"].get<int64_t>(), 0);
        EXPECT_LE(row["smallestChannelStd"].get<double>(), row["phi"].get<double>());
        EXPECT_GE(row["largestChannelStd"].get<double>(), row["phi"].get<double>());
        EXPECT_LE(row["effectiveRank"].get<double>(), row["rankMe"].get<double>() + 1e-6);
        EXPECT_LE(row["numericalRank"], row["channels"]);
        const fs::path stream = files / row["teacher"].get<std::string>() / "final";
        // One line for each channel, the expected variances after each normaliser beside it.
        const auto channels = readFile(stream / "channels.csv");
        ASSERT_TRUE(channels);
        EXPECT_NE(channels->find("phi-s"), std::string::npos);
        EXPECT_EQ(std::count(channels->begin(), channels->end(), '\n'), row["channels"].get<int64_t>() + 1);
        const auto phi = readFile(stream / "phi-s.safetensors");
        ASSERT_TRUE(phi);
        EXPECT_GT(phi->size(), size_t(row["channels"]) * size_t(row["channels"]) * 4);
        // The features of a sample of pictures, as they are: 11 photographs, at most 128 vectors of each.
        const auto sample = readFile(stream / "sample.safetensors");
        ASSERT_TRUE(sample);
        EXPECT_NE(sample->find("dog.jpg"), std::string::npos);
        EXPECT_GT(sample->size(), size_t(row["channels"]) * 11 * 4);
        EXPECT_LT(sample->size(), size_t(row["channels"]) * 11 * 128 * 4 + 40'000);
    }
    // The same pictures and teachers again: the same result.
    const Outcome again = call(fmt::format("--json --quiet statistics {} --resolution 96", inputs));
    ASSERT_EQ(again.exitCode, 0) << again.errors;
    EXPECT_EQ(json(again)["resultHash"], result["resultHash"]);
    EXPECT_NE(json(again)["run"], result["run"]);
}

TEST_F(CommandLine, SaysWhatStatisticsLack) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const auto wrong = [&](const std::string& arguments, const char* expected) {
        const Outcome outcome = call("--quiet statistics " + arguments);
        EXPECT_EQ(outcome.exitCode, 2) << arguments << outcome.errors;
        EXPECT_NE(outcome.errors.find(expected), std::string::npos) << outcome.errors;
    };
    wrong(fmt::format("'{}'", photos.string()), "no model");
    wrong(fmt::format("'{}'", resnet.string()), "no pictures");
    wrong(fmt::format("'{}' '{}' --layers 99", resnet.string(), photos.string()), "layer 99");
    wrong(fmt::format("'{}' '{}' --adaptors clip", resnet.string(), photos.string()), "no adaptor");
    EXPECT_EQ(call("statistics /no/such/folder").exitCode, 3);
}

}  // namespace vitrine
