// What the Compress workspace reads from and writes to files that a user chooses.
#include "app/desktop/compress/compress_workspace.h"
#include "app/desktop/compress/sweep_panel.h"
#include "core/base/file.h"
#include "widgets/compress/layers_view.h"
#include "widgets/compress/results_view.h"
#include "widgets/forms/recipe_editor.h"
#include "widgets/shell/main_window.h"

#include <QFileDialog>

namespace vitrine {
namespace {

// Runs `command` with the path that is chosen. Never modal.
void ask(MainWindow* window, const QString& title, const QString& filter, QFileDialog::FileMode mode,
         const std::function<void(const QString&)>& take, const QString& suffix = {}) {
    auto* dialog = new QFileDialog(window, title, {}, filter);
    if (suffix.isEmpty()) {
        dialog->setFileMode(mode);
    } else {
        dialog->setAcceptMode(QFileDialog::AcceptSave);
        dialog->setDefaultSuffix(suffix);
    }
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    QObject::connect(dialog, &QFileDialog::filesSelected, window, [take](const QStringList& files) {
        for (const QString& file : files)
            take(file);
    });
    dialog->open();
}

}  // namespace

void CompressWorkspace::chooseModel() {
    // Single files as well as folders: a folder is chosen by its config.json.
    ask(window_, tr("Open a model: a weight file, or the config.json of a folder"),
        tr("Models (config.json *.gguf *.bin *.safetensors)"), QFileDialog::ExistingFile,
        [this](const QString& file) {
            const QFileInfo info(file);
            const QString path = info.fileName() == "config.json" ? info.path() : file;
            window_->commands().run("compress.openModel", {{"path", path.toStdString()}});
        });
}

void CompressWorkspace::chooseTexts(const QString& key) {
    ask(window_, tr("Add texts"), tr("Texts (*.txt *.jsonl)"), QFileDialog::ExistingFiles,
        [this, key](const QString& file) {
            window_->commands().run("compress.texts",
                                    {{"path", file.toStdString()}, {"use", key.toStdString()}});
        });
}

void CompressWorkspace::browse(const QString& path, const QString& format) {
    SchemaForm* form = sweep_->editor()->form();
    ask(window_, format == "model" ? tr("A model folder") : tr("A folder"), {}, QFileDialog::Directory,
        [form, path](const QString& file) { form->choosePath(path, file); });
}

Result<void> CompressWorkspace::openRecipe(const Json& arguments) {
    if (!arguments.contains("path")) {
        ask(window_, tr("Open a recipe"), tr("Recipes (*.json)"), QFileDialog::ExistingFile,
            [this](const QString& file) {
                window_->commands().run("compress.openRecipe", {{"path", file.toStdString()}});
            });
        return {};
    }
    const std::string path = arguments["path"];
    VITRINE_TRY(const Json recipe, readJsonFile(path, 1 << 22));
    if (!recipe.is_object() || recipe.value("kind", Json()) != "compress")
        return fail(ErrorCode::InvalidArgument, "this is no recipe of the kind \"compress\"", path,
                    "Its \"kind\" says what it is for; `vitrine run` carries out any");
    sweep_->setRecipe(recipe);
    sweepDock_->raise();
    return {};
}

Result<void> CompressWorkspace::saveRecipe(const Json& arguments) {
    if (!arguments.contains("path")) {
        ask(
            window_, tr("Save the recipe"), tr("Recipes (*.json)"), QFileDialog::AnyFile,
            [this](const QString& file) {
                window_->commands().run("compress.saveRecipe", {{"path", file.toStdString()}});
            },
            "json");
        return {};
    }
    const std::string path = arguments["path"];
    VITRINE_TRY_VOID(writeFileAtomically(path, sweep_->recipe().dump(2) + "\n"));
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

Result<void> CompressWorkspace::saveResults(const Json& arguments) {
    if (results_->results().empty())
        return fail(ErrorCode::InvalidArgument, "there are no results yet", "compress",
                    "Queue a sweep or open a run");
    if (!arguments.contains("path")) {
        ask(
            window_, tr("Save the results"), tr("Table or plot (*.csv *.png *.svg)"), QFileDialog::AnyFile,
            [this](const QString& file) {
                window_->commands().run("compress.saveResults", {{"path", file.toStdString()}});
            },
            "csv");
        return {};
    }
    const std::string path = arguments["path"];
    VITRINE_TRY_VOID(results_->save(path));
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

Result<void> CompressWorkspace::saveMaskAs() {
    ask(
        window_, tr("Save the mask"), tr("Picture or table (*.png *.csv)"), QFileDialog::AnyFile,
        [this](const QString& file) {
            window_->commands().run("compress.saveMask", {{"path", file.toStdString()}});
        },
        "png");
    return {};
}

Result<void> CompressWorkspace::saveLayers(const Json& arguments) {
    const std::string part = arguments.value("part", std::string("layers"));
    if (!arguments.contains("path")) {
        ask(
            window_, tr("Save the layers"),
            part == "layers" ? tr("Tables (*.csv)") : tr("Charts (*.png *.svg *.csv)"), QFileDialog::AnyFile,
            [this, part](const QString& file) {
                window_->commands().run("compress.saveLayers",
                                        {{"part", part}, {"path", file.toStdString()}});
            },
            part == "layers" ? "csv" : "png");
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
    ask(window_, tr("An empty folder for the model"), {}, QFileDialog::Directory,
        [this, plan](const QString& folder) {
            window_->commands().run("compress.export", {{"path", folder.toStdString()}, {"plan", plan}});
        });
    return {};
}

}  // namespace vitrine
