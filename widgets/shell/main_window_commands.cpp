// The commands of the main window.
#include "widgets/base/theme.h"
#include "widgets/shell/command_palette.h"
#include "widgets/shell/main_window.h"
#include "widgets/shell/shortcut_editor.h"

#include <QFileInfo>

namespace vitrine {

void MainWindow::declareCommands() {
    const Json pathsSchema = {{"type", "object"},
                              {"properties",
                               {{"paths",
                                 {{"type", "array"},
                                  {"items", {{"type", "string"}}},
                                  {"description", "pictures, folders or model folders"}}}}},
                              {"required", {"paths"}},
                              {"additionalProperties", false}};
    const auto add = [this](const char* name, const char* summary, const QKeySequence& keys, const char* icon,
                            std::function<void()> act) {
        commands_.add({name, summary, keys, icon, {}, [act = std::move(act)](const Json&) -> Result<void> {
                           act();
                           return {};
                       }});
    };
    commands_.add({"file.open",
                   "Open pictures, folders or models",
                   {},
                   "folder",
                   pathsSchema,
                   [this](const Json& arguments) -> Result<void> {
                       QStringList paths;
                       for (const auto& path : arguments["paths"])
                           paths.append(QString::fromStdString(path.get<std::string>()));
                       for (const QString& path : paths)
                           if (!QFileInfo::exists(path))
                               return fail(ErrorCode::NotFound, "there is no such file or folder",
                                           path.toStdString());
                       openPaths(paths);
                       return {};
                   }});
    add("file.openImages", "Open pictures…", QKeySequence::Open, "image", [this] { chooseFiles(false); });
    add("file.openFolder", "Open a folder of pictures or a model…", QKeySequence("Ctrl+Shift+O"), "folder",
        [this] { chooseFiles(true); });
    add("window.close", "Quit", QKeySequence("Ctrl+Q"), "close", [this] { close(); });
    add("edit.undo", "Undo", QKeySequence::Undo, "undo", [this] { commands_.undoStack().undo(); });
    add("edit.redo", "Redo", QKeySequence("Ctrl+Shift+Z"), "redo", [this] { commands_.undoStack().redo(); });
    add("edit.history", "Show the history", QKeySequence("Ctrl+H"), "undo", [this] { toggleHistory(); });
    add("palette.open", "Search commands", QKeySequence("Ctrl+K"), "search", [this] { palette_->open(); });
    add("shortcuts.show", "Keyboard shortcuts", QKeySequence("F1"), "info", [this] {
        auto* editor = new ShortcutEditor(&commands_, this);
        editor->setAttribute(Qt::WA_DeleteOnClose);
        editor->show();
    });
    add("help.about", "About Vitrine and its plugins", {}, "info", [this] {
        auto* page = new AboutPage(aboutFacts_ ? aboutFacts_() : QList<QPair<QString, QString>>(),
                                   plugins_ ? plugins_() : QList<PluginLine>(), this);
        page->setAttribute(Qt::WA_DeleteOnClose);
        page->show();
    });
    commands_.add({"recorder.toggle",
                   "Start or stop recording actions",
                   {},
                   "play",
                   {},
                   [this](const Json&) -> Result<void> {
                       if (commands_.isRecording()) {
                           commands_.stopRecording();
                           return {};
                       }
                       const auto file = sessionFile_.parent_path() / "recording.jsonl";
                       VITRINE_TRY_VOID(commands_.startRecording(file));
                       toasts_->show(ToastKind::Info,
                                     tr("Recording to %1").arg(QString::fromStdString(file.string())));
                       return {};
                   }});
    commands_.add({"recorder.replay",
                   "Replay recorded actions",
                   {},
                   "play",
                   Json{{"type", "object"},
                        {"properties", {{"file", {{"type", "string"}}}}},
                        {"required", {"file"}},
                        {"additionalProperties", false}},
                   [this](const Json& arguments) -> Result<void> {
                       VITRINE_TRY(const int count, commands_.replay(arguments["file"].get<std::string>()));
                       toasts_->show(ToastKind::Success, tr("Replayed %n action(s)", nullptr, count));
                       return {};
                   }});
}

void MainWindow::declareViewCommands() {
    const auto nameSchema = [](const char* property) {
        return Json{{"type", "object"},
                    {"properties", {{property, {{"type", "string"}}}}},
                    {"required", {property}},
                    {"additionalProperties", false}};
    };
    commands_.add({"workspace.show",
                   "Switch to a workspace",
                   {},
                   "grid1",
                   nameSchema("name"),
                   [this](const Json& arguments) -> Result<void> {
                       const QString name = QString::fromStdString(arguments["name"].get<std::string>());
                       if (!workspace(name))
                           return fail(ErrorCode::NotFound, "there is no workspace of this name",
                                       name.toStdString());
                       showWorkspace(name);
                       return {};
                   }});
    commands_.add({"theme.toggle",
                   "Switch between dark and light",
                   QKeySequence("Ctrl+Shift+L"),
                   "sun",
                   {},
                   [](const Json&) -> Result<void> {
                       Theme::instance().setDark(!Theme::instance().isDark());
                       return {};
                   }});
    commands_.add({"theme.accent",
                   "Choose the accent colour",
                   {},
                   "sun",
                   nameSchema("color"),
                   [](const Json& arguments) -> Result<void> {
                       const QString name = QString::fromStdString(arguments["color"].get<std::string>());
                       QColor color(name);
                       for (const auto& [known, value] : Theme::accents())
                           if (known.compare(name, Qt::CaseInsensitive) == 0)
                               color = value;
                       if (!color.isValid())
                           return fail(ErrorCode::InvalidArgument, "not a colour", name.toStdString(),
                                       "give a name from the menu or #rrggbb");
                       Theme::instance().setAccent(color);
                       return {};
                   }});
    commands_.add({"view.resetLayout",
                   "Reset the panels of this workspace",
                   {},
                   "grid4",
                   {},
                   [this](const Json&) -> Result<void> {
                       if (Workspace* current = currentWorkspace())
                           current->resetLayout();
                       return {};
                   }});
    commands_.add({"view.notices",
                   "Show the notices",
                   QKeySequence("Ctrl+Shift+N"),
                   "info",
                   {},
                   [this](const Json&) -> Result<void> {
                       toggleNotices();
                       return {};
                   }});
    commands_.add(
        {"jobs.cancel", "Cancel all running jobs", {}, "cancel", {}, [this](const Json&) -> Result<void> {
             jobs_.cancelAll();
             return {};
         }});
}

}  // namespace vitrine
