// `vitrine fidelity` and the training of an upsampler, as a user calls them.
#include "tests/cli/command_line.h"

namespace vitrine {
namespace fs = std::filesystem;

TEST_F(CommandLine, ComparesUpsamplersWithTheEncodersOwnFeatures) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path recipe = folder_ / "recipe.json";
    const fs::path trained = folder_ / "sharp";
    ASSERT_TRUE(writeFileAtomically(recipe, Json{{"kind", "train_upsampler"},
                                                 {"seed", 1},
                                                 {"settings",
                                                  {{"model", resnet.string()},
                                                   {"images", {photos.string()}},
                                                   {"limit", 10},
                                                   {"side", 32},
                                                   {"steps", 3},
                                                   {"batch", 2},
                                                   {"views", 1},
                                                   {"statistics_batches", 3},
                                                   {"probe_every", 0},
                                                   {"output", trained.string()}}}}
                                                .dump()));
    const Outcome training = call("--quiet run " + recipe.string());
    ASSERT_EQ(training.exitCode, 0) << training.errors;

    const Outcome outcome =
        call(fmt::format("--json --quiet fidelity '{}' '{}' --side 32 --limit 4 --upsamplers nearest "
                         "--upsamplers bilinear --upsamplers jbu --upsamplers '{}' --output '{}'",
                         resnet.string(), photos.string(), trained.string(), (folder_ / "out").string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    EXPECT_EQ(result["pictures"], 4);
    ASSERT_EQ(result["scores"].size(), 4u);
    std::map<std::string, double> fidelity;
    for (const Json& row : result["scores"])
        fidelity[row["upsampler"]] = row["fidelity"];
    EXPECT_GT(fidelity["bilinear"], fidelity["nearest"]);
    EXPECT_GT(fidelity["sharp"], 0.0);
    EXPECT_TRUE(fs::exists(folder_ / "out" / "fidelity.csv"));
    EXPECT_TRUE(fs::exists(folder_ / "out" / "fidelity"));

    const Outcome misfit = call(fmt::format("fidelity '{}' '{}' --side 48 --upsamplers '{}'", resnet.string(),
                                            photos.string(), trained.string()));
    EXPECT_EQ(misfit.exitCode, 2);
    EXPECT_NE(misfit.errors.find("pictures of 64 pixels"), std::string::npos) << misfit.errors;
    const Outcome unknown = call(
        fmt::format("fidelity '{}' '{}' --side 32 --upsamplers bilinaer", resnet.string(), photos.string()));
    EXPECT_NE(unknown.errors.find("bilinear"), std::string::npos) << unknown.errors;
    VITRINE_SHARED_DATA(fixed, "data/encoders/vit_cifar10");
    const Outcome refused = call(fmt::format("fidelity '{}' '{}'", fixed.string(), photos.string()));
    EXPECT_NE(refused.errors.find("takes pictures of 32 pixels only"), std::string::npos) << refused.errors;
}

TEST_F(CommandLine, FitsFeatUpToAPictureAndFindsTheFitAgain) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    const std::string encoder = (testing::sourceFolder() / "resources" / "models" / "vitrine_s").string();
    const std::string picture = (photos / "dog.jpg").string();
    const std::string fit = fmt::format(
        "--json --quiet upsampler fit '{}' '{}' --resolution 64 --jitters 20 --steps 12 --batch 2 --cell 4 "
        "--components 16",
        picture, encoder);
    const auto mapWith = [&](const std::string& upsampler, const std::string& of) {
        const fs::path file = folder_ / "map.png";
        const Outcome map =
            call(fmt::format("--json --quiet map '{}' '{}' --resolution 64 --upsampler '{}' --output '{}'",
                             of, encoder, upsampler, file.string()));
        EXPECT_EQ(map.exitCode, 0) << map.errors;
        return std::pair(readFile(file).value_or(""), json(map));
    };

    const Json cost = json(call(fit + " --cost"));
    EXPECT_GT(cost["cost"]["viewSeconds"].get<double>(), 0);
    EXPECT_GT(cost["cost"]["stepSeconds"].get<double>(), 0);
    EXPECT_FALSE(fs::exists(folder_ / "cache" / "featup"));

    const fs::path copy = folder_ / "fit.safetensors";
    const Json first = json(call(fit + fmt::format(" --output '{}'", copy.string())));
    EXPECT_EQ(first["fittedNow"], true);
    EXPECT_LT(first["report"]["unseen_after"].get<double>(), first["report"]["unseen_before"].get<double>());
    EXPECT_TRUE(fs::exists(copy));
    EXPECT_EQ(json(call(fit))["fittedNow"], false);
    const std::string name = first["upsampler"];
    EXPECT_EQ(name, "featup-implicit:jitters=20,steps=12,batch=2,cell=4,components=16");
    const auto [kept, report] = mapWith(name, picture);
    EXPECT_FALSE(kept.empty());
    EXPECT_EQ(report["provenance"]["fit"]["report"], first["report"]);
    EXPECT_EQ(mapWith(copy.string(), picture).first, kept);

    // Without the file the fit is made again, to the same numbers.
    fs::remove_all(folder_ / "cache" / "featup");
    const auto [again, remade] = mapWith(name, picture);
    EXPECT_EQ(again, kept);
    EXPECT_EQ(remade["provenance"]["fit"]["report"]["unseen_after"], first["report"]["unseen_after"]);

    const Json scores = json(
        call(fmt::format("--json --quiet fidelity '{}' '{}' --side 64 --upsamplers bilinear --upsamplers {}",
                         encoder, picture, name)));
    ASSERT_EQ(scores["scores"].size(), 2u);
    EXPECT_EQ(scores["scores"][1]["upsampler"], name);
    EXPECT_GT(scores["scores"][1]["fidelity"].get<double>(), 0);
    EXPECT_GT(scores["scores"][1]["milliseconds"].get<double>(),
              scores["scores"][0]["milliseconds"].get<double>());

    const auto refusal = [&](const std::string& arguments) {
        const Outcome outcome = call("--quiet " + arguments);
        EXPECT_EQ(outcome.exitCode, 2) << outcome.errors;
        return outcome.errors;
    };
    const std::string map =
        fmt::format("map '{}' '{}' --resolution 64 --upsampler ", (photos / "truck.jpg").string(), encoder);
    EXPECT_NE(refusal(map + copy.string()).find("fitted to"), std::string::npos);
    EXPECT_NE(refusal(map + "featup-implicit:jiters=3").find("Did you mean \"jitters\"?"), std::string::npos);
    EXPECT_NE(refusal(fmt::format("upsampler fit '{}' '{}' --resolution 64 --cell 3", picture, encoder))
                  .find("Take 1, 2 or 4"),
              std::string::npos);
}

TEST_F(CommandLine, TheShippedUpsamplerBeatsEnlarging) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    const fs::path encoder = testing::sourceFolder() / "resources" / "models" / "vitrine_s";
    const Outcome outcome = call(fmt::format(
        "--json --quiet fidelity '{}' '{}' --side 128 --limit 4 --upsamplers bilinear --upsamplers jbu "
        "--upsamplers '{}'",
        encoder.string(), photos.string(), (encoder / "featsharp").string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    std::map<std::string, double> fidelity;
    for (const Json& row : result["scores"])
        fidelity[row["upsampler"]] = row["fidelity"];
    ASSERT_EQ(fidelity.size(), 3u);
    EXPECT_GT(fidelity["featsharp"], 1.2 * fidelity["bilinear"]);
    EXPECT_GT(fidelity["featsharp"], 1.2 * fidelity["jbu"]);
    EXPECT_LE(fs::file_size(encoder / "featsharp" / "model.safetensors"), 3'000'000u);
}

}  // namespace vitrine
