#include "widgets/shell/main_window.h"

#include "core/base/log.h"
#include "widgets/base/icons.h"
#include "widgets/base/theme.h"
#include "widgets/shell/command_palette.h"
#include "widgets/shell/shortcut_editor.h"

#include <QCloseEvent>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QMenuBar>
#include <QMimeData>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTabBar>
#include <QToolBar>
#include <QToolButton>
#include <QUndoView>

namespace vitrine {

constexpr int kAutosaveMs = 10'000;

MainWindow::MainWindow(CommandRegistry& registry, QWidget* parent)
    : QMainWindow(parent), commands_(registry, jobs_) {
    setObjectName("mainWindow");
    setWindowTitle("Vitrine");
    setAcceptDrops(true);
    resize(1600, 900);
    stack_ = new QStackedWidget;
    setCentralWidget(stack_);
    toasts_ = new ToastHost(this);
    declareCommands();
    declareViewCommands();
    buildMenus();
    buildHeader();
    buildStatusBar();
    palette_ = new CommandPalette(&commands_, this);
    connect(&commands_, &CommandCenter::failed, this,
            [this](const QString&, const QString& message) { toasts_->show(ToastKind::Error, message); });
    connect(&commands_, &CommandCenter::finished, this, [this](const QString& name, const QString& text) {
        toasts_->show(ToastKind::Success,
                      text.isEmpty() ? tr("%1 is done").arg(name) : text.left(600).trimmed());
    });
    connect(&autosave_, &QTimer::timeout, this, &MainWindow::saveSession);
}

MainWindow::~MainWindow() {
    jobs_.cancelAll();
}

void MainWindow::buildHeader() {
    auto* bar = new QToolBar(tr("Workspaces"));
    bar->setObjectName("workspaceBar");
    bar->setMovable(false);
    bar->setContextMenuPolicy(Qt::PreventContextMenu);
    bar->setIconSize({18, 18});
    tabs_ = new QTabBar;
    tabs_->setObjectName("workspaceTabs");
    tabs_->setDrawBase(false);
    tabs_->setExpanding(false);
    tabs_->setIconSize({18, 18});
    bar->addWidget(tabs_);
    auto* spacer = new QWidget;
    spacer->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    bar->addWidget(spacer);
    auto* search = new QToolButton;
    search->setObjectName("paletteButton");
    search->setText(tr("Search commands    Ctrl+K"));
    search->setIcon(themedIcon("search"));
    search->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    search->setMinimumWidth(250);
    connect(search, &QToolButton::clicked, this, [this] { commands_.run("palette.open"); });
    bar->addWidget(search);
    for (const char* name : {"edit.undo", "edit.redo", "theme.toggle"})
        bar->addAction(commands_.action(name, this));
    addToolBar(Qt::TopToolBarArea, bar);
    connect(tabs_, &QTabBar::tabBarClicked, this, [this](int index) {
        if (index >= 0)
            commands_.run("workspace.show", {{"name", workspaces_[index]->name().toStdString()}});
    });
}

void MainWindow::buildMenus() {
    QMenu* file = menuBar()->addMenu(tr("&File"));
    for (const char* name : {"file.openImages", "file.openFolder"})
        file->addAction(commands_.action(name, this));
    recentMenu_ = file->addMenu(tr("Open &recent"));
    connect(recentMenu_, &QMenu::aboutToShow, this, &MainWindow::fillRecentMenu);
    file->addSeparator();
    file->addAction(commands_.action("window.close", this));
    QMenu* edit = menuBar()->addMenu(tr("&Edit"));
    for (const char* name : {"edit.undo", "edit.redo", "edit.history"})
        edit->addAction(commands_.action(name, this));
    viewMenu_ = menuBar()->addMenu(tr("&View"));
    connect(viewMenu_, &QMenu::aboutToShow, this, &MainWindow::fillViewMenu);
    fillViewMenu();
    QMenu* help = menuBar()->addMenu(tr("&Help"));
    for (const char* name : {"palette.open", "shortcuts.show", "recorder.toggle", "help.about"})
        help->addAction(commands_.action(name, this));
}

void MainWindow::buildStatusBar() {
    projectLabel_ = new QLabel(tr("No project"));
    projectLabel_->setObjectName("projectLabel");
    recordingLabel_ = new QLabel(tr("● recording"));
    recordingLabel_->hide();
    statusBar()->setSizeGripEnabled(false);
    projectLabel_->setContentsMargins(8, 0, 0, 0);
    statusBar()->addWidget(projectLabel_);
    statusBar()->addPermanentWidget(recordingLabel_);
    statusBar()->addPermanentWidget(new JobStatus(&jobs_));
    connect(&commands_, &CommandCenter::recordingChanged, this,
            [this] { recordingLabel_->setVisible(commands_.isRecording()); });
}

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
    commands_.add(
        {"jobs.cancel", "Cancel all running jobs", {}, "cancel", {}, [this](const Json&) -> Result<void> {
             jobs_.cancelAll();
             return {};
         }});
}

