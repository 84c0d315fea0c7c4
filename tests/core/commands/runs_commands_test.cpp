#include "core/commands/runs_commands.h"

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RunsCommands : public ::testing::Test {
  protected:
    void SetUp() override {
        declareRunsCommands(registry_);
        bindRunsCommands(registry_);
        JobKinds kinds;
        kinds.add(selftestKind());
        bindRunCommand(registry_, kinds);
        context_.project = folder_ / "p";
        ASSERT_TRUE(writeFileAtomically(
            folder_ / "r.json",
            R"({"kind": "selftest", "settings": {"steps": 4, "samples_per_step": 100}})"));
    }

    CommandOutput run(const std::string& name, const Json& arguments) {
        auto output = registry_.execute(name, arguments, context_);
        EXPECT_TRUE(output) << name << ": " << output.error().text();
        return output ? *output : CommandOutput();
    }
    Error refused(const std::string& name, const Json& arguments) {
        auto output = registry_.execute(name, arguments, context_);
        EXPECT_FALSE(output) << output->text;
        return output ? Error() : output.error();
    }
    std::string makeRun(Json arguments = Json::object()) {
        arguments["recipe"] = (folder_ / "r.json").string();
        return run("run", arguments).data["id"];
    }

    testing::TemporaryFolder folder_;
    CommandRegistry registry_;
    CommandContext context_;
};

TEST_F(RunsCommands, EveryDeclaredCommandIsBound) {
    for (const auto& [name, spec] : registry_.specs()) {
        EXPECT_TRUE(registry_.isBound(name)) << name;
        EXPECT_FALSE(spec.summary.empty());
        for (const std::string& positional : spec.positional)
            EXPECT_TRUE(spec.arguments["properties"].contains(positional)) << name << " " << positional;
    }
}

TEST_F(RunsCommands, RunThenListShowCompare) {
    const std::string a = makeRun();
    const std::string b = makeRun({{"set", {"settings.samples_per_step=200"}}, {"seed", 5}});
    const auto list = run("runs.list", {{"columns", {"metrics.pi", "params.seed"}}, {"sort", "params.seed"}});
    ASSERT_EQ(list.data["runs"].size(), 2u);
    EXPECT_EQ(list.data["runs"][0]["id"], b);
    EXPECT_EQ(list.data["runs"][0]["columns"]["params.seed"], 5);
    EXPECT_THAT(list.text, HasSubstr(a));
    EXPECT_EQ(run("runs.list", {{"filter", "params.samples_per_step > 150"}}).data["runs"].size(), 1u);
    const auto show = run("runs.show", {{"run", b}});
    EXPECT_EQ(show.data["metrics"]["pi"].size(), 4u);
    EXPECT_THAT(show.text, HasSubstr("estimate.json"));
    const auto compare = run("runs.compare", {{"runs", {a, b}}});
    EXPECT_THAT(compare.text, HasSubstr("params.settings.samples_per_step"));
    EXPECT_THAT(compare.text, Not(HasSubstr("params.settings.steps")));
    EXPECT_EQ(run("project.info", {{"check", true}}).exitCode, 0);
}

TEST_F(RunsCommands, TagsNotesStarsTrash) {
    const std::string a = makeRun();
    const std::string b = makeRun();
    run("runs.tag", {{"runs", a + "," + b}, {"tags", {"x", "y"}}});
    run("runs.tag", {{"runs", b}, {"tags", {"x"}}, {"remove", true}});
    run("runs.note", {{"runs", a}, {"text", "good one"}});
    run("runs.star", {{"runs", {a}}});
    const auto list = run("runs.list", {{"filter", "tag = x starred"}});
    ASSERT_EQ(list.data["runs"].size(), 1u);
    EXPECT_EQ(list.data["runs"][0]["notes"], "good one");
    run("runs.delete", {{"filter", "not starred"}});
    EXPECT_EQ(run("runs.list", Json::object()).data["runs"].size(), 1u);
    EXPECT_EQ(run("runs.list", {{"trash", true}}).data["runs"].size(), 1u);
    run("runs.restore", {{"runs", {b}}});
    run("runs.delete", {{"runs", {b}}});
    run("runs.purge", {{"filter", ""}});
    EXPECT_EQ(refused("runs.show", {{"run", b}}).code, ErrorCode::NotFound);
    EXPECT_EQ(refused("runs.delete", Json::object()).code, ErrorCode::InvalidArgument);
}

TEST_F(RunsCommands, ExportsAndAnswersSql) {
    const std::string a = makeRun();
    const auto csv = run("runs.export", {{"format", "csv"}});
    EXPECT_THAT(csv.text, HasSubstr("params.settings.steps"));
    EXPECT_EQ(std::count(csv.text.begin(), csv.text.end(), '\n'), 2);
    const auto series = run("runs.export", {{"format", "series-csv"}, {"runs", {a}}});
    EXPECT_EQ(std::count(series.text.begin(), series.text.end(), '\n'), 1 + 2 * 4);
    const std::string file = (folder_ / "out.jsonl").string();
    run("runs.export", {{"format", "jsonl"}, {"output", file}});
    EXPECT_EQ((*readJsonFile(file))["id"], a);
    const auto sql = run("runs.sql", {{"query", "SELECT key, step FROM last_values ORDER BY key"}});
    EXPECT_EQ(sql.data["rows"], Json::parse(R"([["error", 4], ["pi", 4]])"));
    for (const char* bad :
         {"DELETE FROM runs", "ATTACH 'x.db' AS x", "PRAGMA user_version=9", "CREATE TABLE t(a)",
          "SELECT load_extension('x')", "SELECT 1; DELETE FROM runs", "PRAGMA writable_schema=1"})
        refused("runs.sql", {{"query", bad}});
    EXPECT_EQ(refused("runs.sql", {{"query", "SELECT * FROM nothing"}}).code, ErrorCode::InvalidArgument);
    const char* endless =
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c";
    EXPECT_THAT(refused("runs.sql", {{"query", endless}, {"seconds", 0.1}}).text(), HasSubstr("0.1 s"));
    const char* many = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c";
    EXPECT_TRUE(run("runs.sql", {{"query", many}, {"rows", 5}}).data["truncated"]);
    EXPECT_EQ(run("runs.list", Json::object()).data["runs"].size(), 1u);
}

TEST_F(RunsCommands, BadUse) {
    EXPECT_THAT(refused("runs.list", Json::object()).text(), HasSubstr("no project in this folder"));
    EXPECT_THAT(refused("run", Json::object()).text(), HasSubstr("either a recipe or --resume"));
    ASSERT_TRUE(writeFileAtomically(folder_ / "r.json", R"({"kind": "selftest", "settings": {"stepz": 4}})"));
    EXPECT_THAT(refused("run", {{"recipe", (folder_ / "r.json").string()}}).text(),
                HasSubstr("Did you mean \"steps\""));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "p"));  // a refused recipe leaves nothing behind
    run("project.create", {{"folder", (folder_ / "p").string()}, {"name", "mine"}});
    EXPECT_THAT(run("project.info", Json::object()).text, HasSubstr("mine"));
    EXPECT_EQ(run("runs.list", Json::object()).text, "no runs\n");
    EXPECT_THAT(refused("runs.list", {{"sort", "creatde"}}).text(), HasSubstr("Did you mean \"created\""));
}

TEST_F(RunsCommands, ControlNeedsALiveRun) {
    const std::string a = makeRun();
    EXPECT_THAT(refused("runs.control", {{"run", a}, {"action", "pause"}}).text(), HasSubstr("not running"));
}

}  // namespace
}  // namespace vitrine
