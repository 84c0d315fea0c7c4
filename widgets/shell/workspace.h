// One tab of the main window: a set of dockable panels around a centre, with its own toolbar and commands. A
// new workspace derives from this, builds its docks with addPanel(), and is handed to
// MainWindow::addWorkspace().
#pragma once

#include "core/base/json.h"

#include <QDockWidget>
#include <QMainWindow>

namespace vitrine {

class CommandCenter;

class Workspace : public QMainWindow {
    Q_OBJECT
  public:
    // `name` is the identifier in the session and in commands ("inspect"), `title` what the tab shows.
    Workspace(const QString& name, const QString& title, const QString& icon, QWidget* parent = nullptr);

    const QString& name() const { return name_; }
    const QString& title() const { return title_; }
    const QString& icon() const { return icon_; }

    // Called once, before the workspace is shown: declares its commands.
    virtual void declareCommands(CommandCenter& commands) = 0;
    // True if it took the path (a picture, folder, model, recipe).
    virtual bool openPath(const QString& path) { return false; }
    // Data, views and selection for the session; the layout of the docks is kept by the main window.
    virtual Json saveSession() const { return Json::object(); }
    virtual void restoreSession(const Json& session) {}
    // True while it computes something that a scripted walk should wait for.
    virtual bool isBusy() const { return false; }

    // Dock layouts as text; restoreLayout: false if `text` is not one of this workspace.
    std::string saveLayout() const;
    bool restoreLayout(const std::string& text);
    void resetLayout();

  protected:
    QDockWidget* addPanel(const QString& objectName, const QString& title, QWidget* content,
                          Qt::DockWidgetArea area);
    // Keeps the layout as built as the default one.
    void showEvent(QShowEvent* event) override;

  private:
    QString name_, title_, icon_;
    QByteArray defaultLayout_;
};

}  // namespace vitrine
