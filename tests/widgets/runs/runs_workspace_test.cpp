#include "app/desktop/runs/runs_workspace.h"

#include "app/desktop/runs/run_edits.h"
#include "app/desktop/runs/run_questions.h"
#include "core/runs/metric_writer.h"
#include "tests/support/temporary_folder.h"
#include "tests/widgets/other_workspace.h"
#include "tests/widgets/runs/sample_runs.h"
#include "widgets/runs/filter_edit.h"
#include "widgets/runs/metric_chart.h"
#include "widgets/runs/run_table_view.h"
#include "widgets/shell/main_window.h"

#include <gmock/gmock.h>

#include <QApplication>
#include <QElapsedTimer>
#include <fstream>

namespace vitrine {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

// The workspace in a real window on a project of 9 runs: 3 settings by 3 seeds.
class RunsWorkspaceTest : public ::testing::Test {
  protected:
    using Run = vitrine::Run;

    void SetUp() override {
        auto made = testing::makeSampleRuns(folder_ / "p", {.steps = 40, .pictures = 3});
        ASSERT_TRUE(made) << made.error().text();
        project_.emplace(std::move(*made));
        window_ = std::make_unique<MainWindow>(registry_);
        workspace_ = new RunsWorkspace(window_.get());
        window_->addWorkspace(workspace_);
        window_->setProject(folder_ / "p");
        window_->resize(1400, 900);
        window_->show();
        runs_ = workspace_->controller();
        ASSERT_TRUE(until([&] { return model().rowCount() == 9; }));
    }

    RunTableModel& model() { return *runs_->table()->model(); }

    static bool until(const std::function<bool()>& reached, int milliseconds = 20000) {
        QElapsedTimer timer;
        timer.start();
        while (!reached()) {
            if (timer.elapsed() > milliseconds)
                return false;
            QApplication::processEvents(QEventLoop::AllEvents, 20);
        }
        return true;
    }
    bool settled() {
        return until([&] { return !runs_->isBusy() && window_->jobs().jobs().isEmpty(); });
    }
    Run find(const std::string& id) { return *RunStore(*project_).find(id); }