void MainWindow::fillRecentMenu() {
    recentMenu_->clear();
    for (const std::string& path : session_.recent)
        recentMenu_->addAction(QString::fromStdString(path), this, [this, path] {
            commands_.run("file.open", {{"paths", {path}}});
        });
    recentMenu_->setToolTipsVisible(true);
    if (session_.recent.empty())
        recentMenu_->addAction(tr("Nothing yet"))->setEnabled(false);
}

void MainWindow::fillViewMenu() {
    viewMenu_->clear();
    for (Workspace* each : workspaces_)
        viewMenu_->addAction(themedIcon(each->icon()), each->title(), this, [this, each] {
            commands_.run("workspace.show", {{"name", each->name().toStdString()}});
        });
    viewMenu_->addSeparator();
    if (Workspace* current = currentWorkspace())
        for (QDockWidget* dock : current->findChildren<QDockWidget*>())
            viewMenu_->addAction(dock->toggleViewAction());
    viewMenu_->addSeparator();
    for (const char* name : {"theme.toggle", "view.resetLayout"})
        viewMenu_->addAction(commands_.action(name, this));
    QMenu* accents = viewMenu_->addMenu(tr("Accent colour"));
    for (const auto& [name, color] : Theme::accents()) {
        QPixmap swatch(14, 14);
        swatch.fill(color);
        accents->addAction(QIcon(swatch), name, this, [this, color = color] {
            commands_.run("theme.accent", {{"color", color.name().toStdString()}});
        });
    }
}

void MainWindow::toggleHistory() {
    if (auto* existing = findChild<QDockWidget*>("historyDock"))
        return existing->setVisible(!existing->isVisible());
    auto* dock = new QDockWidget(tr("History"), this);
    dock->setObjectName("historyDock");
    auto* view = new QUndoView(&commands_.undoStack());
    view->setEmptyLabel(tr("Start"));
    dock->setWidget(view);
    addDockWidget(Qt::RightDockWidgetArea, dock);
}

void MainWindow::addWorkspace(Workspace* workspace) {
    workspaces_.append(workspace);
    stack_->addWidget(workspace);
    tabs_->addTab(themedIcon(workspace->icon()), workspace->title());
    tabs_->setTabToolTip(tabs_->count() - 1,
                         tr("%1  (Ctrl+%2)").arg(workspace->title()).arg(workspaces_.size()));
    workspace->declareCommands(commands_);
    const QString name = workspace->name();
    commands_.add({"workspace." + name.toStdString(),
                   ("Go to " + workspace->title()).toStdString(),
                   QKeySequence(QStringLiteral("Ctrl+%1").arg(workspaces_.size())),
                   workspace->icon(),
                   {},
                   [this, name](const Json&) -> Result<void> {
                       showWorkspace(name);
                       return {};
                   }});
    addAction(commands_.action("workspace." + name.toStdString(), this));
    fillViewMenu();
}

Workspace* MainWindow::workspace(const QString& name) const {
    for (Workspace* each : workspaces_)
        if (each->name() == name)
            return each;
    return nullptr;
}

Workspace* MainWindow::currentWorkspace() const {
    return qobject_cast<Workspace*>(stack_->currentWidget());
}

void MainWindow::showWorkspace(const QString& name) {
    for (int index = 0; index < workspaces_.size(); ++index)
        if (workspaces_[index]->name() == name) {
            tabs_->setCurrentIndex(index);
            stack_->setCurrentIndex(index);
            fillViewMenu();
        }
}

