#include "core/runs/run_store.h"

#include "core/runs/metric_writer.h"
#include "core/runs/run_query.h"
#include "core/runs/series.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vitrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using ::testing::UnorderedElementsAre;

class RunStoreTest : public ::testing::Test {
  protected:
    using Run = vitrine::Run;  // ::testing::Test has a private Run()

    void SetUp() override {
        auto opened = Project::create(folder_ / "p", "sample");
        ASSERT_TRUE(opened) << opened.error().text();
        project_.emplace(std::move(*opened));
    }

    Run add(const std::string& name, const Json& settings,
            std::vector<std::pair<std::string, double>> metrics = {},
            RunStatus status = RunStatus::Finished) {
        NewRun fresh;
        fresh.name = name;
        fresh.kind = "train";
        fresh.status = status;
        fresh.recipe = {{"kind", "train"}, {"name", name}, {"settings", settings}};
        const auto run = RunStore(*project_).create(fresh);
        EXPECT_TRUE(run) << run.error().text();
        auto writer = MetricWriter::open(*project_, *run);
        for (const auto& [key, value] : metrics)
            (*writer)->add(key, 1, value);
        EXPECT_TRUE((*writer)->flush());
        return *run;
    }

    std::vector<std::string> names(const std::string& filter, TrashFilter trash = TrashFilter::Without) {
        RunListOptions options;
        options.filter = filter;
        options.trash = trash;
        const auto rows = listRuns(*project_, options);
        EXPECT_TRUE(rows) << rows.error().text();
        std::vector<std::string> out;
        for (const RunRow& row : *rows)
            out.push_back(row.run.name);
        return out;
    }

    TemporaryFolder folder_;
    std::optional<Project> project_;
};

TEST_F(RunStoreTest, FindsByIdPrefixAndLast) {
    const Run a = add("a", {{"lr", 0.1}});
    const Run b = add("b", {{"lr", 0.2}});
    RunStore store(*project_);
    EXPECT_EQ(a.id.size(), 10u);
    EXPECT_LT(a.id.substr(0, 6), b.id.substr(0, 6) + "~");
    EXPECT_EQ(store.find(a.id)->name, "a");
    EXPECT_EQ(store.find(b.id.substr(0, 9))->name, "b");
    EXPECT_EQ(store.find("last")->name, "b");
    EXPECT_EQ(store.find("zzzz").error().code, ErrorCode::NotFound);
    EXPECT_EQ(store.find("").error().code, ErrorCode::NotFound);
    EXPECT_EQ(store.find(a.id.substr(0, 3)).error().code, ErrorCode::InvalidArgument);  // begins both
}

TEST_F(RunStoreTest, FlattensParameters) {
    const Run run =
        add("a", {{"lr", 0.5}, {"layers", {1, 2}}, {"flag", true}, {"list", {{{"n", 1}}, {{"n", 2}}}}});
    const Json params = *RunStore(*project_).params(run);
    EXPECT_EQ(params["settings.lr"], 0.5);
    EXPECT_EQ(params["settings.layers"], "[1,2]");
    EXPECT_EQ(params["settings.flag"], "true");
    EXPECT_EQ(params["settings.list[1].n"], 2);
    EXPECT_FALSE(params.contains("name"));
}

TEST_F(RunStoreTest, FiltersByFieldsParamsAndMetrics) {
    add("low", {{"lr", 0.1}, {"opt", "adam"}}, {{"val/loss", 0.2}});
    add("high", {{"lr", 0.5}, {"opt", "sgd"}}, {{"val/loss", 0.9}});
    const Run odd = add("odd", {{"lr", "auto"}}, {}, RunStatus::Failed);
    ASSERT_TRUE(RunStore(*project_).addTags({odd}, {"keep", "50%"}));
    EXPECT_THAT(names(""), ElementsAre("odd", "high", "low"));
    EXPECT_THAT(names("metrics.val/loss < 0.3"), ElementsAre("low"));
    EXPECT_THAT(names("params.lr >= 0.1"), ElementsAre("high", "low"));
    EXPECT_THAT(names("params.settings.lr = auto"), ElementsAre("odd"));
    EXPECT_THAT(names("params.opt = adam or status = failed"), ElementsAre("odd", "low"));
    EXPECT_THAT(names("not (params.opt = adam or status = failed)"), ElementsAre("high"));
    EXPECT_THAT(names("tag = keep"), ElementsAre("odd"));
    EXPECT_THAT(names("tag != keep"), ElementsAre("high", "low"));
    EXPECT_THAT(names("tag ~ 50%"), ElementsAre("odd"));
    EXPECT_THAT(names("tag ~ 5_"), ElementsAre());
    EXPECT_THAT(names("hig"), ElementsAre("high"));
    EXPECT_THAT(names("name ~ \"ig\" metrics.val/loss > 0.5"), ElementsAre("high"));
    EXPECT_THAT(names("name !~ ig and kind = train"), ElementsAre("odd", "low"));
}

