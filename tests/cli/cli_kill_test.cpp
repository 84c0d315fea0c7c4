// `kill -9` at any moment: the database stays whole, the run becomes "interrupted", nothing half-written
// shows, and `run --resume` ends with the bits of a run that nobody disturbed.
#include "core/base/hash.h"
#include "tests/cli/command_line.h"

#include <chrono>
#include <csignal>
#include <random>
#include <thread>

namespace vitrine {
namespace fs = std::filesystem;

class KilledJobs : public CommandLine {
  protected:
    // Many pictures of several sizes, so that batches end in the middle of the list as well.
    fs::path pictures(const fs::path& photos, int count) {
        const fs::path folder = folder_ / "pictures";
        fs::create_directories(folder);
        std::vector<fs::path> sources;
        for (const auto& entry : fs::directory_iterator(photos))
            if (entry.path().extension() == ".jpg" && entry.file_size() < 300'000)
                sources.push_back(entry.path());
        std::sort(sources.begin(), sources.end());
        EXPECT_FALSE(sources.empty());
        for (int i = 0; i < count; ++i) {
            std::string content = *readFile(sources[size_t(i) % sources.size()]);
            content += std::to_string(i);  // after the end of the JPEG: other bytes, the same picture
            EXPECT_TRUE(writeFileAtomically(folder / fmt::format("{:03}.jpg", i), content));
        }
        return folder;
    }

    std::string recipeFile(const Json& recipe) {
        const fs::path file = folder_ / "recipe.json";
        EXPECT_TRUE(writeFileAtomically(file, recipe.dump()));
        return "'" + file.string() + "'";
    }

    // Every file that a run shows is there, whole.
    void expectWholeArtifacts(const Json& run) {
        for (const Json& artifact : run["artifacts"]) {
            const std::string hash = artifact["sha256"];
            const fs::path file = folder_ / "project" / "artifacts" / hash.substr(0, 2) / hash;
            const auto found = sha256OfFile(file);
            ASSERT_TRUE(found) << found.error().text();
            EXPECT_EQ(*found, hash) << artifact["name"];
        }
    }

    // Runs `recipe` in peace, then again with `kills` kills; both must have the same result.
    void expectSameResult(const Json& recipe, int kills, uint64_t seed) {
        const std::string file = recipeFile(recipe);
        const auto begin = std::chrono::steady_clock::now();
        const Outcome undisturbed = call("--quiet run " + file);
        ASSERT_EQ(undisturbed.exitCode, 0) << undisturbed.errors;
        const auto took = std::chrono::steady_clock::now() - begin;
        const Json whole = json(call("--json runs show last"));
        fs::rename(folder_ / "project", folder_ / "undisturbed");

        std::mt19937_64 random(seed);
        std::string id;
        int killed = 0;
        for (int attempt = 0; attempt < kills; ++attempt) {
            const pid_t child = start("--quiet run " + (id.empty() ? file : "--resume " + id));
            std::this_thread::sleep_for(took * std::uniform_real_distribution<>(0.05, 0.6)(random));
            ::kill(child, SIGKILL);
            const Outcome ended = end(child);
            if (ended.exitCode == 0)
                break;  // finished before the shot
            ASSERT_EQ(ended.exitCode, -SIGKILL) << ended.errors;
            ++killed;
            if (!fs::exists(folder_ / "project" / "vitrine.db"))
                continue;  // killed before there was a project
            const Outcome info = call("--json project info --check");
            ASSERT_EQ(info.exitCode, 0) << info.output << info.errors;
            EXPECT_EQ(json(info)["problems"], Json::array());
            const Json runs = json(call("--json runs list"))["runs"];
            if (runs.empty())
                continue;
            ASSERT_EQ(runs.size(), 1u);
            EXPECT_EQ(runs[0]["status"], "interrupted");
            id = runs[0]["id"];
            expectWholeArtifacts(json(call("--json runs show " + id)));
        }
        EXPECT_GT(killed, 0);
        if (id.empty() || json(call("--json runs show " + id))["status"] != "finished") {
            const Outcome resumed = call("--quiet run " + (id.empty() ? file : "--resume " + id));
            ASSERT_EQ(resumed.exitCode, 0) << resumed.errors;
        }
        const Json after = json(call("--json runs show last"));
        EXPECT_EQ(after["status"], "finished");
        EXPECT_EQ(after["result_hash"], whole["result_hash"]);
        expectWholeArtifacts(after);
    }

    // Equal files of equal names in both folders.
    static void expectSameFiles(const fs::path& expected, const fs::path& found) {
        size_t count = 0;
        for (const auto& entry : fs::directory_iterator(expected)) {
            const auto a = sha256OfFile(entry.path()), b = sha256OfFile(found / entry.path().filename());
            ASSERT_TRUE(a && b) << entry.path();
            EXPECT_EQ(*a, *b) << entry.path();
            ++count;
        }
        EXPECT_GT(count, 0u);
    }
};

TEST_F(KilledJobs, ExtractionEndsWithTheSameFeatures) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path folder = pictures(photos, 40);
    expectSameResult(
        {{"kind", "extract"},
         {"settings",
          {{"model", resnet.string()}, {"images", {folder.string()}}, {"resolution", 192}, {"batch", 3}}}},
        4, 11);
    expectSameFiles(folder_ / "undisturbed" / "features", folder_ / "project" / "features");
}

TEST_F(KilledJobs, StatisticsEndWithTheSameNumbers) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path folder = pictures(photos, 40);
    expectSameResult({{"kind", "teacher-statistics"},
                      {"settings",
                       {{"models", {resnet.string()}},
                        {"images", {folder.string()}},
                        {"resolution", 128},
                        {"batch", 4},
                        {"checkpoint_every", 4}}}},
                     3, 12);
}

TEST_F(KilledJobs, DistillationEndsWithTheSameStudent) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(encoders, "data/encoders");
    const Json teachers = Json::array(
        {{{"name", "resnet"}, {"model", (encoders / "resnet_cifar10/resnet20.safetensors").string()}},
         {{"name", "vit"}, {"model", (encoders / "vit_cifar10").string()}}});
    expectSameResult({{"kind", "distill"},
                      {"seed", 4},
                      {"settings",
                       {{"teachers", teachers},
                        {"images", {photos.string()}},
                        {"limit", 8},
                        {"student", {{"width", 48}, {"depth", 2}, {"heads", 3}, {"patch_size", 8}}},
                        {"partitions", Json::array({{{"sides", {32}}, {"batch", 4}}})},
                        {"steps", 24},
                        {"warmup_steps", 2},
                        {"statistics_batches", 2},
                        {"checkpoint_every", 3},
                        {"probe_every", 0}}}},
                     4, 13);
}

}  // namespace vitrine
