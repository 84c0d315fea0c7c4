// The analysis commands as a user calls them.
#include "tests/cli/command_line.h"

namespace vitrine {
namespace fs = std::filesystem;

TEST_F(CommandLine, ComparesTheLayersOfAModelWithItself) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(model, "goldens/clip");
    const fs::path file = folder_ / "cka.png";
    const Outcome outcome =
        call(fmt::format("--json --quiet compare '{0}' '{0}' '{1}' /no/such.jpg --output '{2}'",
                         model.string(), photos.string(), file.string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    const size_t layers = result["rows"].size();
    ASSERT_GT(layers, 2u);
    for (size_t layer = 0; layer < layers; ++layer)
        EXPECT_NEAR(result["cka"][layer][layer].get<double>(), 1, 1e-9);
    EXPECT_EQ(result["rankMe"]["model"], result["rankMe"]["other"]);
    ASSERT_EQ(result["skipped"].size(), 1u);
    EXPECT_EQ(result["skipped"][0]["picture"], "/no/such.jpg");
    EXPECT_GT(fs::file_size(file), 1000u);
    const auto csv = readFile(folder_ / "cka.csv");
    ASSERT_TRUE(csv);
    EXPECT_EQ(std::count(csv->begin(), csv->end(), '\n'), std::ptrdiff_t(layers + 1));
}

TEST_F(CommandLine, SaysWhatIsWrongBeforeThePicturesAreEncoded) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(model, "goldens/clip");
    const std::string both = fmt::format("'{}' '{}'", model.string(), photos.string());
    const Outcome folder = call(fmt::format("pattern {} --output /no/such/folder/map.png", both));
    EXPECT_EQ(folder.exitCode, 3);
    EXPECT_NE(folder.errors.find("no such folder"), std::string::npos) << folder.errors;
    const Outcome ending =
        call(fmt::format("pattern {} --output '{}'", both, (folder_ / "map.gif").string()));
    EXPECT_EQ(ending.exitCode, 2);
    EXPECT_NE(ending.errors.find(".png"), std::string::npos) << ending.errors;
    const Outcome layer = call(fmt::format("--quiet pattern {} --layer 99", both));
    EXPECT_EQ(layer.exitCode, 2) << layer.errors;
    EXPECT_EQ(call(fmt::format("--quiet rank '{}' /no/such.jpg", model.string())).exitCode, 3);
    const Outcome none = call(fmt::format("zeroshot {}", both));
    EXPECT_EQ(none.exitCode, 2);
    EXPECT_NE(none.errors.find("--classes"), std::string::npos) << none.errors;
    const Outcome placeless = call(fmt::format("zeroshot {} --classes 'a,b' --template 'a picture'", both));
    EXPECT_EQ(placeless.exitCode, 2);
    EXPECT_NE(placeless.errors.find("--template"), std::string::npos) << placeless.errors;
    EXPECT_EQ(call(fmt::format("neighbors {} --labels /no/labels.csv", both)).exitCode, 3);
    EXPECT_EQ(call(fmt::format("neighbors /no/such/model '{}'", photos.string())).exitCode, 3);
}

TEST_F(CommandLine, FindsACopyOfAPictureAndClassifiesByText) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(encoder, "data/encoders/efficientnet_lite0");
    VITRINE_SHARED_DATA(clip, "goldens/clip");
    fs::copy(photos / "dog.jpg", folder_ / "copy.jpg");
    const Outcome found =
        call(fmt::format("--json --quiet neighbors '{}' '{}' --query '{}' --k 2", encoder.string(),
                         photos.string(), (folder_ / "copy.jpg").string()));
    ASSERT_EQ(found.exitCode, 0) << found.errors;
    const Json nearest = json(found)["queries"][0]["nearest"];
    ASSERT_EQ(nearest.size(), 2u);
    EXPECT_EQ(fs::path(nearest[0]["picture"].get<std::string>()).filename(), "dog.jpg");
    EXPECT_NEAR(nearest[0]["cosine"].get<double>(), 1, 1e-4);

    const Outcome scored =
        call(fmt::format("--json --quiet zeroshot '{}' '{}' --classes 'a dog, a truck' --classes 'a house'",
                         clip.string(), (photos / "dog.jpg").string()));
    ASSERT_EQ(scored.exitCode, 0) << scored.errors;
    const Json table = json(scored);
    EXPECT_EQ(table["classes"], Json({"a dog", "a truck", "a house"}));
    double sum = 0;
    for (const double probability : table["pictures"][0]["probabilities"])
        sum += probability;
    EXPECT_NEAR(sum, 1, 1e-5);
    const Outcome textless =
        call(fmt::format("--quiet zeroshot '{}' '{}' --classes 'a,b'", encoder.string(), photos.string()));
    EXPECT_EQ(textless.exitCode, 1);
    EXPECT_NE(textless.errors.find("no text side"), std::string::npos) << textless.errors;
}

TEST_F(CommandLine, MeasuresRankAndFixedPattern) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(model, "goldens/clip");
    const std::string both = fmt::format("'{}' '{}'", model.string(), photos.string());
    const Outcome ranked = call(fmt::format("--json --quiet rank {} --views 2 --tokens 64 --output '{}'",
                                            both, (folder_ / "rank.csv").string()));
    ASSERT_EQ(ranked.exitCode, 0) << ranked.errors;
    const Json ranks = json(ranked);
    EXPECT_EQ(ranks["views"], 2);
    for (const Json& layer : ranks["layers"]) {
        EXPECT_GE(layer["rankMe"].get<double>(), 1);
        EXPECT_LE(layer["rankMe"].get<double>(), 64.01);
        EXPECT_TRUE(layer["lidar"].is_number());
    }
    EXPECT_TRUE(fs::exists(folder_ / "rank.csv"));
    const Outcome without = call(fmt::format("--quiet rank {} --views 0 --tokens 64 --limit 2", both));
    EXPECT_NE(without.output.find("without LiDAR"), std::string::npos) << without.output;

    const Outcome averaged =
        call(fmt::format("--json --quiet pattern {} --output '{}'", both, (folder_ / "map").string()));
    ASSERT_EQ(averaged.exitCode, 0) << averaged.errors;
    const Json pattern = json(averaged);
    EXPECT_EQ(pattern["pictures"], 11);
    EXPECT_NEAR(pattern["chance"].get<double>(), 1.0 / 11, 1e-9);
    EXPECT_GT(fs::file_size(folder_ / "map.png"), 500u);
    EXPECT_TRUE(fs::exists(folder_ / "map.csv"));
}

}  // namespace vitrine
