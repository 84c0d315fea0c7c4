// The commands of the Distill workspace.
#include "app/desktop/distill/distill_workspace.h"
#include "app/desktop/distill/recipe_estimate.h"
#include "app/desktop/distill/recipe_panel.h"
#include "app/desktop/runs/recipe_files.h"
#include "core/base/file.h"
#include "core/base/json_schema.h"
#include "widgets/forms/recipe_editor.h"
#include "widgets/runs/media_panel.h"
#include "widgets/shell/command_arguments.h"
#include "widgets/shell/main_window.h"

namespace vitrine {
namespace {

Json anyObject(const char* description) {
    return {{"type", "object"}, {"description", description}, {"additionalProperties", true}};
}

std::vector<std::pair<std::string, Json>> changesOf(const Json& arguments) {
    std::vector<std::pair<std::string, Json>> changes;
    const Json wanted = arguments.value("changes", Json::object());
    for (const auto& [path, value] : wanted.items())
        changes.emplace_back(path, value);
    return changes;
}

}  // namespace

void DistillWorkspace::declareCommands(CommandCenter& commands) {
    declareRecipeCommands(commands);
    declareRunCommands(commands);
    connect(&commands, &CommandCenter::projectChanged, this, &DistillWorkspace::followProject);
    followProject();
}

void DistillWorkspace::declareRecipeCommands(CommandCenter& commands) {
    commands.add({"distill.start",
                  "Start the distillation of the recipe",
                  {},
                  "play",
                  {},
                  [this](const Json&) -> Result<void> {
                      VITRINE_TRY_VOID(recipe_->checkRecipe());
                      return controller_->start(recipe_->recipe());
                  }});
    commands.add({"distill.estimate",
                  "Estimate what the distillation of the recipe would take, or cancel that",
                  {},
                  "chart",
                  {},
                  [this](const Json&) { return estimateRecipe(); }});
    commands.add(
        {"distill.settings",
         "Change the recipe of the next distillation",
         {},
         "sliders",
         argumentSchema(
             {{"values", anyObject("values by path: {\"settings.student.width\": 96, \"seed\": 1}")}}),
         [this](const Json& arguments) -> Result<void> {
             Json recipe = recipe_->recipe();
             const Json values = arguments.value("values", Json::object());
             for (const auto& [path, value] : values.items())
                 VITRINE_TRY_VOID(setAtPath(recipe, path, value.dump()));
             recipe_->setRecipe(recipe);
             return {};
         }});
    commands.add({"distill.preset",
                  "Start from a published recipe (AM-RADIO, RADIOv2.5, PHI-S, C-RADIOv4)",
                  {},
                  "model",
                  argumentSchema({{"name", textArgument("am_radio, radio_v2_5, phi_s, c_radio_v4")}}),
                  [this](const Json& arguments) {
                      return recipe_->usePreset(
                          QString::fromStdString(arguments.value("name", std::string("phi_s"))));
                  }});
    commands.add(
        {"distill.choose",
         "Choose a teacher or a folder of pictures for the recipe",
         {},
         "plus",
         argumentSchema({{"path", textArgument("model folder, folder of models, or folder of pictures")}}),
         [this](const Json& arguments) -> Result<void> {
             const std::string path = arguments.value("path", std::string());
             if (!openPath(QString::fromStdString(path)))
                 return fail(ErrorCode::NotFound, "this is no model and no folder", path);
             return {};
         }});
    commands.add({"distill.useRecipe",
                  "Take the recipe of the shown distillation into the form",
                  {},
                  "text",
                  {},
                  [this](const Json&) -> Result<void> {
                      if (!controller_->run())
                          return fail(ErrorCode::InvalidArgument, "no distillation is shown", "distill",
                                      "Start or open one");
                      recipe_->setRecipe(controller_->run()->recipe);
                      recipeDock_->raise();
                      return {};
                  }});
    commands.add({"distill.openRecipe",
                  "Open a recipe of a distillation",
                  {},
                  "folder",
                  argumentSchema({{"path", textArgument("JSON file")}}),
                  [this](const Json& arguments) { return openRecipe(arguments); }});
    commands.add({"distill.saveRecipe",
                  "Save the recipe of the distillation",
                  {},
                  "export",
                  argumentSchema({{"path", textArgument("JSON file")}}),
                  [this](const Json& arguments) { return saveRecipe(arguments); }});
    commands.add({"distill.json",
                  "Show or hide the recipe as JSON",
                  {},
                  "text",
                  {},
                  [this](const Json&) -> Result<void> {
                      recipe_->editor()->showJson(!recipe_->editor()->showsJson());
                      return {};
                  }});
}

void DistillWorkspace::declareRunCommands(CommandCenter& commands) {
    commands.add({"distill.open",
                  "Show a distillation",
                  {},
                  "chart",
                  argumentSchema({{"run", textArgument("its id, its name, or last")}}),
                  [this](const Json& arguments) {
                      return controller_->open(arguments.value("run", std::string("last")));
                  }});
    commands.add({"distill.compare",
                  "Compare the shown distillation with others",
                  {},
                  "compare",
                  argumentSchema({{"runs", {{"type", "array"}, {"items", {{"type", "string"}}}}}}),
                  [this](const Json& arguments) {
                      runsDock_->raise();
                      return controller_->compareWith(arguments.value("runs", std::vector<std::string>()));
                  }});
    commands.add(
        {"distill.pause", "Pause the shown distillation in memory", {}, "cancel", {}, [this](const Json&) {
             return controller_->pause();
         }});
    commands.add(
        {"distill.resume",
         "Go on with the shown distillation",
         {},
         "play",
         argumentSchema({{"changes", anyObject("settings changed before: {\"learning_rate\": 1e-4}")}}),
         [this](const Json& arguments) { return controller_->resume(changesOf(arguments)); }});
    commands.add({"distill.stop", "Stop the shown distillation", {}, "cancel", {}, [this](const Json&) {
                      return controller_->stop();
                  }});
    commands.add(
        {"distill.probe", "Keep the maps of the probe pictures now", {}, "probe", {}, [this](const Json&) {
             return controller_->act("probe");
         }});
    commands.add(
        {"distill.snapshot", "Store the student as it is now", {}, "camera", {}, [this](const Json&) {
             return controller_->act("export");
         }});
    commands.add({"distill.set",
                  "Change settings of the running distillation",
                  {},
                  "sliders",
                  argumentSchema({{"changes", anyObject("values by path: {\"learning_rate\": 1e-4}")}}),
                  [this](const Json& arguments) { return controller_->set(changesOf(arguments)); }});
    commands.add(
        {"distill.step",
         "Show the probe pictures of a step",
         {},
         "image",
         argumentSchema(
             {{"step", {{"type", "integer"}, {"description", "the newest maps up to it are shown"}}}}),
         [this](const Json& arguments) -> Result<void> {
             probes_->setStep(arguments.value("step", int64_t(0)));

             return {};
         }});
    commands.add({"distill.export",
                  "Export the student as a RADIO folder",
                  {},
                  "export",
                  argumentSchema({{"path", textArgument("folder")}}),
                  [this](const Json& arguments) { return exportStudent(arguments); }});
    commands.add({"distill.inspect", "Open the student in Inspect", {}, "inspect", {}, [this](const Json&) {
                      return inspectStudent();
                  }});
}

Result<void> DistillWorkspace::estimateRecipe() {
    if (estimate_->isAsking()) {
        estimate_->cancel();
        return {};
    }
    VITRINE_TRY_VOID(recipe_->checkRecipe());
    return estimate_->ask(window_->commands().project(), recipe_->recipe());
}

Result<void> DistillWorkspace::openRecipe(const Json& arguments) {
    VITRINE_TRY(const auto recipe, openRecipeFile(window_, "distill.openRecipe", "distill", arguments));
    if (recipe) {
        recipe_->setRecipe(*recipe);
        recipeDock_->raise();
    }
    return {};
}

Result<void> DistillWorkspace::saveRecipe(const Json& arguments) {
    return saveRecipeFile(window_, "distill.saveRecipe", recipe_->recipe(), arguments);
}

Result<void> DistillWorkspace::exportStudent(const Json& arguments) {
    if (arguments.contains("path"))
        return controller_->exportStudent(QString::fromStdString(arguments["path"].get<std::string>()));
    askForFiles(window_, {.title = tr("A folder for the student"), .mode = QFileDialog::Directory},
                [this](const QString& folder) {
                    window_->commands().run("distill.export", {{"path", folder.toStdString()}});
                });
    return {};
}

Result<void> DistillWorkspace::inspectStudent() {
    const auto run = controller_->run();
    if (!run)
        return fail(ErrorCode::InvalidArgument, "no distillation is shown", "distill", "Start or open one");
    // A folder of its own for each step: Inspect keeps the student of an earlier step beside it.
    const int64_t step = run->student.empty() ? -1 : run->student.front().step;
    const std::string name = step < 0 ? "student" : fmt::format("student-step-{}", step);
    inspectAfterExport_ = true;
    auto done =
        controller_->exportStudent(QString::fromStdString((run->runFolder / "inspected" / name).string()));
    if (!done)
        inspectAfterExport_ = false;
    return done;
}

void DistillWorkspace::chooseInput(bool model) {
    askForFiles(
        window_,
        {.title = model ? tr("Add a model folder, or a folder with several") : tr("Add a folder of pictures"),
         .mode = QFileDialog::Directory},
        [this](const QString& path) {
            window_->commands().run("distill.choose", {{"path", path.toStdString()}});
        });
}

void DistillWorkspace::browse(SchemaForm* form, const QString& path, const QString& format) {
    askForFiles(window_,
                {.title = format == "model"      ? tr("A model folder")
                          : format == "pictures" ? tr("A picture or a folder of pictures")
                                                 : tr("A folder"),
                 .mode = path.contains("probe") ? QFileDialog::ExistingFiles : QFileDialog::Directory},
                [form, path](const QString& file) { form->choosePath(path, file); });
}

}  // namespace vitrine
