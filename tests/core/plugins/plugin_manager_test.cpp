#include "core/plugins/plugin_manager.h"

#include "core/base/file.h"
#include "core/plugins/point_cloud_reader.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace vitrine {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

class CountingHost : public PluginHost {
  public:
    void addModelFamily(const ModelFamily&) override { ++others; }
    void addUpsampler(const FeatureUpsampler&) override { ++others; }
    void addPointCloudReader(const PointCloudReader& reader) override { readers.push_back(reader.name); }

    std::vector<std::string> readers;
    int others = 0;
};

class PluginManagerTest : public ::testing::Test {
  protected:
    // A plugin folder with the given compiled variant (see test_plugin.cpp); without a library if it is
    // empty.
    void addPlugin(const std::string& name, const std::string& variant, Json changes = Json::object()) {
        const fs::path place = folder / "plugins" / name;
        fs::create_directories(place);
        Json manifest = {{"id", "test." + name},
                         {"name", "Test " + name},
                         {"kind", "reader"},
                         {"apiVersion", kPluginApiVersion},
                         {"library", name + ".so"}};
        manifest.update(changes);
        ASSERT_TRUE(writeFileAtomically(place / "plugin.json", manifest.dump()));
        if (!variant.empty())
            fs::copy_file(testing::buildFolder() / "tests" / "plugins" / ("test_plugin_" + variant + ".so"),
                          place / (name + ".so"));
    }
    // One start of the program.
    PluginStatus start(const std::string& id) {
        PluginManager manager(folder / "state" / "plugins.json");
        manager.discover({folder / "plugins"});
        host = CountingHost();
        manager.load(host, false);
        for (const PluginStatus& plugin : manager.plugins())
            if (plugin.manifest.id == id)
                return plugin;
        ADD_FAILURE() << "not found: " << id;
        return {};
    }
    void setEnabled(const std::string& id, bool enabled) {
        PluginManager manager(folder / "state" / "plugins.json");
        manager.discover({folder / "plugins"});
        const auto set = manager.setEnabled(id, enabled);
        EXPECT_TRUE(set) << set.error().text();
    }
    void expectFailsAndStaysOff(const std::string& id, const std::string& problem) {
        const PluginStatus first = start(id);
        EXPECT_EQ(first.state, PluginState::Failed);
        EXPECT_THAT(first.problem, HasSubstr(problem));
        EXPECT_TRUE(host.readers.empty());
        const PluginStatus second = start(id);
        EXPECT_EQ(second.state, PluginState::Off);
        EXPECT_THAT(second.problem, HasSubstr(problem));
    }

    testing::TemporaryFolder folder;
    CountingHost host;
};

}  // namespace

TEST_F(PluginManagerTest, LoadsAWorkingPlugin) {
    addPlugin("good", "working");
    EXPECT_EQ(start("test.good").state, PluginState::Loaded);
    EXPECT_EQ(host.readers, std::vector<std::string>{"test reader"});
    EXPECT_EQ(start("test.good").state, PluginState::Loaded);
}

TEST_F(PluginManagerTest, LeavesEnginePluginsToTheEngine) {
    addPlugin("encoder", "working", {{"kind", "encoder"}});
    EXPECT_EQ(start("test.encoder").state, PluginState::Found);
    EXPECT_TRUE(host.readers.empty());
}

TEST_F(PluginManagerTest, NamesABrokenManifest) {
    addPlugin("good", "working");
    addPlugin("kind", "working", {{"kind", "sorcerer"}});
    addPlugin("escape", "working", {{"library", "../good/good.so"}});
    fs::create_directories(folder / "plugins" / "damaged");
    ASSERT_TRUE(writeFileAtomically(folder / "plugins" / "damaged" / "plugin.json", "{\"id\": "));
    for (const char* name : {"kind", "escape", "damaged"}) {
        const PluginStatus status = start(name);
        EXPECT_EQ(status.state, PluginState::Failed);
        EXPECT_THAT(status.problem, HasSubstr((folder / "plugins" / name / "plugin.json").string()));
    }
    EXPECT_EQ(start("test.good").state, PluginState::Loaded) << "the others are not held up";
}

