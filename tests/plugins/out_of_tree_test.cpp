// The example of docs/plugins.md: built outside the tree as the page says, listed by the program and loaded.
#include "core/base/file.h"
#include "core/plugins/plugin_manager.h"
#include "core/plugins/point_cloud_reader.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace vitrine {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ReaderHost : public PluginHost {
  public:
    void addModelFamily(const ModelFamily&) override {}
    void addUpsampler(const FeatureUpsampler&) override {}
    void addPointCloudReader(const PointCloudReader& reader) override { readers.push_back(reader); }

    std::vector<PointCloudReader> readers;
};

// Runs a shell command; its output is in `log` afterwards.
bool runs(const std::string& command, const fs::path& log) {
    return std::system(fmt::format("{} > '{}' 2>&1", command, log.string()).c_str()) == 0;
}

std::string contentOf(const fs::path& file) {
    return readFile(file).value_or("unreadable: " + file.string());
}

}  // namespace

TEST(OutOfTree, TheDocumentedExampleIsBuiltListedAndLoaded) {
    testing::TemporaryFolder folder;
    const fs::path example = testing::sourceFolder() / "tests" / "plugins" / "out_of_tree",
                   log = folder / "log.txt";
    fs::copy(example, folder / "source");
    ASSERT_TRUE(
        runs(fmt::format("cmake -S '{0}/source' -B '{0}/build' -DVITRINE_SOURCE='{1}' -DVITRINE_BUILD='{2}' "
                         "-DCMAKE_PREFIX_PATH='{3}'",
                         folder.path().string(), testing::sourceFolder().string(),
                         testing::buildFolder().string(), VITRINE_DEPENDENCIES),
             log))
        << contentOf(log);
    ASSERT_TRUE(runs(fmt::format("cmake --build '{}/build'", folder.path().string()), log)) << contentOf(log);

    ::setenv("VITRINE_PLUGIN_PATH", (folder / "build" / "plugins").c_str(), 1);
    ::setenv("VITRINE_STATE_DIR", (folder / "state").c_str(), 1);
    ASSERT_TRUE(
        runs(fmt::format("'{}' plugins list", (testing::buildFolder() / "bin" / "vitrine").string()), log))
        << contentOf(log);
    EXPECT_THAT(contentOf(log), HasSubstr("org.example.xyz-reader"));

    PluginManager manager(folder / "state" / "plugins.json");
    manager.discover({folder / "build" / "plugins"});
    ReaderHost host;
    manager.load(host, false);
    ASSERT_EQ(manager.plugins().size(), 1u);
    EXPECT_EQ(manager.plugins()[0].state, PluginState::Loaded) << manager.plugins()[0].problem;
    ASSERT_EQ(host.readers.size(), 1u);
    JobContext job;
    ASSERT_TRUE(writeFileAtomically(folder / "two.xyz", "1 2 3\n4 5 6\n"));
    const auto cloud = host.readers[0].read(folder / "two.xyz", job);
    ASSERT_TRUE(cloud) << cloud.error().text();
    EXPECT_EQ(cloud->pointCount(), 2u);
    ASSERT_TRUE(writeFileAtomically(folder / "bad.xyz", "1 2\n"));
    EXPECT_FALSE(host.readers[0].read(folder / "bad.xyz", job));
}

TEST(OutOfTree, ThePageShowsTheFilesThatAreTested) {
    const std::string page = contentOf(testing::sourceFolder() / "docs" / "plugins.md");
    for (const char* name : {"CMakeLists.txt", "plugin.json", "xyz_reader.cpp"}) {
        const std::string file =
            contentOf(testing::sourceFolder() / "tests" / "plugins" / "out_of_tree" / name);
        EXPECT_THAT(page, HasSubstr("\n" + file + "```")) << name;
    }
}

}  // namespace vitrine
