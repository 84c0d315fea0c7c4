// Calls build/bin/vitrine as a user would: output, JSON, exit codes.
#include "core/base/file.h"
#include "core/base/json.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

struct Outcome {
    int exitCode = -1;
    std::string output;  // standard output
    std::string errors;  // standard error
};

class CommandLine : public ::testing::Test {
  protected:
    CommandLine() {
        ::setenv("VITRINE_STATE_DIR", (folder_ / "state").c_str(), 1);
        ::setenv("VITRINE_CACHE_DIR", (folder_ / "cache").c_str(), 1);
        ::unsetenv("VITRINE_PROJECT");
    }
    Outcome call(const std::string& arguments) {
        const fs::path errors = folder_ / "errors.txt";
        const std::string command = fmt::format("'{}' --project '{}' {} 2>'{}'",
                                                (testing::buildFolder() / "bin" / "vitrine").string(),
                                                (folder_ / "project").string(), arguments, errors.string());
        Outcome outcome;
        FILE* pipe = ::popen(command.c_str(), "r");
        char buffer[4096];
        while (const size_t count = std::fread(buffer, 1, sizeof buffer, pipe))
            outcome.output.append(buffer, count);
        outcome.exitCode = WEXITSTATUS(::pclose(pipe));
        outcome.errors = readFile(errors).value_or("");
        return outcome;
    }
    Json json(const Outcome& outcome) {
        const auto parsed = parseJson(outcome.output, "output");
        EXPECT_TRUE(parsed) << outcome.output << outcome.errors;
        return parsed.value_or(Json::object());
    }

    testing::TemporaryFolder folder_;
};

}  // namespace

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
    EXPECT_NE(shown.find("pictures/reused"), std::string::npos);

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
    const Outcome attention = call(fmt::format("map '{}' '{}' --kind attention --output '{}'", photo.string(),
                                               model.string(), file.string()));
    EXPECT_EQ(attention.exitCode, 1);
    EXPECT_NE(attention.errors.find("no attention"), std::string::npos) << attention.errors;
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

}  // namespace vitrine