    TemporaryFolder folder_;
    std::optional<Project> project_;
    CommandRegistry registry_;
    std::unique_ptr<MainWindow> window_;
    RunsWorkspace* workspace_ = nullptr;
    RunsController* runs_ = nullptr;
};

TEST_F(RunsWorkspaceTest, FilterShowsRunsOrSaysWhyItCannot) {
    ASSERT_TRUE(window_->commands().run("runs.view.filter", {{"filter", "status = failed"}}));
    ASSERT_TRUE(until([&] { return model().rowCount() == 1; }));
    EXPECT_EQ(model().runAt(0)->status, RunStatus::Failed);
    runs_->setFilter("stats = failed");
    ASSERT_TRUE(until([&] { return !runs_->table()->filter()->error().isEmpty(); }));
    EXPECT_THAT(runs_->table()->filter()->error().toStdString(), HasSubstr("stat"));
    EXPECT_EQ(model().rowCount(), 1) << "the last filter that worked stays";
    runs_->setFilter("");
    EXPECT_TRUE(until([&] { return model().rowCount() == 9; }));
    EXPECT_TRUE(runs_->table()->filter()->error().isEmpty());
}

TEST_F(RunsWorkspaceTest, SelectionFillsEveryPanel) {
    runs_->selectRuns({"distil-cosine", "distil-smooth-l1"});
    ASSERT_TRUE(until([&] {
        const MetricChart* drawn = runs_->charts()->chart("train/loss");
        return drawn && drawn->lines().size() == 6 && runs_->details()->runNumber() > 0 &&
               runs_->media()->grid()->shownItems().size() == 12 && runs_->lineage()->nodeCount() > 3;
    }));
    ASSERT_TRUE(settled());
    EXPECT_EQ(runs_->selectedIds().size(), 6);
    MetricChart* chart = runs_->charts()->chart("train/loss");
    ASSERT_EQ(chart->lines().size(), 6u);
    EXPECT_EQ(chart->lines()[0].x.size(), 40);
    ChartOptions options;
    options.seedBands = true;
    runs_->charts()->setOptions(options);
    ASSERT_EQ(chart->lines().size(), 2u) << "three seeds of each setting are one band";
    EXPECT_EQ(chart->lines()[0].runs, 3);
    EXPECT_EQ(runs_->media()->step(), 40);
    EXPECT_EQ(runs_->media()->grid()->shownItems().size(), 12u);
    runs_->media()->setStep(20);
    for (const MediaItem& item : runs_->media()->grid()->shownItems())
        EXPECT_EQ(item.step, 20);
    EXPECT_EQ(runs_->compare()->model()->columnCount(), 7);
}

TEST_F(RunsWorkspaceTest, EditsAreStoredAndTakenBack) {
    const std::string first = model().runAt(0)->id;
    const std::string second = model().runAt(1)->id;
    runs_->selectRuns({QString::fromStdString(first), QString::fromStdString(second)});
    const std::vector<Run> selected = runs_->table()->view()->selectedRuns();
    ASSERT_EQ(selected.size(), 2u);
    emit runs_->table()->editRequested(RunEdit::AddTags, selected, "good, to keep");
    ASSERT_TRUE(until([&] { return find(second).tags.size() == 2; }));
    EXPECT_THAT(find(first).tags, Contains("to keep"));
    emit runs_->table()->editRequested(RunEdit::Trash, selected, {});
    ASSERT_TRUE(until([&] { return model().rowCount() == 7; }));
    EXPECT_GT(find(first).deletedAt, 0);
    window_->commands().undoStack().undo();
    ASSERT_TRUE(until([&] { return model().rowCount() == 9; }));
    EXPECT_EQ(find(first).deletedAt, 0);
    emit runs_->table()->editRequested(RunEdit::Rename, {find(first)}, "best of all");
    ASSERT_TRUE(until([&] { return find(first).name == "best of all"; }));
}

TEST_F(RunsWorkspaceTest, FollowsWhatAnotherProcessWrites) {
    NewRun fresh;
    fresh.name = "from outside";
    fresh.kind = "distil";
    const auto run = RunStore(*project_).create(fresh);
    ASSERT_TRUE(run);
    auto writer = MetricWriter::open(*project_, *run);
    (*writer)->add("val/accuracy", 1, 0.5);
    ASSERT_TRUE((*writer)->flush());
    EXPECT_TRUE(until([&] { return model().rowCount() == 10 && model().rowOf(run->number) >= 0; }));
}

TEST_F(RunsWorkspaceTest, NotesOfTwoWritersAreBothKept) {
    const Run before = *model().runAt(0);
    ASSERT_TRUE(RunStore(*project_).setNotes({before}, "of the shell"));
    // Written for the notes as they were before the shell's.
    emit runs_->details()->notesEdited(before, "of the window");
    ASSERT_TRUE(until([&] { return find(before.id).notes.find("of the window") != std::string::npos; }));
    EXPECT_EQ(find(before.id).notes, "of the shell\nof the window");
}

TEST_F(RunsWorkspaceTest, QueriesOfTwoWindowsAreBothKept) {
    runs_->sql()->setSaved({});
    RunsController other;
    other.openProject(folder_ / "p");
    other.sql()->setSaved({{"theirs", "SELECT 1"}});
    emit other.sql()->savedChanged();
    runs_->sql()->setSaved({{"ours", "SELECT 2"}});
    emit runs_->sql()->savedChanged();
    ASSERT_EQ(runs_->sql()->saved().size(), 2);
    EXPECT_EQ(runs_->sql()->saved()[0].name, "theirs");
    runs_->sql()->setSaved({{"theirs", "SELECT 1"}});  // ours is removed
    emit runs_->sql()->savedChanged();
    ASSERT_EQ(runs_->sql()->saved().size(), 1);
    for (QWidget* widget :
         std::initializer_list<QWidget*>{other.table(), other.details(), other.charts(), other.media(),
                                         other.compare(), other.sql(), other.lineage()})
        widget->deleteLater();
}

TEST_F(RunsWorkspaceTest, AJobAtWorkIsInTheStatusBarAndOutlivesTheWindow) {
    NewRun fresh;
    fresh.name = "long one";
    fresh.kind = "distil";
    const auto run = RunStore(*project_).create(fresh);
    ASSERT_TRUE(RunStore(*project_).start(*run, currentProcess()));
    const JobList& jobs = window_->jobs();
    ASSERT_TRUE(until([&] { return !jobs.jobs().isEmpty(); }));
    EXPECT_EQ(jobs.jobs().first().title, "long one");
    EXPECT_FALSE(jobs.hasOwn()) << "it does not end with the window";
    ASSERT_TRUE(RunStore(*project_).end(*run, RunStatus::Finished, {}, {}));
    EXPECT_TRUE(until([&] { return jobs.jobs().isEmpty(); }));
}

TEST_F(RunsWorkspaceTest, AJobThatWasKilledBecomesInterruptedByItself) {
    NewRun fresh;
    fresh.name = "killed";
    fresh.kind = "distil";
    const auto run = RunStore(*project_).create(fresh);
    ProcessIdentity gone = currentProcess();
    gone.start += "x";
    ASSERT_TRUE(RunStore(*project_).start(*run, gone));
    EXPECT_TRUE(until([&] { return find(run->id).status == RunStatus::Interrupted; }));
    EXPECT_TRUE(until([&] {
        const int row = model().rowOf(run->number);
        return row >= 0 && model().runAt(row)->status == RunStatus::Interrupted;
    }));
}

TEST_F(RunsWorkspaceTest, OpeningAProjectWaitsForNothing) {
    ASSERT_TRUE(window_->commands().run("file.openProject", {{"path", (folder_ / "new").string()}}));
    EXPECT_NE(window_->commands().project(), folder_ / "new") << "it is made away from the interface thread";
    ASSERT_TRUE(until([&] { return window_->commands().project() == folder_ / "new"; }));
    std::filesystem::create_directories(folder_ / "bad");
    std::ofstream(folder_ / "bad" / "vitrine.db") << std::string(2000, 'x');
    ASSERT_TRUE(window_->commands().run("file.openProject", {{"path", (folder_ / "bad").string()}}));
    ASSERT_TRUE(until([&] { return window_->toasts().visibleTexts().join(' ').contains("not a database"); }));
    EXPECT_EQ(window_->commands().project(), folder_ / "new") << "the window goes on with what it had";
}

TEST_F(RunsWorkspaceTest, WhatButtonsDoIsInThePaletteAndTheListOfKeys) {
    const CommandCenter& commands = window_->commands();
    for (const QString& name : runs_->table()->namedActions().keys())
        EXPECT_TRUE(commands.windowCommands().contains("runs.selected." + name)) << name.toStdString();
    EXPECT_EQ(commands.shortcut("runs.selected.star"), QKeySequence("S"));
    window_->commands().setShortcut("runs.selected.star", QKeySequence("F8"));
    EXPECT_EQ(runs_->table()->action("star")->shortcut(), QKeySequence("F8"));
    EXPECT_FALSE(window_->commands().run("runs.selected.star")) << "nothing is selected";
}

TEST_F(RunsWorkspaceTest, APanelComesToTheFrontWithTheWorkspace) {
    window_->addWorkspace(new testing::OtherWorkspace);
    window_->showWorkspace("other");
    ASSERT_TRUE(window_->commands().run("runs.view.panel", {{"panel", "runsLineage"}}));
    EXPECT_EQ(window_->currentWorkspace(), workspace_);
    EXPECT_TRUE(until([&] { return runs_->lineage()->isVisible(); }));
}

TEST_F(RunsWorkspaceTest, DifferingColumnsComeFromTheDatabase) {
    ASSERT_TRUE(window_->commands().run("runs.view.onlyDifferences", {{"on", true}}));
    ASSERT_TRUE(until([&] { return model().columnCount() > 1; }));
    EXPECT_THAT(model().shownColumns(), Contains("params.settings.lr"));
    EXPECT_THAT(model().shownColumns(), Contains("seed"));
    EXPECT_THAT(model().shownColumns(), Not(Contains("params.settings.batch")));
    EXPECT_THAT(model().shownColumns(), Not(Contains("kind")));
}

TEST_F(RunsWorkspaceTest, SqlReadsAndRefusesToWrite) {
    runs_->sql()->setSql("SELECT count(*) AS runs FROM runs");
    runs_->sql()->run();
    ASSERT_TRUE(until([&] { return runs_->sql()->model()->rowCount() == 1; }));
    EXPECT_EQ(runs_->sql()->model()->data(runs_->sql()->model()->index(0, 0)).toString(), "9");
    runs_->sql()->setSql("DELETE FROM runs");
    runs_->sql()->run();
    ASSERT_TRUE(settled());
    EXPECT_EQ(RunStore(*project_).find("last")->kind, "distil");
    EXPECT_EQ(runs_->sql()->history().size(), 2);
}

TEST_F(RunsWorkspaceTest, SessionComesBack) {
    runs_->setFilter("seed = 1");
    runs_->selectRuns({"distil-cosine"});
    ASSERT_TRUE(until([&] { return model().rowCount() == 3 && !runs_->selectedIds().isEmpty(); }));
    runs_->table()->setGroupBy("params.settings.loss");
    const Json session = workspace_->saveSession();
    RunsController other;
    other.restoreSession(session);
    other.openProject(folder_ / "p");
    ASSERT_TRUE(until([&] { return other.table()->model()->shownRuns() == 3; }));
    ASSERT_TRUE(until([&] { return other.table()->model()->rowCount() == 6; }));  // with three heads
    ASSERT_TRUE(until([&] { return !other.selectedIds().isEmpty(); }));
    EXPECT_EQ(other.selectedIds(), runs_->selectedIds());
    for (QWidget* widget :
         std::initializer_list<QWidget*>{other.table(), other.details(), other.charts(), other.media(),
                                         other.compare(), other.sql(), other.lineage()})
        widget->deleteLater();
}

TEST(RunImages, BadPicturesGiveAText) {
    const LoadedImage missing = loadImage("/nonexistent.png");
    EXPECT_TRUE(missing.image.isNull());
    EXPECT_FALSE(missing.error.isEmpty());
}

TEST(RunService, ANewerQuestionReplacesAnOlderOne) {
    TemporaryFolder folder;
    ASSERT_TRUE(
        testing::makeSampleRuns(folder / "p", {.configurations = 1, .seeds = 1, .steps = 2, .pictures = 1}));
    RunService service(false);
    service.open(folder / "p");
    std::vector<int> answers;
    for (int i = 0; i < 50; ++i)
        service.ask<int>(
            "same", [i](const Project&) -> Result<int> { return i; },
            [&](Result<int> answer) { answers.push_back(*answer); });
    QElapsedTimer timer;
    timer.start();
    while (service.isBusy() && timer.elapsed() < 20000)
        QApplication::processEvents(QEventLoop::AllEvents, 20);
    EXPECT_THAT(answers, ::testing::ElementsAre(49));
}

}  // namespace
}  // namespace vitrine
