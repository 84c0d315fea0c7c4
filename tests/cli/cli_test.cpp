#include "tests/cli/command_line.h"

#include <fstream>

namespace vitrine {
namespace fs = std::filesystem;

TEST_F(CommandLine, HelpsAndNamesMisspeltCommands) {
    const Outcome help = call("--help");
    EXPECT_EQ(help.exitCode, 0);
    for (const char* command : {"verify", "inspect", "runs", "model", "doctor"})
        EXPECT_NE(help.output.find(command), std::string::npos) << command;
    EXPECT_EQ(call("verfy x").exitCode, 2);
    EXPECT_EQ(call("runs list --no-such-option").exitCode, 2);
}

TEST_F(CommandLine, VerifiesModelsTokenizersAndNumbers) {
    VITRINE_SHARED_DATA(goldens, "goldens");
    const Outcome good = call(
        fmt::format("--json verify '{0}/dinov2' '{0}/tokenizer_gpt2' '{0}/numeric_fp8'", goldens.string()));
    EXPECT_EQ(good.exitCode, 0) << good.output;
    const Json folders = json(good)["folders"];
    ASSERT_EQ(folders.size(), 3u);
    for (const Json& folder : folders) {
        EXPECT_EQ(folder["failed"], 0);
        EXPECT_GT(folder["passed"].get<int>(), 0);
    }
}

TEST_F(CommandLine, ReportsAChangedWeight) {
    VITRINE_SHARED_DATA(golden, "goldens/dinov2");
    const fs::path copy = folder_ / "changed";
    fs::copy(golden, copy);
    // The last bytes of the file are a weight: one changed value must show.
    {
        std::fstream file(copy / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(-4, std::ios::end);
        const float value = 3.0f;
        file.write(reinterpret_cast<const char*>(&value), sizeof value);
    }
    const Outcome outcome = call(fmt::format("verify '{}'", copy.string()));
    EXPECT_EQ(outcome.exitCode, 1);
    EXPECT_NE(outcome.output.find("DIFFERS"), std::string::npos);
}

TEST_F(CommandLine, NamesAnUnknownFamily) {
    VITRINE_SHARED_DATA(golden, "goldens/mamba");
    const Outcome outcome = call(fmt::format("verify '{}'", golden.string()));
    EXPECT_EQ(outcome.exitCode, 2);
    EXPECT_NE(outcome.output.find("\"mamba\""), std::string::npos) << outcome.output;
}

TEST_F(CommandLine, SaysWhatIsWrongWithAModel) {
    VITRINE_SHARED_DATA(golden, "goldens/dinov2");
    EXPECT_EQ(call("model show /no/such/folder").exitCode, 3);
    const fs::path copy = folder_ / "broken";
    fs::copy(golden, copy);
    fs::resize_file(copy / "model.safetensors", fs::file_size(copy / "model.safetensors") / 2);
    const Outcome truncated = call(fmt::format("model info '{}'", copy.string()));
    EXPECT_EQ(truncated.exitCode, 3);
    EXPECT_NE(truncated.errors.find("model.safetensors"), std::string::npos) << truncated.errors;

    fs::copy(golden / "model.safetensors", copy / "model.safetensors", fs::copy_options::overwrite_existing);
    auto config = readJsonFile(copy / "config.json");
    ASSERT_TRUE(config);
    (*config)["hidden_size"] = (*config)["hidden_size"].get<int>() * 2;
    ASSERT_TRUE(writeFileAtomically(copy / "config.json", config->dump()));
    const Outcome shapes = call(fmt::format("model info '{}'", copy.string()));
    EXPECT_EQ(shapes.exitCode, 3);
    EXPECT_NE(shapes.errors.find("shape"), std::string::npos) << shapes.errors;
}

TEST_F(CommandLine, RunsARecipeAndRemembersIt) {
    const fs::path recipe = testing::sourceFolder() / "resources" / "recipes" / "selftest.json";
    const Outcome run = call(fmt::format("--quiet run '{}'", recipe.string()));
    ASSERT_EQ(run.exitCode, 0) << run.errors;
    const Outcome list = call("runs list");
    EXPECT_NE(list.output.find("pi by drawing points"), std::string::npos) << list.output;
    EXPECT_NE(list.output.find("finished"), std::string::npos) << list.output;
    EXPECT_NE(call("--json runs show last").output.find("estimate.json"), std::string::npos);
}

TEST_F(CommandLine, DoctorFindsNothingBad) {
    const Outcome outcome = call("--json doctor");
    EXPECT_EQ(outcome.exitCode, 0) << outcome.output;
    const Json checks = json(outcome)["checks"];
    EXPECT_GE(std::count_if(
                  checks.begin(), checks.end(),
                  [](const Json& check) { return check["name"].get<std::string>().starts_with("kernel "); }),
              5);
}

TEST_F(CommandLine, ThreadsDoNotSpinLong) {
    const auto libTorch = [&](const std::string& environment) {
        const fs::path program = testing::buildFolder() / "bin" / "vitrine";
        const Outcome outcome =
            shell(fmt::format("env {} '{}' --json doctor 2>/dev/null", environment, program.string()), {});
        const Json report = json(outcome);
        for (const Json& check : report["checks"])
            if (check["name"] == "LibTorch")
                return check["finding"].get<std::string>();
        return outcome.output;
    };
    EXPECT_TRUE(libTorch("-u OMP_WAIT_POLICY -u GOMP_SPINCOUNT").ends_with(" GOMP_SPINCOUNT=1000"));
    EXPECT_TRUE(libTorch("-u OMP_WAIT_POLICY GOMP_SPINCOUNT=7").ends_with(" GOMP_SPINCOUNT=7"));
    EXPECT_TRUE(libTorch("-u GOMP_SPINCOUNT OMP_WAIT_POLICY=ACTIVE").ends_with(" OMP_WAIT_POLICY=ACTIVE"));
}

}  // namespace vitrine
