// The commands of the Compress workspace.
#include "app/desktop/compress/compress_workspace.h"
#include "app/desktop/compress/sweep_panel.h"
#include "core/base/file.h"
#include "core/base/json_schema.h"
#include "core/io/language_files.h"
#include "widgets/compress/results_view.h"
#include "widgets/forms/recipe_editor.h"
#include "widgets/shell/command_arguments.h"
#include "widgets/shell/main_window.h"

#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QTabWidget>

namespace vitrine {
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
    commands.add(
        {"compress.openModel",
         "Open a model in Compress",
         {},
         "folder",
         argumentSchema({{"path", textArgument("folder or file of a language model or an encoder")}}),
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
                  argumentSchema({{"pattern", textArgument("2:4, 4:8, 1:4, ...")}}),
                  [this](const Json& arguments) -> Result<void> {
                      if (modelPath_.isEmpty())
                          return fail(ErrorCode::InvalidArgument, "no model is open", "compress",
                                      "Open one, or drop it on the window");
                      modelPattern_ = arguments.value("pattern", modelPattern_);
                      readModel(true);
                      return {};
                  }});
    commands.add(
        {"compress.page",
         "Show a page of the Compress workspace",
         {},
         "grid1",
         argumentSchema(
             {{"name", textArgument("results, masks, layers, write, whatif, structures, dependencies")}}),
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
    commands.add(
        {"compress.settings",
         "Change the recipe of the next sweep",
         {},
         "sliders",
         argumentSchema({{"values",
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
                  argumentSchema({{"path", textArgument("text file or folder")},
                                  {"use", textArgument("evaluation or calibration")}}),
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
                  argumentSchema({{"path", textArgument("JSON file")}}),
                  [this](const Json& arguments) { return openRecipe(arguments); }});
    commands.add({"compress.saveRecipe",
                  "Save the recipe of the compression",
                  {},
                  "export",
                  argumentSchema({{"path", textArgument("JSON file")}}),
                  [this](const Json& arguments) { return saveRecipe(arguments); }});
}

void CompressWorkspace::declareRunCommands(CommandCenter& commands) {
    commands.add({"compress.open",
                  "Show a compression",
                  {},
                  "chart",
                  argumentSchema({{"run", textArgument("its id, its name, or last")}}),
                  [this](const Json& arguments) {
                      return controller_->open(arguments.value("run", std::string("last")));
                  }});
    commands.add({"compress.compare",
                  "Show other compressions beside the shown one",
                  {},
                  "compare",
                  argumentSchema({{"runs", {{"type", "array"}, {"items", {{"type", "string"}}}}}}),
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
                  argumentSchema({{"plan", textArgument("its name")},
                                  {"run", textArgument("id of its run; empty: any")}}),
                  [this](const Json& arguments) {
                      followsBest_ = false;
                      return results_->choose(textIn(arguments, "run"), textIn(arguments, "plan"));
                  }});
    commands.add({"compress.axis",
                  "Choose what the plot sets against the loss",
                  {},
                  "chart",
                  argumentSchema({{"cost", textArgument("bits, bytes, or, of encoders, operations")}}),
                  [this](const Json& arguments) -> Result<void> {
                      const std::string cost = arguments.value("cost", std::string("bits"));
                      for (const auto& [name, axis] :
                           {std::pair("bits", CostAxis::BitsPerWeight), std::pair("bytes", CostAxis::Bytes),
                            std::pair("operations", CostAxis::Operations)})
                          if (cost == name) {
                              results_->setAxis(axis);
                              return {};
                          }
                      return fail(ErrorCode::InvalidArgument, fmt::format("no cost \"{}\"", cost), "cost",
                                  "bits, bytes or operations");
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
                  argumentSchema({{"path", textArgument("CSV, PNG or SVG file")}}),
                  [this](const Json& arguments) { return saveResults(arguments); }});
    commands.add({"compress.export",
                  "Export the model of the chosen plan",
                  {},
                  "export",
                  argumentSchema({{"path", textArgument("an empty or new folder")},
                                  {"plan", textArgument("empty: the chosen one")}}),
                  [this](const Json& arguments) { return exportPlan(arguments); }});
}

}  // namespace vitrine