TEST_F(RunStoreTest, RefusesBadFiltersWithAHint) {
    add("a", {{"lr", 0.1}}, {{"val/loss", 0.2}});
    const auto errorOf = [&](const std::string& filter) {
        const auto checked = checkFilter(*project_, filter);
        return checked ? std::string("accepted") : checked.error().text();
    };
    EXPECT_THAT(errorOf("metrics.val/los < 1"), HasSubstr("Did you mean \"metrics.val/loss\""));
    EXPECT_THAT(errorOf("statis = failed"), HasSubstr("Did you mean \"status\""));
    EXPECT_THAT(errorOf("status = "), HasSubstr("expected a value at letter 10"));
    EXPECT_THAT(errorOf("(status = failed"), HasSubstr("expected \")\""));
    EXPECT_THAT(errorOf("name = \"x"), HasSubstr("not closed"));
    EXPECT_THAT(errorOf("name => 3"), HasSubstr("unknown operator"));
    EXPECT_THAT(errorOf(std::string(200, '(')), HasSubstr("too many parentheses"));
    EXPECT_EQ(errorOf("name = \"'; DROP TABLE runs; --\""), "accepted");
    EXPECT_THAT(names("name = \"'; DROP TABLE runs; --\""), ElementsAre());
    EXPECT_THAT(names(""), ElementsAre("a"));
}

TEST_F(RunStoreTest, SortsGroupsAndReadsColumns) {
    add("a", {{"lr", 3}, {"opt", "x"}}, {{"loss", 1}});
    add("b", {{"lr", 1}, {"opt", "y"}}, {{"loss", 2}});
    add("c", {{"lr", 2}, {"opt", "x"}});
    RunListOptions options;
    options.sort = "params.lr";
    options.groupBy = "params.opt";
    options.columns = {"params.lr", "metrics.loss"};
    const auto rows = listRuns(*project_, options);
    ASSERT_TRUE(rows) << rows.error().text();
    ASSERT_EQ(rows->size(), 3u);
    EXPECT_EQ((*rows)[0].run.name, "a");
    EXPECT_EQ((*rows)[1].run.name, "c");
    EXPECT_EQ((*rows)[2].run.name, "b");
    EXPECT_EQ((*rows)[2].group, "y");
    EXPECT_EQ((*rows)[1].cells[0], SqlValue(int64_t(2)));
    EXPECT_EQ((*rows)[1].cells[1], SqlValue());
    EXPECT_EQ((*rows)[2].cells[1], SqlValue(2.0));
    EXPECT_THAT(*columnNames(*project_),
                ElementsAre("metrics.loss", "params.kind", "params.settings.lr", "params.settings.opt"));
}

TEST_F(RunStoreTest, ComparesOnlyDifferences) {
    const Run a = add("a", {{"lr", 0.1}, {"same", 1}}, {{"loss", 1}});
    const Run b = add("b", {{"lr", 0.2}, {"same", 1}});
    const auto table = compareRuns(*project_, {a, b}, true);
    ASSERT_TRUE(table);
    ASSERT_EQ(table->size(), 2u);
    EXPECT_EQ((*table)[0].key, "metrics.loss");
    EXPECT_EQ((*table)[0].values[1], SqlValue());
    EXPECT_EQ((*table)[1].key, "params.settings.lr");
    EXPECT_EQ(compareRuns(*project_, {a, b}, false)->size(), 4u);
}

