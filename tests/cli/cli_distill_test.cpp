// `vitrine run` of a distillation, on one process and on several.
#include "tests/cli/command_line.h"

namespace vitrine {

class DistillCommandLine : public CommandLine {
  protected:
    // A small student of two real teachers; nothing of what it records is random in time.
    std::string recipe(const std::filesystem::path& encoders, const std::filesystem::path& pictures) {
        const Json teachers = Json::array(
            {{{"name", "resnet"}, {"model", (encoders / "resnet_cifar10/resnet20.safetensors").string()}},
             {{"name", "vit"}, {"model", (encoders / "vit_cifar10").string()}}});
        const Json recipe{{"kind", "distill"},
                          {"name", "small student"},
                          {"seed", 4},
                          {"settings",
                           {{"teachers", teachers},
                            {"images", {pictures.string()}},
                            {"limit", 12},
                            {"student", {{"width", 48}, {"depth", 2}, {"heads", 3}, {"patch_size", 8}}},
                            {"partitions", Json::array({{{"sides", {32}}, {"batch", 8}}})},
                            {"steps", 4},
                            {"warmup_steps", 1},
                            {"statistics_batches", 4},
                            {"checkpoint_every", 2},
                            {"probe_every", 0}}}};
        const std::filesystem::path file = folder_ / "recipe.json";
        EXPECT_TRUE(writeFileAtomically(file, recipe.dump()));
        return file.string();
    }
    // A series is a list of [step, time, value].
    double newest(const Json& run, const std::string& key) { return run["metrics"].at(key).back()[2]; }
};

TEST_F(DistillCommandLine, TwoProcessesLearnWhatOneLearns) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(encoders, "data/encoders");
    const std::string file = recipe(encoders, photos);
    const Outcome alone = call("--quiet run " + file);
    ASSERT_EQ(alone.exitCode, 0) << alone.errors;
    const Json first = json(call("--json runs show last"));
    const Outcome together = call("--quiet run --processes 2 " + file);
    ASSERT_EQ(together.exitCode, 0) << together.errors;
    const Json second = json(call("--json runs show last"));
    ASSERT_NE(first["id"], second["id"]);
    EXPECT_EQ(json(call("--json runs list"))["runs"].size(), 2u)
        << "the second process records no run of its own";
    EXPECT_TRUE(second["metrics"].contains("time/exchange share"));
    EXPECT_FALSE(first["metrics"].contains("time/exchange share"));
    for (const char* key : {"loss", "loss/resnet/features", "loss/vit/features"})
        EXPECT_NEAR(newest(second, key), newest(first, key), 0.02 * newest(first, key)) << key;
}

TEST_F(DistillCommandLine, TellsWhatACacheIsWorthAndLearnsTheSameWithIt) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(encoders, "data/encoders");
    const std::string file = recipe(encoders, photos);
    const std::string views = " --set settings.views=1 --set settings.steps=6 ";
    const Outcome dry = call("--json --quiet run --dry-run " + file + views);
    ASSERT_EQ(dry.exitCode, 0) << dry.errors;
    const Json cache = json(dry)["estimate"]["teacher_cache"];
    EXPECT_GT(cache["repeated_share"], 0.5);
    EXPECT_GT(cache["bytes"], 0);
    EXPECT_GT(cache["teacher_share"], 0);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "project")) << "nothing was run";
    EXPECT_NE(call("--quiet run --dry-run " + file).output.find("every crop is a fresh one"),
              std::string::npos);
    EXPECT_EQ(call("--quiet run --dry-run " + file + " --set settings.views=-1").exitCode, 2);

    const auto result = [&](const std::string& use) {
        const Outcome run = call("--quiet run " + file + views + "--set settings.teacher_cache=" + use);
        EXPECT_EQ(run.exitCode, 0) << run.errors;
        return json(call("--json runs show last"));
    };
    const Json without = result("off"), first = result("on"), second = result("on");
    EXPECT_EQ(without["result_hash"], first["result_hash"]);
    EXPECT_EQ(without["result_hash"], second["result_hash"]);
    EXPECT_FALSE(without["metrics"].contains("time/teacher cache share"));
    EXPECT_EQ(newest(second, "time/teacher cache share"), 1) << "an earlier run left all of it";
    const Outcome shared =
        call("--quiet run --processes 2 " + file + views + "--set settings.teacher_cache=on");
    ASSERT_EQ(shared.exitCode, 0) << shared.errors;
    EXPECT_EQ(newest(json(call("--json runs show last")), "time/teacher cache share"), 1);
}

TEST_F(DistillCommandLine, WorkThatCannotBeSharedIsRefused) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(encoders, "data/encoders");
    const Outcome uneven = call("--quiet run --processes 3 " + recipe(encoders, photos));
    EXPECT_EQ(uneven.exitCode, 2) << uneven.errors;
    EXPECT_NE(uneven.errors.find("a batch of 8 cannot be shared by 3 processes"), std::string::npos)
        << uneven.errors;
    const std::filesystem::path selftest = folder_ / "selftest.json";
    ASSERT_TRUE(writeFileAtomically(selftest, R"({"kind": "selftest", "settings": {"steps": 2}})"));
    const Outcome alone = call("--quiet run --processes 2 " + selftest.string());
    EXPECT_EQ(alone.exitCode, 2) << alone.errors;
    EXPECT_NE(alone.errors.find("one process"), std::string::npos) << alone.errors;
}

}  // namespace vitrine
