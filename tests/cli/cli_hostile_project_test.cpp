// Databases that are locked, newer, read-only or damaged, and recipes with mistakes, through the command
// line.
#include "tests/cli/command_line.h"

#include <sqlite3.h>

namespace vitrine {
namespace fs = std::filesystem;

class HostileProject : public CommandLine {
  protected:
    fs::path database() const { return folder_ / "project" / "vitrine.db"; }
    void makeRun() {
        const fs::path recipe = testing::sourceFolder() / "resources" / "recipes" / "selftest.json";
        const Outcome run = call(fmt::format("--quiet run '{}'", recipe.string()));
        ASSERT_EQ(run.exitCode, 0) << run.errors;
    }
    void refused(const std::string& arguments, int exitCode, const std::vector<std::string>& parts) {
        const Outcome outcome = call("--quiet " + arguments);
        EXPECT_EQ(outcome.exitCode, exitCode) << arguments << "\n" << outcome.output << outcome.errors;
        for (const std::string& part : parts)
            EXPECT_NE(outcome.errors.find(part), std::string::npos)
                << arguments << " does not say \"" << part << "\":\n"
                << outcome.errors;
    }
    void sql(const char* statement, sqlite3* open = nullptr) {
        sqlite3* handle = open;
        if (!handle) {
            ASSERT_EQ(sqlite3_open(database().c_str(), &handle), SQLITE_OK);
        }
        EXPECT_EQ(sqlite3_exec(handle, statement, nullptr, nullptr, nullptr), SQLITE_OK) << statement;
        if (!open)
            sqlite3_close(handle);
    }
};

TEST_F(HostileProject, ANewerDatabaseIsLeftAlone) {
    ASSERT_NO_FATAL_FAILURE(makeRun());
    sql("PRAGMA user_version=999");
    const std::string before = *readFile(database());
    for (const char* command : {"runs list", "runs note last hello", "project info"})
        refused(command, 1, {"vitrine.db", "schema version 999", "nothing was changed"});
    EXPECT_EQ(*readFile(database()), before);
}

TEST_F(HostileProject, DamagedDatabasesAreNamed) {
    ASSERT_NO_FATAL_FAILURE(makeRun());
    const std::string whole = *readFile(database());
    ASSERT_GT(whole.size(), 8192u);
    std::string scrambled = whole;
    for (size_t i = 4096; i < scrambled.size(); ++i)
        scrambled[i] = char(i * 37);
    const std::pair<const char*, std::string> damages[] = {
        {"damaged", scrambled},
        {"damaged", whole.substr(0, whole.size() / 2)},
        {"not a database", std::string(9000, 'x')},
    };
    for (const auto& [said, content] : damages) {
        ASSERT_TRUE(writeFileAtomically(database(), content));
        for (const char* command : {"runs list", "runs note last hello"})
            refused(command, 3, {"vitrine.db", said, "Restore it from a copy"});
        EXPECT_EQ(readFile(database())->size(), content.size());
    }
}

TEST_F(HostileProject, NoProjectIsSaid) {
    refused("runs list", 3, {"there is no project", "vitrine project create"});
    refused("runs note last hello", 3, {"there is no project"});
}

TEST_F(HostileProject, ALockedDatabaseCanBeReadAndNamesWhoWrites) {
    ASSERT_NO_FATAL_FAILURE(makeRun());
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(database().c_str(), &handle), SQLITE_OK);
    sql("BEGIN EXCLUSIVE", handle);
    const Outcome list = call("runs list");
    EXPECT_EQ(list.exitCode, 0) << list.errors;
    EXPECT_NE(list.output.find("pi by drawing points"), std::string::npos) << list.output;
    refused("runs note last hello", 1, {"vitrine.db", "locked", std::to_string(::getpid())});
    sql("ROLLBACK", handle);
    sqlite3_close(handle);
    EXPECT_EQ(call("runs note last hello").exitCode, 0);
}

TEST_F(HostileProject, AReadOnlyProjectCanBeLookedAt) {
    ASSERT_NO_FATAL_FAILURE(makeRun());
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "project"))
        fs::permissions(entry.path(), fs::perms::all & ~(fs::perms::owner_write | fs::perms::group_write |
                                                         fs::perms::others_write));
    fs::permissions(folder_ / "project", fs::perms(0555));
    // Root writes where it likes: then the program runs as somebody who may not.
    const bool root = ::geteuid() == 0;
    if (root) {
        fs::permissions(folder_.path(), fs::perms(0777));
        for (const char* name : {"state", "cache"})
            fs::create_directories(folder_ / name), fs::permissions(folder_ / name, fs::perms(0777));
    }
    const auto as = [&](const std::string& arguments) {
        const fs::path errors = folder_ / "errors.txt";
        return shell(fmt::format("{} '{}' --project '{}' {} 2>'{}'",
                                 root ? "setpriv --reuid=65534 --regid=65534 --clear-groups" : "",
                                 (testing::buildFolder() / "bin" / "vitrine").string(),
                                 (folder_ / "project").string(), arguments, errors.string()),
                     errors);
    };
    const Outcome list = as("runs list");
    const Outcome note = as("runs note last hello");
    fs::permissions(folder_ / "project", fs::perms(0755));
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "project"))
        fs::permissions(entry.path(), fs::perms(0755));
    if (root && list.exitCode == 126)
        GTEST_SKIP() << "another user may not start the program here: " << list.errors;
    EXPECT_EQ(list.exitCode, 0) << list.errors;
    EXPECT_NE(list.output.find("pi by drawing points"), std::string::npos) << list.output;
    EXPECT_EQ(note.exitCode, 3) << note.errors;
    EXPECT_NE(note.errors.find("Check the permissions"), std::string::npos) << note.errors;
}

TEST_F(HostileProject, MistakesInRecipesAreNamedWithPathAndHint) {
    const std::string recipe =
        "run '" + (testing::sourceFolder() / "resources" / "recipes" / "selftest.json").string() + "' --set ";
    refused(recipe + "settings.stepps=3", 2, {"$.settings.stepps", "Did you mean \"steps\"?"});
    refused(recipe + "settings.steps=many", 2, {"$.settings.steps", "expected integer", "\"many\""});
    refused(recipe + "settings.steps=-4", 2, {"$.settings.steps", "must be at least", "-4"});
    refused(recipe + "kind=selftets", 2, {"$.kind", "Did you mean \"selftest\"?"});
    refused(recipe + "seed=1.5", 2, {"$.seed", "expected integer"});
    refused(recipe + "device=tpu", 2, {"$.device", "tpu"});
    const auto file = [&](const char* text) {
        EXPECT_TRUE(writeFileAtomically(folder_ / "r.json", text));
        return "run '" + (folder_ / "r.json").string() + "'";
    };
    refused(file("{\"kind\": \"selftest\","), 3, {"r.json", "not valid JSON at line 1"});
    refused(file("[1]"), 2, {"r.json", "must be a JSON object"});
    refused(file(R"({"kind": "selftest", "setings": {}})"), 2, {"$.setings", "Did you mean \"settings\"?"});
    refused("run /no/such/recipe.json", 3, {"/no/such/recipe.json", "no such file"});
    EXPECT_FALSE(fs::exists(folder_ / "project")) << "a refused recipe makes no project";
}

}  // namespace vitrine