void MainWindow::openPaths(const QStringList& paths) {
    for (const QString& path : paths) {
        QList<Workspace*> order = workspaces_;
        if (Workspace* current = currentWorkspace()) {
            order.removeAll(current);
            order.prepend(current);
        }
        bool taken = false;
        for (Workspace* each : order)
            if (!taken && each->openPath(path)) {
                taken = true;
                showWorkspace(each->name());
            }
        if (taken)
            session_.addRecent(path.toStdString());
        else
            toasts_->show(
                ToastKind::Error,
                tr("%1: nothing here can open this. Pictures, folders of pictures and model folders can be "
                   "opened.")
                    .arg(path));
    }
}

void MainWindow::chooseFiles(bool folder) {
    auto* dialog = new QFileDialog(this, folder ? tr("Open a folder") : tr("Open pictures"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(folder ? QFileDialog::Directory : QFileDialog::ExistingFiles);
    connect(dialog, &QFileDialog::filesSelected, this, [this](const QStringList& files) {
        Json paths = Json::array();
        for (const QString& file : files)
            paths.push_back(file.toStdString());
        commands_.run("file.open", {{"paths", paths}});
    });
    dialog->open();
}

void MainWindow::setProject(const std::filesystem::path& project) {
    commands_.setProject(project);
    session_.project = project.string();
    projectLabel_->setText(project.empty() ? tr("No project")
                                           : tr("Project  %1").arg(QString::fromStdString(project.string())));
}

void MainWindow::restoreSession(bool restoreData) {
    restored_ = true;
    autosave_.start(kAutosaveMs);
    if (sessionFile_.empty() || !std::filesystem::exists(sessionFile_)) {
        Theme::instance().apply(true, QColor());
        return;
    }
    auto loaded = Session::load(sessionFile_);
    if (!loaded) {
        // Kept beside, so that nothing is lost by starting afresh.
        std::error_code ignored;
        std::filesystem::rename(sessionFile_, sessionFile_.string() + ".damaged", ignored);
        toasts_->show(
            ToastKind::Error,
            tr("The last session could not be read: %1").arg(QString::fromStdString(loaded.error().text())));
        Theme::instance().apply(true, QColor());
        return;
    }
    const std::string project = session_.project;
    session_ = std::move(*loaded);
    if (!project.empty())
        session_.project = project;
    Theme::instance().apply(session_.dark, QColor(QString::fromStdString(session_.accent)));
    restoreGeometry(QByteArray::fromBase64(QByteArray::fromStdString(session_.geometry)));
    commands_.shortcutsFromJson(session_.shortcuts);
    for (Workspace* each : workspaces_) {
        const std::string name = each->name().toStdString();
        if (session_.layouts.contains(name))
            each->restoreLayout(session_.layouts[name]);
        if (restoreData && session_.workspaces.contains(name))
            each->restoreSession(session_.workspaces[name]);
    }
    showWorkspace(QString::fromStdString(session_.workspace));
}

void MainWindow::saveSession() {
    if (sessionFile_.empty() || !restored_)
        return;
    session_.geometry = saveGeometry().toBase64().toStdString();
    session_.dark = Theme::instance().isDark();
    session_.accent = Theme::instance().accent().name().toStdString();
    session_.shortcuts = commands_.shortcutsToJson();
    session_.workspace = currentWorkspace() ? currentWorkspace()->name().toStdString() : std::string();
    for (Workspace* each : workspaces_) {
        session_.layouts[each->name().toStdString()] = each->saveLayout();
        session_.workspaces[each->name().toStdString()] = each->saveSession();
    }
    if (const auto saved = session_.save(sessionFile_); !saved)
        log::warn("the session is not kept: {}", saved.error().text());
}

bool MainWindow::isBusy() const {
    if (!jobs_.jobs().isEmpty())
        return true;
    return std::any_of(workspaces_.begin(), workspaces_.end(),
                       [](Workspace* each) { return each->isBusy(); });
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (event->mimeData()->hasUrls())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    Json paths = Json::array();
    for (const QUrl& url : event->mimeData()->urls())
        if (url.isLocalFile())
            paths.push_back(url.toLocalFile().toStdString());
    if (!paths.empty())
        commands_.run("file.open", {{"paths", paths}});
    event->acceptProposedAction();
}

void MainWindow::closeEvent(QCloseEvent* event) {
    saveSession();
    jobs_.cancelAll();
    event->accept();
}

}  // namespace vitrine
