// The commands of the Compress workspace.
#include "app/desktop/compress/compress_workspace.h"
#include "app/desktop/compress/sweep_panel.h"
#include "core/base/file.h"
#include "core/base/json_schema.h"
#include "core/io/language_files.h"
#include "widgets/compress/results_view.h"
#include "widgets/forms/recipe_editor.h"
#include "widgets/shell/main_window.h"

#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QTabWidget>

namespace vitrine {
namespace {

Json schema(const Json& properties) {
    return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}

Json text(const char* description) {
    return {{"type", "string"}, {"description", description}};
}

QString textIn(const Json& arguments, const char* key) {
    return QString::fromStdString(arguments.value(key, std::string()));
}

}  // namespace

void CompressWorkspace::declareCommands(CommandCenter& commands) {
    declareModelCommands(commands);
    declareSweepCommands(commands);
    declareMaskCommands(commands);
    declarePageCommands(commands);
    declareStructureCommands(commands);
    declareRunCommands(commands);
    connect(&commands, &CommandCenter::projectChanged, this, &CompressWorkspace::followProject);
    followProject();
}

void CompressWorkspace::declareModelCommands(CommandCenter& commands) {
    commands.add({"compress.openModel",
                  "Open a model in Compress",
                  {},
                  "folder",
                  schema({{"path", text("folder or file of a language model or an encoder")}}),
                  [this](const Json& arguments) -> Result<void> {
                      const QString path = textIn(arguments, "path");
                      if (path.isEmpty()) {
                          chooseModel();
                          return {};
                      }
                      if (!QFileInfo::exists(path))
                          return fail(ErrorCode::NotFound, "there is no such model", path.toStdString());
                      openModel(path);
                      window_->showWorkspace(name());
                      return {};
                  }});
    commands.add({"compress.count",
                  "Count zeros and N:M compliance of the open model",
                  {},
                  "chart",
                  schema({{"pattern", text("2:4, 4:8, 1:4, ...")}}),
                  [this](const Json& arguments) -> Result<void> {
                      if (modelPath_.isEmpty())
                          return fail(ErrorCode::InvalidArgument, "no model is open", "compress",
                                      "Open one, or drop it on the window");
                      modelPattern_ = arguments.value("pattern", modelPattern_);
                      readModel(true);
                      return {};
                  }});
    commands.add({"compress.page",
                  "Show a page of the Compress workspace",
                  {},
                  "grid1",
                  schema({{"name", text("results, masks, layers, write, what-if")}}),
                  [this](const Json& arguments) {
                      return showPage(arguments.value("name", std::string("results")));
                  }});
}

void CompressWorkspace::declareSweepCommands(CommandCenter& commands) {
    commands.add({"compress.queue",
                  "Queue the sweep of the recipe",
                  {},
                  "play",
                  {},
                  [this](const Json&) -> Result<void> {
                      VITRINE_TRY_VOID(sweep_->checkRecipe());
                      VITRINE_TRY_VOID(controller_->queue(sweep_->recipe()));
                      if (controller_->isStarting())
                          VITRINE_TRY_VOID(showPage("results"));
                      return {};
                  }});
    commands.add({"compress.drop", "Forget the sweeps that wait", {}, "cancel", {}, [this](const Json&) {
                      return controller_->dropWaiting();
                  }});
    commands.add({"compress.settings",
                  "Change the recipe of the next sweep",
                  {},
                  "sliders",
                  schema({{"values",
                           {{"type", "object"},
                            {"description", "values by path: {\"settings.windows\": 64, \"seed\": 1}"},
                            {"additionalProperties", true}}}}),
                  [this](const Json& arguments) -> Result<void> {
                      Json recipe = sweep_->recipe();
                      const Json values = arguments.value("values", Json::object());
                      for (const auto& [path, value] : values.items())
                          VITRINE_TRY_VOID(setAtPath(recipe, path, value.dump()));
                      sweep_->setRecipe(recipe);
                      return {};
                  }});
    commands.add({"compress.texts",
                  "Add texts to measure on or to calibrate on",
                  {},
                  "plus",
                  schema({{"path", text("text file or folder")}, {"use", text("evaluation or calibration")}}),
                  [this](const Json& arguments) -> Result<void> {
                      const QString path = textIn(arguments, "path");
                      const std::string use = arguments.value("use", std::string("evaluation"));
                      if (use != "evaluation" && use != "calibration")
                          return fail(ErrorCode::InvalidArgument, fmt::format("no use \"{}\"", use), "use",
                                      "evaluation or calibration");
                      if (!QFileInfo::exists(path))
                          return fail(ErrorCode::NotFound, "there is no such text", path.toStdString());
                      sweep_->addTexts(use.c_str(), {path});
                      sweepDock_->raise();
                      return {};
                  }});
    commands.add({"compress.useRecipe",
                  "Take the recipe of the shown compression into the designer",
                  {},
                  "text",
                  {},
                  [this](const Json&) -> Result<void> {
                      if (!controller_->run())
                          return fail(ErrorCode::InvalidArgument, "no compression is shown", "compress",
                                      "Queue a sweep or open a run");
                      sweep_->setRecipe(controller_->run()->recipe);
                      sweepDock_->raise();
                      return {};
                  }});
    commands.add({"compress.openRecipe",
                  "Open a recipe of a compression",
                  {},
                  "folder",
                  schema({{"path", text("JSON file")}}),
                  [this](const Json& arguments) { return openRecipe(arguments); }});
    commands.add({"compress.saveRecipe",
                  "Save the recipe of the compression",
                  {},
                  "export",
                  schema({{"path", text("JSON file")}}),
                  [this](const Json& arguments) { return saveRecipe(arguments); }});
}

void CompressWorkspace::declareRunCommands(CommandCenter& commands) {
    commands.add({"compress.open",
                  "Show a compression",
                  {},
                  "chart",
                  schema({{"run", text("its id, its name, or last")}}),
                  [this](const Json& arguments) {
                      return controller_->open(arguments.value("run", std::string("last")));
                  }});
    commands.add({"compress.compare",
                  "Show other compressions beside the shown one",
                  {},
                  "compare",
                  schema({{"runs", {{"type", "array"}, {"items", {{"type", "string"}}}}}}),
                  [this](const Json& arguments) {
                      return controller_->compareWith(arguments.value("runs", std::vector<std::string>()));
                  }});
    commands.add({"compress.stop", "Cancel the shown compression", {}, "cancel", {}, [this](const Json&) {
                      return controller_->stop();
                  }});
    commands.add({"compress.resume", "Go on with the shown compression", {}, "play", {}, [this](const Json&) {
                      return controller_->resume();
                  }});
    commands.add({"compress.plan",
                  "Choose a plan of the shown results",
                  {},
                  "probe",
                  schema({{"plan", text("its name")}, {"run", text("id of its run; empty: any")}}),
                  [this](const Json& arguments) {
                      followsBest_ = false;
                      return results_->choose(textIn(arguments, "run"), textIn(arguments, "plan"));
                  }});
    commands.add({"compress.axis",
                  "Choose what the plot sets against the loss",
                  {},
                  "chart",
                  schema({{"cost", text("bits or bytes")}}),
                  [this](const Json& arguments) -> Result<void> {
                      const std::string cost = arguments.value("cost", std::string("bits"));
                      if (cost != "bits" && cost != "bytes")
                          return fail(ErrorCode::InvalidArgument, fmt::format("no cost \"{}\"", cost), "cost",
                                      "bits or bytes");
                      results_->setAxis(cost == "bytes" ? CostAxis::Bytes : CostAxis::BitsPerWeight);
                      return {};
                  }});
    commands.add({"compress.copyResults",
                  "Copy the results as CSV",
                  {},
                  "copy",
                  {},
                  [this](const Json&) -> Result<void> {
                      QGuiApplication::clipboard()->setText(results_->toCsv());
                      return {};
                  }});
    commands.add({"compress.copyPlot",
                  "Copy the plot as a picture",
                  {},
                  "copy",
                  {},
                  [this](const Json&) -> Result<void> {
                      QGuiApplication::clipboard()->setImage(results_->plotImage());
                      return {};
                  }});
    commands.add({"compress.saveResults",
                  "Save results (CSV) or plot (PNG, SVG)",
                  {},
                  "export",
                  schema({{"path", text("CSV, PNG or SVG file")}}),
                  [this](const Json& arguments) { return saveResults(arguments); }});
    commands.add({"compress.export",
                  "Export the model of the chosen plan",
                  {},
                  "export",
                  schema({{"path", text("an empty or new folder")}, {"plan", text("empty: the chosen one")}}),
                  [this](const Json& arguments) { return exportPlan(arguments); }});
}

}  // namespace vitrine
