// The 3-D part of the Inspect workspace: its commands, its dock, and how clouds and pictures find each other.
#pragma once

#include "app/desktop/inspect/clouds/cloud_controller.h"

class QDockWidget;

namespace vitrine {

class CloudPanel;
class InspectController;
class MainWindow;
class ViewLink;

class CloudWorkbench : public QObject {
    Q_OBJECT
  public:
    CloudWorkbench(MainWindow* window, InspectController* pictures, ViewLink* link, QObject* parent);

    CloudPanel* panel() const { return panel_; }
    // The dock that holds the panel: it is shown with the first cloud, and when the user opens one.
    void setDock(QDockWidget* dock);
    void declareCommands();

    // Whether a reader takes this file.
    static bool takes(const QString& path);
    void open(const QString& file);
    bool isBusy() const { return controller_->isBusy(); }

    Json saveSession() const;
    void restoreSession(const Json& session);

  signals:
    void pictureWanted(const QString& picture);

  private:
    Result<void> save(const std::string& path);
    void copy();
    void chooseFile();
    QImage image() const;
    void showDock();

    MainWindow* window_;
    InspectController* pictures_;
    CloudController* controller_;
    CloudPanel* panel_;
    QDockWidget* dock_ = nullptr;
    bool dockAppeared_ = false;  // once; later it is the user's decision
};

}  // namespace vitrine
