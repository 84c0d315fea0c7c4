// The commands of the Runs workspace.
#include "app/desktop/runs/run_edits.h"
#include "app/desktop/runs/runs_workspace.h"
#include "core/commands/runs_commands.h"
#include "widgets/shell/main_window.h"

#include <QUndoCommand>

namespace vitrine {
namespace {

// An edit of runs on the undo stack: both ways are commands.
class RunsEditStep : public QUndoCommand {
  public:
    RunsEditStep(CommandCenter& commands, RunEditCommands edit)
        : QUndoCommand(edit.text), commands_(commands), edit_(std::move(edit)) {}
    void redo() override { commands_.run(edit_.forward.name, edit_.forward.arguments); }
    void undo() override { commands_.run(edit_.backward->name, edit_.backward->arguments); }

  private:
    CommandCenter& commands_;
    RunEditCommands edit_;
};

Json schema(Json properties) {
    Json required = Json::array();
    for (const auto& [key, value] : properties.items())
        required.push_back(key);
    return {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", required},
            {"additionalProperties", false}};
}

Json textSchema(const char* key, const char* description) {
    return schema({{key, {{"type", "string"}, {"description", description}}}});
}

Json listSchema(const char* key, const char* description) {
    return schema(
        {{key, {{"type", "array"}, {"items", {{"type", "string"}}}, {"description", description}}}});
}

QStringList texts(const Json& list) {
    QStringList out;
    for (const Json& one : list)
        out.append(QString::fromStdString(one.get<std::string>()));
    return out;
}

QString text(const Json& arguments, const char* key) {
    return QString::fromStdString(arguments[key].get<std::string>());
}

}  // namespace

void RunsWorkspace::declareCommands(CommandCenter& commands) {
    commands_ = &commands;
    if (!commands.registry().find("runs.list"))
        declareRunsCommands(commands.registry());
    if (!commands.registry().isBound("runs.list"))
        bindRunsCommands(commands.registry());
    declareViewCommands(commands);
    controller_->setExecute([this](const RunEditCommands& edit) {
        edit.backward ? commands_->undoStack().push(new RunsEditStep(*commands_, edit))
                      : void(commands_->run(edit.forward.name, edit.forward.arguments));
    });
    connect(controller_, &RunsController::liveRunsChanged, this, &RunsWorkspace::showLiveRuns);
    declareJobCommands(commands);
    declareTableCommands(commands);
    auto* main = qobject_cast<MainWindow*>(window());
    connect(controller_, &RunsController::failed, this, [this, main](const QString& message) {
        if (auto* shown = main ? main : qobject_cast<MainWindow*>(window()))
            shown->toasts().show(ToastKind::Error, message);
    });
    connect(controller_, &RunsController::notice, this, [this, main](const QString& message) {
        if (auto* shown = main ? main : qobject_cast<MainWindow*>(window()))
            shown->toasts().show(ToastKind::Info, message);
    });
    connect(&commands, &CommandCenter::finished, controller_, &RunsController::refresh);
    commands.add(
        {"file.openProject",
         "Open or make a project",
         QKeySequence("Ctrl+Shift+P"),
         "folder",
         // Without a path it asks for one.
         {{"type", "object"},
          {"properties",
           {{"path", {{"type", "string"}, {"minLength", 1}, {"description", "Folder of the project"}}}}},
          {"additionalProperties", false}},
         [this](const Json& arguments) { return openProject(arguments); }});
    connect(&commands, &CommandCenter::projectChanged, this, &RunsWorkspace::followProject);
    followProject();
}

void RunsWorkspace::declareJobCommands(CommandCenter& commands) {
    const auto add = [&](const char* name, const char* summary, Json arguments,
                         std::function<Result<void>(const Json&)> act) {
        commands.add({name, summary, {}, "play", std::move(arguments), std::move(act)});
    };
    add("runs.begin", "Run a recipe in a process that outlives the window",
        textSchema("recipe", "Recipe file (JSON)"), [this](const Json& given) {
            return controller_->begin(std::filesystem::absolute(given["recipe"].get<std::string>()));
        });
    add("runs.resume", "Go on with a run from its last checkpoint", textSchema("run", "Id of the run"),
        [this](const Json& given) -> Result<void> {
            controller_->resume(given["run"].get<std::string>());
            return {};
        });
    add("runs.reproduce", "Run the recipe of a run again", textSchema("run", "Id of the run"),
        [this](const Json& given) -> Result<void> {
            controller_->reproduce(given["run"].get<std::string>());
            return {};
        });
}

// What the table's buttons and keys do to the selected runs, for palette, list of keys and recorder.
void RunsWorkspace::declareTableCommands(CommandCenter& commands) {
    const auto& actions = controller_->table()->namedActions();
    for (auto each = actions.begin(); each != actions.end(); ++each) {
        QAction* action = each.value();
        const QString name = "runs.selected." + each.key();
        commands.add({name.toStdString(),
                      "Runs: " + action->toolTip().section("  (", 0, 0).toStdString(),
                      action->shortcut(),
                      "runs",
                      {},
                      [action](const Json&) -> Result<void> {
                          if (!action->isEnabled())
                              return fail(ErrorCode::InvalidArgument, "no selected run allows this",
                                          action->text().toStdString(),
                                          "Select runs in the table of the Runs tab");
                          action->trigger();
                          return {};
                      }});
        connect(&commands, &CommandCenter::shortcutsChanged, action,
                [&commands, action, name] { action->setShortcut(commands.shortcut(name.toStdString())); });
    }
}

void RunsWorkspace::declareViewCommands(CommandCenter& commands) {
    RunsController* runs = controller_;
    const auto add = [&](const char* name, const char* summary, Json arguments,
                         const std::function<void(const Json&)>& act) {
        commands.add(
            {name, summary, {}, "runs", std::move(arguments), [act](const Json& given) -> Result<void> {
                 act(given);
                 return {};
             }});
    };
    add("runs.view.filter", "Filter the run table", textSchema("filter", "Filter language; empty: all runs"),
        [runs](const Json& given) { runs->setFilter(text(given, "filter")); });
    add("runs.view.group", "Group the run table", textSchema("by", "Field or params.KEY; empty: no groups"),
        [runs](const Json& given) { runs->table()->setGroupBy(text(given, "by")); });
    add("runs.view.sort", "Sort the run table",
        schema({{"by", {{"type", "string"}, {"description", "Field, params.KEY or metrics.KEY"}}},
                {"descending", {{"type", "boolean"}, {"description", "Largest first"}}}}),
        [runs](const Json& given) {
            runs->table()->model()->setSort(given["by"].get<std::string>(), given["descending"].get<bool>()
                                                                                ? Qt::DescendingOrder
                                                                                : Qt::AscendingOrder);
        });
    add("runs.view.select", "Select runs", listSchema("runs", "Ids or names"),
        [runs](const Json& given) { runs->selectRuns(texts(given["runs"])); });
    add("runs.view.onlyDifferences", "Show only columns that differ",
        schema(
            {{"on", {{"type", "boolean"}, {"description", "Hide columns that are the same in all runs"}}}}),
        [runs](const Json& given) { runs->table()->setOnlyDifferences(given["on"].get<bool>()); });
    add("runs.view.charts", "Choose the metrics on the charts", listSchema("metrics", "Names of metrics"),
        [runs](const Json& given) { runs->charts()->setChosen(texts(given["metrics"])); });
    add("runs.view.smoothing", "Smooth the charts and show seed bands",
        schema(
            {{"weight", {{"type", "number"}, {"minimum", 0}, {"maximum", 0.99}, {"description", "0: none"}}},
             {"bands",
              {{"type", "boolean"}, {"description", "One line for runs that differ in their seed"}}}}),
        [runs](const Json& given) {
            ChartOptions options = runs->charts()->options();
            options.smoothing = given["weight"].get<double>();
            options.seedBands = given["bands"].get<bool>();
            runs->charts()->setOptions(options);
        });
    add("runs.view.step", "Move the step slider of all pictures",
        schema({{"step", {{"type", "integer"}, {"description", "Step"}}}}),
        [runs](const Json& given) { runs->media()->setStep(given["step"].get<int64_t>()); });
    add("runs.view.sql", "Ask the database in the SQL console", textSchema("query", "A SELECT statement"),
        [this, runs](const Json& given) {
            showPanel("runsSql");
            runs->sql()->setSql(text(given, "query"));
            runs->sql()->run();
        });
    add("runs.view.panel", "Bring a panel of the Runs workspace to the front",
        schema(
            {{"panel",
              {{"type", "string"},
               {"enum", {"runsDetails", "runsCharts", "runsMedia", "runsCompare", "runsLineage", "runsSql"}},
               {"description", "Which panel"}}}}),
        [this](const Json& given) { showPanel(text(given, "panel")); });
    add("runs.view.axes", "Choose logarithmic axes of the charts",
        schema({{"x", {{"type", "boolean"}, {"description", "Logarithmic steps"}}},
                {"y", {{"type", "boolean"}, {"description", "Logarithmic values"}}}}),
        [runs](const Json& given) {
            ChartOptions options = runs->charts()->options();
            options.logX = given["x"].get<bool>();
            options.logY = given["y"].get<bool>();
            runs->charts()->setOptions(options);
        });
    add("runs.view.pin", "Choose the pinned columns of the run table",
        listSchema("columns", "Fields, params.KEY or metrics.KEY, from left to right"),
        [runs](const Json& given) {
            runs->table()->model()->setPinnedColumns(given["columns"].get<std::vector<std::string>>());
        });
    add("runs.view.hide", "Choose the hidden columns of the run table",
        listSchema("columns", "Fields, params.KEY or metrics.KEY"), [runs](const Json& given) {
            runs->table()->model()->setHiddenColumns(given["columns"].get<std::set<std::string>>());
        });
    add("runs.view.trash", "Show the runs in the trash, or those outside",
        schema({{"on", {{"type", "boolean"}, {"description", "The trash"}}}}),
        [runs](const Json& given) { runs->table()->showTrash(given["on"].get<bool>()); });
    commands.add({"runs.view.export",
                  "Save the run table as CSV, as it is shown",
                  {},
                  "runs",
                  textSchema("path", "File to write"),
                  [runs](const Json& given) { return runs->table()->saveCsv(text(given, "path")); }});
    add("runs.view.refresh", "Read the runs again", Json::object(), [runs](const Json&) { runs->refresh(); });
}

}  // namespace vitrine