TEST_F(PluginManagerTest, RefusesAnotherInterfaceVersion) {
    addPlugin("manifest", "working", {{"apiVersion", kPluginApiVersion + 1}});
    expectFailsAndStaysOff("test.manifest",
                           fmt::format("made for plugin interface {}", kPluginApiVersion + 1));
    addPlugin("library", "old_version");
    expectFailsAndStaysOff("test.library",
                           fmt::format("compiled for plugin interface {}", kPluginApiVersion + 1));
}

TEST_F(PluginManagerTest, RefusesAMissingLibraryAndOneThatIsNone) {
    addPlugin("missing", "");
    expectFailsAndStaysOff("test.missing", "missing.so");
    addPlugin("text", "");
    ASSERT_TRUE(writeFileAtomically(folder / "plugins" / "text" / "text.so", "not a library"));
    expectFailsAndStaysOff("test.text", "text.so");
}

TEST_F(PluginManagerTest, RefusesALibraryWithoutTheFunctions) {
    addPlugin("plain", "without_symbols");
    expectFailsAndStaysOff("test.plain", "does not export vitrinePluginApiVersion");
}

TEST_F(PluginManagerTest, SurvivesAPluginThatThrows) {
    addPlugin("throwing", "throws");
    expectFailsAndStaysOff("test.throwing", "no scanner attached");
    // Switched on again, it gets another chance.
    setEnabled("test.throwing", true);
    EXPECT_EQ(start("test.throwing").state, PluginState::Failed);
}

TEST_F(PluginManagerTest, SwitchesOffAPluginThatEndedTheProgram) {
    addPlugin("ending", "ends");
    EXPECT_EXIT(start("test.ending"), ::testing::ExitedWithCode(42), "");
    const PluginStatus status = start("test.ending");
    EXPECT_EQ(status.state, PluginState::Off);
    EXPECT_THAT(status.problem, HasSubstr("ended while it was being loaded"));
}

TEST_F(PluginManagerTest, GivesAChangedLibraryAnotherChance) {
    addPlugin("mended", "ends");
    EXPECT_EXIT(start("test.mended"), ::testing::ExitedWithCode(42), "");
    EXPECT_EQ(start("test.mended").state, PluginState::Off);
    fs::remove(folder / "plugins" / "mended" / "mended.so");
    fs::copy_file(testing::buildFolder() / "tests" / "plugins" / "test_plugin_working.so",
                  folder / "plugins" / "mended" / "mended.so");
    EXPECT_EQ(start("test.mended").state, PluginState::Loaded);
    // What the user switched off stays so.
    setEnabled("test.mended", false);
    fs::last_write_time(folder / "plugins" / "mended" / "mended.so", fs::file_time_type::clock::now());
    EXPECT_EQ(start("test.mended").state, PluginState::Off);
}

TEST_F(PluginManagerTest, LeavesAPluginAloneThatAnotherProcessIsLoading) {
    addPlugin("good", "working");
    fs::create_directories(folder / "state");
    const auto loadingIn = [&](int64_t process) {
        const Json state = {{"loading", {{"id", "test.good"}, {"process", process}, {"library", ""}}}};
        ASSERT_TRUE(writeFileAtomically(folder / "state" / "plugins.json", state.dump()));
    };
    loadingIn(::getpid());
    EXPECT_EQ(start("test.good").state, PluginState::Loaded);
    // The mark of the other one is not kept as its own.
    EXPECT_EQ(start("test.good").state, PluginState::Loaded);
}

TEST_F(PluginManagerTest, SwitchesOffAndOn) {
    addPlugin("good", "working");
    setEnabled("test.good", false);
    EXPECT_EQ(start("test.good").state, PluginState::Off);
    EXPECT_TRUE(host.readers.empty());
    setEnabled("test.good", true);
    EXPECT_EQ(start("test.good").state, PluginState::Loaded);
    PluginManager manager(folder / "state" / "plugins.json");
    const auto unknown = manager.setEnabled("test.nobody", true);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::NotFound);
}

TEST_F(PluginManagerTest, StartsWithADamagedStateFile) {
    addPlugin("good", "working");
    fs::create_directories(folder / "state");
    for (const char* content : {"", "[1, 2]", "{\"off\": 3, \"loading\": []}"}) {
        ASSERT_TRUE(writeFileAtomically(folder / "state" / "plugins.json", content));
        EXPECT_EQ(start("test.good").state, PluginState::Loaded) << content;
    }
}

}  // namespace vitrine
