// Folders with what is no picture, and pictures that vanish while a job goes through them: left out, counted
// and listed, while the job goes on.
#include "tests/cli/command_line.h"

#include <sys/stat.h>

#include <chrono>
#include <functional>
#include <thread>

namespace vitrine {
namespace fs = std::filesystem;

class HostilePictures : public CommandLine {
  protected:
    // `count` pictures in folder `name`.
    fs::path pictures(const fs::path& photos, const std::string& name, int count) {
        const fs::path folder = folder_ / name;
        fs::create_directories(folder);
        for (int i = 0; i < count; ++i)
            fs::copy_file(photos / (i % 2 ? "dog.jpg" : "truck.jpg"), folder / fmt::format("{:03}.jpg", i));
        return folder;
    }
    std::string recipeFile(const Json& recipe) {
        const fs::path file = folder_ / "recipe.json";
        EXPECT_TRUE(writeFileAtomically(file, recipe.dump()));
        return "'" + file.string() + "'";
    }
    // What was left out of the newest run, as its events tell.
    std::vector<std::string> leftOut(const Json& run) {
        std::vector<std::string> names;
        for (const Json& event : run["events"]) {
            const std::string text = event["data"].dump();
            if (text.find("left out: ") != std::string::npos)
                names.push_back(text);
        }
        return names;
    }
    // Starts the command, removes `victims` as soon as `begun`, and expects the job to end well without them.
    Json expectGoesOn(const std::string& command, const std::function<bool()>& begun,
                      const std::vector<fs::path>& victims) {
        const pid_t child = start("--quiet " + command);
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!begun() && std::chrono::steady_clock::now() < limit)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        for (const fs::path& victim : victims)
            EXPECT_TRUE(fs::remove(victim));
        const Outcome outcome = end(child);
        EXPECT_EQ(outcome.exitCode, 0) << outcome.errors;
        const Json run = json(call("--json runs show last"));
        EXPECT_EQ(run["status"], "finished");
        const Json& counted = run["metrics"]["pictures/left out"];
        EXPECT_EQ(counted.empty() ? -1.0 : counted.back()[2].get<double>(), double(victims.size()))
            << run["metrics"].dump();
        const auto listed = leftOut(run);
        for (const fs::path& victim : victims)
            EXPECT_TRUE(std::any_of(
                listed.begin(), listed.end(),
                [&](const std::string& text) { return text.find(victim.string()) != std::string::npos; }))
                << victim << " is not listed";
        return run;
    }
    bool anyFile(const fs::path& below, const std::string& extension) const {
        std::error_code ignored;
        for (fs::recursive_directory_iterator it(below, ignored), end; it != end; it.increment(ignored))
            if (it->is_regular_file(ignored) && (extension.empty() || it->path().extension() == extension))
                return true;
        return false;
    }
};

TEST_F(HostilePictures, WhatIsNoPictureIsLeftOutByEveryJob) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path folder = folder_ / "hostile";
    fs::create_directories(folder / "folder.png");
    fs::create_directories(folder / "loop");
    fs::create_directory_symlink("../loop", folder / "loop" / "again");
    fs::create_symlink("b.png", folder / "a.png");
    fs::create_symlink("a.png", folder / "b.png");
    fs::create_symlink("nowhere.jpg", folder / "dangling.jpg");
    ASSERT_EQ(::mkfifo((folder / "pipe.png").c_str(), 0600), 0);
    ASSERT_TRUE(writeFileAtomically(folder / "garbage.jpg", "this is no picture"));
    ASSERT_TRUE(writeFileAtomically(folder / "empty.png", ""));
    ASSERT_TRUE(writeFileAtomically(folder / "cut.jpg", readFile(photos / "dog.jpg")->substr(0, 3000)));
    // A header that promises 40 gigapixels (signature, IHDR of 200000 x 200000, its check sum).
    const std::string bomb(
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x03\x0d\x40\0\x03\x0d\x40\x08\x02\0\0\0\x76\x59\x1f\x5d", 33);
    ASSERT_TRUE(writeFileAtomically(folder / "bomb.png", bomb));
    fs::copy_file(photos / "dog.jpg", folder / "good-1.jpg");
    fs::copy_file(photos / "truck.jpg", folder / "good-2.jpg");

    const auto expectListed = [&](const std::string& command) {
        const Outcome outcome = call("--quiet " + command);
        ASSERT_EQ(outcome.exitCode, 0) << command << outcome.errors;
        const Json run = json(call("--json runs show last"));
        std::string listed;
        for (const std::string& name : leftOut(run))
            listed += name;
        for (const char* name : {"garbage.jpg", "empty.png", "cut.jpg", "bomb.png"})
            EXPECT_NE(listed.find(name), std::string::npos) << command << " does not list " << name;
        EXPECT_EQ(listed.find("good"), std::string::npos) << listed;
    };
    const std::string inputs = fmt::format("'{}' '{}'", resnet.string(), folder.string());
    expectListed("inspect --resolution 64 " + inputs);
    expectListed("statistics --resolution 64 " + inputs);
    expectListed("run " + recipeFile({{"kind", "extract"},
                                      {"settings",
                                       {{"model", resnet.string()},
                                        {"images", {folder.string()}},
                                        {"resolution", 64},
                                        {"recursive", true}}}}));
    const auto refused = [&](const char* name, const char* said) {
        const Outcome outcome =
            call(fmt::format("--quiet map '{}' '{}' --output '{}'", (folder / name).string(), resnet.string(),
                             (folder_ / "map.png").string()));
        EXPECT_NE(outcome.exitCode, 0) << name;
        EXPECT_NE(outcome.errors.find(name), std::string::npos) << outcome.errors;
        EXPECT_NE(outcome.errors.find(said), std::string::npos) << outcome.errors;
        EXPECT_FALSE(fs::exists(folder_ / "map.png"));
    };
    refused("folder.png", "it is a folder");
    refused("a.png", "circle");
    refused("pipe.png", "not a regular file");
    refused("dangling.jpg", "no such file");
    refused("garbage.jpg", "no picture format");
    refused("bomb.png", "200000x200000 pixels");
    refused("cut.jpg", "its end is missing");
}

