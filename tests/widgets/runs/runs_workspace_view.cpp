// runs_workspace_view FOLDER [large]: shows the Runs workspace on a sample project, saves pictures of its
// panels into FOLDER, dark and light, and prints how long opening, filtering and sorting take with 5,000 runs
// × 500 columns if "large" is given.
#include "app/desktop/runs/runs_workspace.h"
#include "tests/widgets/runs/sample_runs.h"
#include "widgets/base/theme.h"
#include "widgets/runs/run_columns.h"
#include "widgets/runs/run_table_view.h"
#include "widgets/shell/main_window.h"

#include <QApplication>
#include <QElapsedTimer>
#include <iostream>

using namespace vitrine;

namespace {

void settle(MainWindow& window, Workspace& workspace, int milliseconds = 700) {
    QElapsedTimer timer;
    timer.start();
    while (timer.elapsed() < milliseconds ||
           ((workspace.isBusy() || window.isBusy()) && timer.elapsed() < 30000))
        QApplication::processEvents(QEventLoop::AllEvents, 20);
}

// 5,000 runs with 400 parameters and 100 metrics each, written straight into the tables.
Result<Project> makeLarge(const std::filesystem::path& folder) {
    VITRINE_TRY(Project project, Project::create(folder, "large"));
    VITRINE_TRY_VOID(project.database().script(R"sql(
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO runs(id, name, kind, status, created, started, ended)
    SELECT printf('id%05d', i), printf('run-%d', i), 'train', 'finished', 1.7e9 + i, 1.7e9 + i, 1.7e9 + 2 * i FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
INSERT INTO keys(kind, name) SELECT iif(i <= 400, 'param', 'metric'), printf('key%03d', i) FROM n;
INSERT INTO param_values(key, run, value) SELECT k.id, r.number, (r.number * 7 + k.id) % (1 + k.id)
    FROM keys k CROSS JOIN runs r WHERE k.kind = 'param';
INSERT INTO series(key, run, last_step, last_value) SELECT k.id, r.number, 1, ((r.number * 31 + k.id) % 997) / 997.0
    FROM keys k CROSS JOIN runs r WHERE k.kind = 'metric';
COMMIT;
)sql"));
    return project;
}

void measure(const QString& what, const std::function<void()>& start, const std::function<bool()>& done) {
    QElapsedTimer timer;
    timer.start();
    start();
    while (!done() && timer.elapsed() < 60000)
        QApplication::processEvents(QEventLoop::AllEvents, 5);
    std::cout << what.toStdString() << ": " << timer.elapsed() << " ms" << std::endl;
}

void measureLarge(MainWindow& window, RunsWorkspace& workspace, const std::filesystem::path& folder) {
    RunsController& runs = *workspace.controller();
    RunTableModel& model = *runs.table()->model();
    measure(
        "open 5,000 runs x 500 columns", [&] { window.setProject(folder), runs.openProject(folder); },
        [&] {
            const Run* first = model.runAt(0);
            return first && isNumeric(model.value(*first, "metrics.key401"));  // values are on show
        });
    settle(window, workspace);
    measure(
        "filter metrics.key450 < 0.5", [&] { runs.setFilter("metrics.key450 < 0.5"); },
        [&] { return model.rowCount() < 5000; });
    measure(
        "sort by params.key200", [&] { model.setSort("params.key200", Qt::AscendingOrder); },
        [&] {
            const Run* first = model.runAt(0);
            return first && numberOf(model.value(*first, "params.key200")) == 0;
        });
    measure(
        "scroll to the last column",
        [&] { runs.table()->view()->scrollTo(model.index(3, model.columnCount() - 1)); },
        [&] {
            const Run* row = model.runAt(3);
            return row && isNumeric(model.value(*row, model.shownColumns().back()));
        });
    runs.setFilter("");
    settle(window, workspace);
    measure(
        "only differences", [&] { runs.table()->setOnlyDifferences(true); }, [&] { return !runs.isBusy(); });
}

}  // namespace

int main(int argumentCount, char** arguments) {
    QCoreApplication::setAttribute(Qt::AA_ShareOpenGLContexts);
    QApplication application(argumentCount, arguments);
    if (argumentCount < 2)
        return 2;
    const std::filesystem::path folder = arguments[1];
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    const bool large = argumentCount > 2;
    const auto project = large ? makeLarge(folder / "project") : testing::makeSampleRuns(folder / "project");
    if (!project) {
        std::cerr << project.error().text() << "\n";
        return 1;
    }
    Theme::instance().apply(true, QColor());
    CommandRegistry registry;
    MainWindow window(registry);
    auto* workspace = new RunsWorkspace(&window);
    window.addWorkspace(workspace);
    window.resize(1600, 900);
    window.show();
    settle(window, *workspace);
    if (large) {
        measureLarge(window, *workspace, folder / "project");
        window.grab().save(QString::fromStdString((folder / "large.png").string()));
        return 0;
    }
    window.setProject(folder / "project");
    settle(window, *workspace, 1500);
    workspace->controller()->selectRuns({"distil-cosine", "distil-smooth-l1", "distil-phi-s"});
    settle(window, *workspace, 1500);
    ChartOptions options;
    options.smoothing = 0.8;
    workspace->controller()->charts()->setOptions(options);
    for (const char* theme : {"dark", "light"}) {
        Theme::instance().setDark(std::string(theme) == "dark");
        for (const char* panel : {"runsCharts", "runsMedia", "runsCompare", "runsLineage", "runsSql"}) {
            window.commands().run("runs.view.panel", {{"panel", panel}});
            if (std::string(panel) == "runsSql")
                window.commands().run("runs.view.sql",
                                      {{"query", "SELECT id, name, status, seed FROM runs"}});
            settle(window, *workspace);
            window.grab().save(
                QString::fromStdString((folder / fmt::format("{}-{}.png", theme, panel)).string()));
        }
        options.seedBands = true;
        workspace->controller()->charts()->setOptions(options);
        workspace->controller()->table()->setGroupBy("params.settings.loss");
    }
    return 0;
}
