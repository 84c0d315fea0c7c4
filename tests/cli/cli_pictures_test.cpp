// What the command line does with pictures: only in a build that reads them.
#include "tests/cli/command_line.h"

namespace vitrine {
namespace fs = std::filesystem;

TEST_F(CommandLine, RunsTheMainJobAndRemembersIt) {
    VITRINE_SHARED_DATA(photo, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(model, "data/encoders/efficientnet_lite0");
    const Outcome outcome =
        call(fmt::format("--json --quiet inspect '{}' '{}'", photo.string(), model.string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    const auto report = readFile(result["report"].get<std::string>());
    ASSERT_TRUE(report);
    EXPECT_NE(report->find("data:image/png;base64,"), std::string::npos);
    EXPECT_NE(report->find("PCA, joint bilateral"), std::string::npos);

    const Json shown = json(call("--json runs show last"));
    EXPECT_NE(shown.dump().find(result["run"].get<std::string>()), std::string::npos);
    EXPECT_NE(shown.dump().find("RankMe"), std::string::npos);
    // Same recipe, same device: same result.
    const Json again =
        json(call(fmt::format("--json --quiet inspect '{}' '{}'", photo.string(), model.string())));
    EXPECT_EQ(again["resultHash"], result["resultHash"]);
}

TEST_F(CommandLine, ExtractsFeaturesOnceAndReusesThem) {
    VITRINE_SHARED_DATA(images, "data/images/photos");
    VITRINE_SHARED_DATA(model, "data/encoders/efficientnet_lite0");
    const Json recipe = {
        {"kind", "extract"},
        {"settings",
         {{"model", model.string()},
          {"images", {(images / "dog.jpg").string(), (images / "truck.jpg").string(), "/no/such.jpg"}},
          {"layers", {-1, 5}},
          {"resolution", 128}}}};
    ASSERT_TRUE(writeFileAtomically(folder_ / "recipe.json", recipe.dump()));
    ASSERT_EQ(call(fmt::format("project create '{}'", (folder_ / "project").string())).exitCode, 0);
    const Outcome first = call(fmt::format("--quiet run '{}'", (folder_ / "recipe.json").string()));
    ASSERT_EQ(first.exitCode, 0) << first.errors;
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "project" / "features"), {}), 2);
    ASSERT_EQ(call(fmt::format("--quiet run '{}'", (folder_ / "recipe.json").string())).exitCode, 0);
    const std::string shown = call("--json runs show last").output;
    EXPECT_NE(shown.find("system/pictures reused"), std::string::npos);

    const Outcome misspelt =
        call(fmt::format("run '{}' --set settings.resoluton=64", (folder_ / "recipe.json").string()));
    EXPECT_EQ(misspelt.exitCode, 2);
    EXPECT_NE(misspelt.errors.find("resolution"), std::string::npos) << misspelt.errors;
}

TEST_F(CommandLine, MakesOnePicture) {
    VITRINE_SHARED_DATA(photo, "data/images/photos/dog.jpg");
    VITRINE_SHARED_DATA(model, "data/encoders/efficientnet_lite0");
    const fs::path file = folder_ / "map.png";
    for (const char* kind : {"pca", "similarity", "norms", "clusters", "channel", "model-input"}) {
        const Outcome outcome = call(fmt::format("--quiet map '{}' '{}' --kind {} --output '{}' --size 256",
                                                 photo.string(), model.string(), kind, file.string()));
        EXPECT_EQ(outcome.exitCode, 0) << kind << ": " << outcome.errors;
        EXPECT_GT(fs::file_size(file), 500u) << kind;
    }
    const Outcome guided =
        call(fmt::format("map '{}' '{}' --upsampler 'guided filter' --output '{}' --size 256", photo.string(),
                         model.string(), file.string()));
    EXPECT_EQ(guided.exitCode, 0) << guided.errors;
    EXPECT_NE(guided.output.find("of those upsampling"), std::string::npos) << guided.output;
    const Outcome misspelt = call(fmt::format("map '{}' '{}' --upsampler bilinaer --output '{}'",
                                              photo.string(), model.string(), file.string()));
    EXPECT_NE(misspelt.exitCode, 0);
    EXPECT_NE(misspelt.errors.find("bilinear"), std::string::npos) << misspelt.errors;
    const Outcome list = call("upsamplers");
    EXPECT_EQ(list.exitCode, 0) << list.errors;
    for (const char* name : {"jbu", "guided filter"})
        EXPECT_NE(list.output.find(name), std::string::npos) << list.output;
    const Outcome attention = call(fmt::format("map '{}' '{}' --kind attention --output '{}'", photo.string(),
                                               model.string(), file.string()));
    EXPECT_EQ(attention.exitCode, 1);
    EXPECT_NE(attention.errors.find("no attention"), std::string::npos) << attention.errors;
}

}  // namespace vitrine
