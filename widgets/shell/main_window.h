// The frame: workspaces as tabs, menus, command palette, undo, session, notices, jobs. What is in the
// workspaces is theirs; what the commands do is in core or in the workspaces.
#pragma once

#include "widgets/shell/about_page.h"
#include "widgets/shell/command_center.h"
#include "widgets/shell/job_list.h"
#include "widgets/shell/session.h"
#include "widgets/shell/toast.h"
#include "widgets/shell/workspace.h"

#include <QMainWindow>
#include <QTimer>
#include <functional>

class QLabel;
class QMenu;
class QStackedWidget;
class QTabBar;
class QToolButton;

namespace vitrine {

class CommandPalette;

class MainWindow : public QMainWindow {
    Q_OBJECT
  public:
    explicit MainWindow(CommandRegistry& registry, QWidget* parent = nullptr);
    ~MainWindow() override;

    CommandCenter& commands() { return commands_; }
    JobList& jobs() { return jobs_; }
    ToastHost& toasts() { return *toasts_; }

    // Owned by the window from here on. The first one is shown.
    void addWorkspace(Workspace* workspace);
    Workspace* workspace(const QString& name) const;
    Workspace* currentWorkspace() const;
    void showWorkspace(const QString& name);
    const QList<Workspace*>& workspaces() const { return workspaces_; }

    // Gives each path to the first workspace that takes it, the current one first.
    void openPaths(const QStringList& paths);
    void setAboutFacts(std::function<QList<QPair<QString, QString>>()> facts) {
        aboutFacts_ = std::move(facts);
    }
    void setPlugins(std::function<QList<PluginLine>()> plugins) { plugins_ = std::move(plugins); }

    // Session file; empty path: nothing is kept. restoreSession reads it, later changes are saved by
    // themselves.
    void setSessionFile(const std::filesystem::path& file) { sessionFile_ = file; }
    void restoreSession(bool restoreData);
    void saveSession();
    void setProject(const std::filesystem::path& project);
    // True while jobs run or a workspace computes.
    bool isBusy() const;
    QMenu* viewMenu() const { return viewMenu_; }

  protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void closeEvent(QCloseEvent* event) override;

  private:
    void buildHeader();
    void followUndoStack();
    void buildMenus();
    void buildStatusBar();
    void declareCommands();
    void declareViewCommands();
    void chooseFiles(bool folder);
    void fillRecentMenu();
    void fillViewMenu();
    void toggleHistory();
    void toggleNotices();
    void followNotices();
    void takeFromOtherWindows();

    JobList jobs_;
    CommandCenter commands_;
    Session session_;
    std::filesystem::path sessionFile_;
    Json savedShortcuts_ = Json::object();  // as last read or written
    QList<Workspace*> workspaces_;
    QTabBar* tabs_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    QMenu* recentMenu_ = nullptr;
    QMenu* viewMenu_ = nullptr;
    QLabel* projectLabel_ = nullptr;
    QLabel* recordingLabel_ = nullptr;
    QToolButton* noticesButton_ = nullptr;
    qsizetype noticesSeen_ = 0;
    ToastHost* toasts_ = nullptr;
    CommandPalette* palette_ = nullptr;
    QTimer autosave_;
    std::function<QList<QPair<QString, QString>>()> aboutFacts_;
    std::function<QList<PluginLine>()> plugins_;
    bool restored_ = false;
};

}  // namespace vitrine
