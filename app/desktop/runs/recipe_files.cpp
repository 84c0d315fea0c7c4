#include "app/desktop/runs/recipe_files.h"

#include "core/base/file.h"

namespace vitrine {
namespace {

constexpr int64_t kLargestRecipe = 1 << 22;  // bytes

void askForRecipe(MainWindow* window, const QString& title, const QString& suffix,
                  const std::string& command) {
    askForFiles(window, {.title = title, .filter = QObject::tr("Recipes (*.json)"), .suffix = suffix},
                [window, command](const QString& file) {
                    window->commands().run(command, {{"path", file.toStdString()}});
                });
}

}  // namespace

void askForFiles(MainWindow* window, const FileQuestion& question, std::function<void(const QString&)> take) {
    auto* dialog = new QFileDialog(window, question.title, {}, question.filter);
    if (question.suffix.isEmpty()) {
        dialog->setFileMode(question.mode);
    } else {
        dialog->setAcceptMode(QFileDialog::AcceptSave);
        dialog->setDefaultSuffix(question.suffix);
    }
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    QObject::connect(dialog, &QFileDialog::filesSelected, window,
                     [take = std::move(take)](const QStringList& files) {
                         for (const QString& file : files)
                             take(file);
                     });
    dialog->open();
}

Result<std::optional<Json>> openRecipeFile(MainWindow* window, const std::string& command,
                                           const std::string& kind, const Json& arguments) {
    if (!arguments.contains("path")) {
        askForRecipe(window, QObject::tr("Open a recipe"), {}, command);
        return std::nullopt;
    }
    const std::string path = arguments["path"];
    VITRINE_TRY(Json recipe, readJsonFile(path, kLargestRecipe));
    if (!recipe.is_object() || recipe.value("kind", Json()) != kind)
        return fail(ErrorCode::InvalidArgument, fmt::format("this is no recipe of the kind \"{}\"", kind),
                    path, "Its \"kind\" says what it is for; `vitrine run` carries out any");
    return std::optional<Json>(std::move(recipe));
}

Result<void> saveRecipeFile(MainWindow* window, const std::string& command, const Json& recipe,
                            const Json& arguments) {
    if (!arguments.contains("path")) {
        askForRecipe(window, QObject::tr("Save the recipe"), "json", command);
        return {};
    }
    const std::string path = arguments["path"];
    VITRINE_TRY_VOID(writeFileAtomically(path, recipe.dump(2) + "\n"));
    window->toasts().show(ToastKind::Success, QObject::tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

}  // namespace vitrine