TEST_F(RunStoreTest, TrashRestoreAndPurge) {
    const Run a = add("a", {{"lr", 0.1}}, {{"loss", 1}});
    const Run b = add("b", {{"lr", 0.1}});
    RunStore store(*project_);
    const auto own = project_->artifacts().putBytes("only a has this");
    const auto both = project_->artifacts().putBytes("both have this");
    ASSERT_TRUE(store.addArtifact(
        a, {.name = "x", .kind = "file", .sha256 = own->sha256, .bytes = own->bytes, .mediaType = {}}));
    ASSERT_TRUE(store.addArtifact(
        a, {.name = "y", .kind = "file", .sha256 = both->sha256, .bytes = both->bytes, .mediaType = {}}));
    ASSERT_TRUE(store.addArtifact(
        b, {.name = "y", .kind = "file", .sha256 = both->sha256, .bytes = both->bytes, .mediaType = {}}));
    EXPECT_EQ(store.purge({a}).error().code, ErrorCode::InvalidArgument);  // not in the trash
    ASSERT_TRUE(store.moveToTrash({a}));
    EXPECT_THAT(names(""), ElementsAre("b"));
    EXPECT_THAT(names("", TrashFilter::Only), ElementsAre("a"));
    ASSERT_TRUE(store.restore({a}));
    EXPECT_THAT(names(""), ElementsAre("b", "a"));
    ASSERT_TRUE(store.moveToTrash({a}));
    const auto freed = store.purge({a});
    ASSERT_TRUE(freed) << freed.error().text();
    EXPECT_EQ(*freed, own->bytes);
    EXPECT_FALSE(project_->artifacts().contains(own->sha256));
    EXPECT_TRUE(project_->artifacts().contains(both->sha256));
    EXPECT_EQ(textOf(*project_->database().scalar("SELECT count(*) FROM points")), "0");
    EXPECT_TRUE(project_->checkIntegrity()->empty());
}

TEST_F(RunStoreTest, LiveRunsCannotBeTrashed) {
    const Run run = add("a", Json::object());
    RunStore store(*project_);
    ASSERT_TRUE(store.start(run, currentProcess()));
    EXPECT_EQ(store.moveToTrash({run}).error().code, ErrorCode::Busy);
}

TEST_F(RunStoreTest, MarksRunsOfDeadProcessesInterrupted) {
    const Run alive = add("alive", Json::object());
    const Run dead = add("dead", Json::object());
    const Run reused = add("reused", Json::object());
    const Run elsewhere = add("elsewhere", Json::object());
    RunStore store(*project_);
    ProcessIdentity process = currentProcess();
    ASSERT_TRUE(store.start(alive, process));
    ASSERT_TRUE(store.start(elsewhere, {process.pid, "another-host", "x"}));
    process.start += "1";  // the same number, another process
    ASSERT_TRUE(store.start(reused, process));
    ASSERT_TRUE(store.start(dead, {1 << 30, process.host, "x"}));
    EXPECT_EQ(*store.markInterrupted(), 2);
    EXPECT_EQ(store.find(alive.id)->status, RunStatus::Running);
    EXPECT_EQ(store.find(elsewhere.id)->status, RunStatus::Running);
    EXPECT_EQ(store.find(reused.id)->status, RunStatus::Interrupted);
    EXPECT_EQ(store.find(dead.id)->status, RunStatus::Interrupted);
    EXPECT_THAT(store.find(dead.id)->error, HasSubstr("its process ended"));
}

TEST_F(RunStoreTest, TagsNotesAndStarsInBulk) {
    const Run a = add("a", Json::object());
    const Run b = add("b", Json::object());
    RunStore store(*project_);
    ASSERT_TRUE(store.addTags({a, b}, {"x", "y"}));
    ASSERT_TRUE(store.removeTags({a}, {"x"}));
    ASSERT_TRUE(store.setStarred({a}, true));
    ASSERT_TRUE(store.setNotes({a, b}, "seen"));
    EXPECT_THAT(store.find(a.id)->tags, ElementsAre("y"));
    EXPECT_THAT(store.find(b.id)->tags, UnorderedElementsAre("x", "y"));
    EXPECT_THAT(names("starred"), ElementsAre("a"));
    EXPECT_THAT(names("starred = true and notes ~ see"), ElementsAre("a"));
    EXPECT_FALSE(store.addTags({a, b}, {"z", ""}));
    EXPECT_THAT(*store.allTags(), ElementsAre("x", "y"));  // nothing of the failed change stays
}