TEST_F(HostilePictures, AFolderWithoutOneReadablePictureSaysWhy) {
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    ASSERT_TRUE(writeFileAtomically(folder_ / "garbage.jpg", "this is no picture"));
    for (const char* command : {"inspect", "statistics"}) {
        const Outcome outcome = call(fmt::format("--quiet {} '{}' '{}'", command, resnet.string(),
                                                 (folder_ / "garbage.jpg").string()));
        EXPECT_EQ(outcome.exitCode, 3) << command << outcome.errors;
        EXPECT_NE(outcome.errors.find("not one picture could be read"), std::string::npos) << outcome.errors;
    }
}

TEST_F(HostilePictures, VanishedOnesAreLeftOutOfAnExtraction) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path folder = pictures(photos, "pictures", 40);
    const std::string recipe = recipeFile(
        {{"kind", "extract"},
         {"settings",
          {{"model", resnet.string()}, {"images", {folder.string()}}, {"resolution", 192}, {"batch", 2}}}});
    expectGoesOn("run " + recipe, [&] { return anyFile(folder_ / "project" / "features", ".safetensors"); },
                 {folder / "037.jpg", folder / "039.jpg"});
}

TEST_F(HostilePictures, VanishedOnesAreLeftOutOfStatistics) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path folder = pictures(photos, "pictures", 40);
    const std::string recipe = recipeFile({{"kind", "teacher-statistics"},
                                           {"settings",
                                            {{"models", {resnet.string()}},
                                             {"images", {folder.string()}},
                                             {"resolution", 192},
                                             {"batch", 2},
                                             {"checkpoint_every", 2}}}});
    expectGoesOn("run " + recipe, [&] { return anyFile(folder_ / "project" / "runs", ".safetensors"); },
                 {folder / "037.jpg", folder / "039.jpg"});
}

TEST_F(HostilePictures, VanishedOnesAreLeftOutOfAnEvaluation) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path one = pictures(photos, "classes/one", 16), two = pictures(photos, "classes/two", 16);
    const std::string recipe = recipeFile({{"kind", "evaluate"},
                                           {"settings",
                                            {{"models", {resnet.string()}},
                                             {"classification", (folder_ / "classes").string()},
                                             {"resolutions", {192}},
                                             {"linear_steps", 20}}}});
    // The data are named in the run's row once they are listed, before the model is loaded.
    const auto listed = [&] {
        return call("runs sql 'select label from lineage'").output.find(" pictures") != std::string::npos;
    };
    expectGoesOn("run " + recipe, listed, {two / "014.jpg", two / "015.jpg"});
}

TEST_F(HostilePictures, VanishedOnesAreLeftOutOfAnInspection) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path folder = pictures(photos, "pictures", 6);
    const Json run =
        expectGoesOn(fmt::format("inspect '{}' '{}' --resolution 128", resnet.string(), folder.string()),
                     [&] { return anyFile(folder_ / "project" / "artifacts", ""); }, {folder / "005.jpg"});
    const Outcome report = call("--json runs show last");
    EXPECT_NE(report.output.find("report.html"), std::string::npos);
}

}  // namespace vitrine
