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