TEST_F(RunStoreTest, LineageFollowsSharedArtifacts) {
    const Run a = add("a", Json::object());
    const Run b = add("b", Json::object());
    const Run c = add("c", Json::object());
    RunStore store(*project_);
    ASSERT_TRUE(store.addLineage(a, {a.id, "output", "artifact", "h1", "weights"}));
    ASSERT_TRUE(store.addLineage(b, {b.id, "input", "artifact", "h1", "weights"}));
    ASSERT_TRUE(store.addLineage(b, {b.id, "output", "artifact", "h2", "student"}));
    ASSERT_TRUE(store.addLineage(c, {c.id, "input", "artifact", "h2", "student"}));
    EXPECT_EQ(store.lineage(a, 0)->size(), 1u);
    EXPECT_EQ(store.lineage(a, 1)->size(), 3u);
    EXPECT_EQ(store.lineage(a, 5)->size(), 4u);
}

TEST_F(RunStoreTest, MetricsKeepNanAndReplaceRepeatedSteps) {
    const Run run = add("a", Json::object());
    auto writer = MetricWriter::open(*project_, run);
    ASSERT_TRUE(writer);
    for (int step = 0; step < 2500; ++step)
        (*writer)->add("loss", step, step == 7 ? NAN : 1.0 / (step + 1));
    (*writer)->add("loss", 2000, 42);  // earlier than the newest
    ASSERT_TRUE((*writer)->flush());
    const auto series = readSeries(*project_, run, "loss");
    ASSERT_EQ(series->size(), 2500u);
    EXPECT_TRUE(std::isnan((*series)[7].value));
    EXPECT_EQ((*series)[2000].value, 42);
    EXPECT_EQ(readSeries(*project_, run, "loss", 10, 19)->size(), 10u);
    const auto newest = columnValues(*project_, "metrics.loss");
    EXPECT_EQ(newest->at(run.number), SqlValue(1.0 / 2500));
    EXPECT_TRUE(readSeries(*project_, run, "none")->empty());
}

TEST(Series, DecimationKeepsSpikesAndEnds) {
    std::vector<SeriesPoint> points;
    for (int i = 0; i < 100000; ++i)
        points.push_back({i, 0, i == 54321 ? 1000.0 : std::sin(i * 0.001)});
    const auto few = decimate(points, 400);
    EXPECT_LE(few.size(), 400u);
    EXPECT_GT(few.size(), 200u);
    EXPECT_EQ(few.front().step, 0);
    EXPECT_EQ(few.back().step, 99999);
    EXPECT_TRUE(std::any_of(few.begin(), few.end(), [](const auto& p) { return p.value == 1000.0; }));
    EXPECT_TRUE(std::is_sorted(few.begin(), few.end(), [](auto& a, auto& b) { return a.step < b.step; }));
    EXPECT_EQ(decimate(few, 1000).size(), few.size());
}

TEST(Series, SeedBandAndSmoothing) {
    const auto band = seedBand({{{0, 0, 1}, {1, 0, 5}}, {{0, 0, 3}}, {{0, 0, NAN}, {1, 0, 7}}});
    ASSERT_EQ(band.size(), 2u);
    EXPECT_EQ(band[0].mean, 2);
    EXPECT_EQ(band[0].count, 2);
    EXPECT_NEAR(band[0].standardDeviation, std::sqrt(2.0), 1e-12);
    EXPECT_EQ(band[1].minimum, 5);
    EXPECT_EQ(band[1].maximum, 7);
    const auto constant = smooth({{0, 0, 3}, {1, 0, 3}, {2, 0, 3}}, 0.9);
    EXPECT_NEAR(constant[0].value, 3, 1e-12);
    EXPECT_NEAR(constant[2].value, 3, 1e-12);
}

}  // namespace
}  // namespace vitrine
