// What the Compress workspace reads from and writes to files that a user chooses.
#include "app/desktop/compress/compress_workspace.h"
#include "app/desktop/compress/sweep_panel.h"
#include "app/desktop/runs/recipe_files.h"
#include "core/base/file.h"
#include "widgets/compress/layers_view.h"
#include "widgets/compress/results_view.h"
#include "widgets/forms/recipe_editor.h"
#include "widgets/shell/main_window.h"

#include <QFileInfo>

namespace vitrine {
void CompressWorkspace::chooseModel() {
    // Single files as well as folders: a folder is chosen by its config.json.
    askForFiles(window_,
                {.title = tr("Open a model: a weight file, or the config.json of a folder"),
                 .filter = tr("Models (config.json *.gguf *.bin *.safetensors)")},
                [this](const QString& file) {
                    const QFileInfo info(file);
                    const QString path = info.fileName() == "config.json" ? info.path() : file;
                    window_->commands().run("compress.openModel", {{"path", path.toStdString()}});
                });
}

void CompressWorkspace::choosePicture() {
    askForFiles(window_,
                {.title = tr("Choose a picture"),
                 .filter = tr("Pictures (*.jpg *.jpeg *.png *.webp *.bmp *.tif *.tiff)")},
                [this](const QString& file) {
                    window_->commands().run("compress.whatIf", {{"picture", file.toStdString()}});
                });
}

void CompressWorkspace::chooseTexts(const QString& key) {
    askForFiles(
        window_,
        {.title = tr("Add texts"), .filter = tr("Texts (*.txt *.jsonl)"), .mode = QFileDialog::ExistingFiles},
        [this, key](const QString& file) {
            window_->commands().run("compress.texts",
                                    {{"path", file.toStdString()}, {"use", key.toStdString()}});
        });
}

void CompressWorkspace::browse(const QString& path, const QString& format) {
    SchemaForm* form = sweep_->editor()->form();
    askForFiles(
        window_,
        {.title = format == "model" ? tr("A model folder") : tr("A folder"), .mode = QFileDialog::Directory},
        [form, path](const QString& file) { form->choosePath(path, file); });
}

Result<void> CompressWorkspace::openRecipe(const Json& arguments) {
    VITRINE_TRY(const auto recipe, openRecipeFile(window_, "compress.openRecipe", "compress", arguments));
    if (recipe) {
        sweep_->setRecipe(*recipe);
        sweepDock_->raise();
    }
    return {};
}

Result<void> CompressWorkspace::saveRecipe(const Json& arguments) {
    return saveRecipeFile(window_, "compress.saveRecipe", sweep_->recipe(), arguments);
}

Result<void> CompressWorkspace::saveResults(const Json& arguments) {
    if (results_->results().empty())
        return fail(ErrorCode::InvalidArgument, "there are no results yet", "compress",
                    "Queue a sweep or open a run");
    if (!arguments.contains("path")) {
        askForFiles(window_,
                    {.title = tr("Save the results"),
                     .filter = tr("Table or plot (*.csv *.png *.svg)"),
                     .suffix = "csv"},
                    [this](const QString& file) {
                        window_->commands().run("compress.saveResults", {{"path", file.toStdString()}});
                    });
        return {};
    }
    const std::string path = arguments["path"];
    VITRINE_TRY_VOID(results_->save(path));
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

Result<void> CompressWorkspace::saveMaskAs() {
    askForFiles(
        window_,
        {.title = tr("Save the mask"), .filter = tr("Picture or table (*.png *.csv)"), .suffix = "png"},
        [this](const QString& file) {
            window_->commands().run("compress.saveMask", {{"path", file.toStdString()}});
        });
    return {};
}

Result<void> CompressWorkspace::saveLayers(const Json& arguments) {
    const std::string part = arguments.value("part", std::string("layers"));
    if (!arguments.contains("path")) {
        askForFiles(window_,
                    {.title = tr("Save the layers"),
                     .filter = part == "layers" ? tr("Tables (*.csv)") : tr("Charts (*.png *.svg *.csv)"),
                     .suffix = part == "layers" ? "csv" : "png"},
                    [this, part](const QString& file) {
                        window_->commands().run("compress.saveLayers",
                                                {{"part", part}, {"path", file.toStdString()}});
                    });
        return {};
    }
    const std::string path = arguments["path"];
    VITRINE_TRY_VOID(layersView_->save(part, path));
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

Result<void> CompressWorkspace::exportPlan(const Json& arguments) {
    std::string plan = arguments.value("plan", std::string());
    if (plan.empty() && results_->chosen())
        plan = results_->chosen()->plan.toStdString();
    if (plan.empty())
        return fail(ErrorCode::InvalidArgument, "no plan is chosen", "plan",
                    "Click one in the table or in the plot");
    if (arguments.contains("path"))
        return controller_->exportPlan(plan, QString::fromStdString(arguments["path"].get<std::string>()));
    const auto run = controller_->run();
    if (run && run->folderOf(plan).empty())
        return controller_->exportPlan(plan, {});  // says why it cannot be
    askForFiles(
        window_, {.title = tr("An empty folder for the model"), .mode = QFileDialog::Directory},
        [this, plan](const QString& folder) {
            window_->commands().run("compress.export", {{"path", folder.toStdString()}, {"plan", plan}});
        });
    return {};
}

}  // namespace vitrine
