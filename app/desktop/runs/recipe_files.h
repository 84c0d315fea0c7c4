// Files that a workspace asks for, and recipes in them. Nothing here is modal: what was chosen comes back as
// a command, so that it can be recorded and repeated.
#pragma once

#include "widgets/shell/main_window.h"

#include <QFileDialog>
#include <functional>
#include <optional>

namespace vitrine {

struct FileQuestion {
    QString title, filter = {};
    QFileDialog::FileMode mode = QFileDialog::ExistingFile;
    QString suffix = {};  // not empty: a file to write, with this ending
};
// Calls `take` with each file that is chosen.
void askForFiles(MainWindow* window, const FileQuestion& question, std::function<void(const QString&)> take);

// The recipe in the file arguments["path"]; nothing if there is no path: then it is asked for, and `command`
// runs with it. InvalidArgument for a recipe of another kind.
Result<std::optional<Json>> openRecipeFile(MainWindow* window, const std::string& command,
                                           const std::string& kind, const Json& arguments);
// Writes `recipe` there, or asks likewise.
Result<void> saveRecipeFile(MainWindow* window, const std::string& command, const Json& recipe,
                            const Json& arguments);

}  // namespace vitrine
