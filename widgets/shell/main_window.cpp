#include "widgets/shell/main_window.h"

#include "core/base/log.h"
#include "widgets/base/icons.h"
#include "widgets/base/theme.h"
#include "widgets/shell/command_palette.h"

#include <QCloseEvent>
#include <QDragEnterEvent>
#include <QLabel>
#include <QMimeData>
#include <QStackedWidget>
#include <QTabBar>

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
    jobs_.cancelOwn();
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
            toasts_->arrange();
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
                tr("%1: nothing here can open this. Pictures, folders of pictures, models and point clouds "
                   "can be opened.")
                    .arg(path));
    }
}

void MainWindow::setProject(const std::filesystem::path& project) {
    commands_.setProject(project);
    session_.project = project.string();
    if (!project.empty())
        session_.addRecent(project.string());
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
    savedShortcuts_ = session_.shortcuts;
    // One that was given at the start goes before the last one; a last one that is gone is not missed.
    const std::string wanted = !project.empty() ? project : restoreData ? session_.project : std::string();
    session_.project.clear();
    std::error_code ignored;
    if (!wanted.empty() && (!project.empty() || std::filesystem::exists(wanted, ignored)))
        setProject(wanted);
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
    takeFromOtherWindows();
    session_.workspace = currentWorkspace() ? currentWorkspace()->name().toStdString() : std::string();
    for (Workspace* each : workspaces_) {
        session_.layouts[each->name().toStdString()] = each->saveLayout();
        session_.workspaces[each->name().toStdString()] = each->saveSession();
    }
    if (const auto saved = session_.save(sessionFile_); !saved)
        log::warn("the session is not kept: {}", saved.error().text());
}

// Another window may have saved the same session meanwhile: what it opened and its keys are kept.
void MainWindow::takeFromOtherWindows() {
    const auto stored = Session::load(sessionFile_);
    if (!stored)
        return;
    for (const std::string& path : stored->recent)
        if (std::find(session_.recent.begin(), session_.recent.end(), path) == session_.recent.end() &&
            session_.recent.size() < Session::kRecent)
            session_.recent.push_back(path);
    if (session_.shortcuts == savedShortcuts_ && stored->shortcuts != savedShortcuts_) {
        commands_.shortcutsFromJson(stored->shortcuts);
        session_.shortcuts = commands_.shortcutsToJson();
    }
    savedShortcuts_ = session_.shortcuts;
}

bool MainWindow::isBusy() const {
    if (commands_.isBusy())
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
    jobs_.cancelOwn();
    event->accept();
}

}  // namespace vitrine
