// The analyses of the Inspect workspace: their commands, their dock, copying and saving of results.
#pragma once

#include "app/desktop/inspect/analysis/analysis_controller.h"

#include <functional>

class QDockWidget;

namespace vitrine {

class AnalysisPanel;
class MainWindow;
class ThumbnailCache;

// What is analysed: asked when an analysis starts.
struct PictureChoice {
    QStringList shown;  // by the gallery
    QString chosen;
};

class AnalysisWorkbench : public QObject {
    Q_OBJECT
  public:
    AnalysisWorkbench(MainWindow* window, InspectController* pictures, std::function<PictureChoice()> choice,
                      std::shared_ptr<ThumbnailCache> thumbnailCache, QObject* parent);

    AnalysisPanel* panel() const { return panel_; }
    void setDock(QDockWidget* dock) { dock_ = dock; }
    void declareCommands();
    // Another picture was chosen: those nearest to it are shown, if that is what the dock shows.
    void follow();
    bool isBusy() const { return controller_->isRunning(); }

    Json saveSession() const { return controller_->settings().toJson(); }
    void restoreSession(const Json& session) {
        controller_->setSettings(AnalysisSettings::fromJson(session));
    }

  signals:
    void pictureWanted(const QString& path);

  private:
    Result<void> analyse(const Json& arguments);
    // From the palette: with the settings of the dock.
    void start(AnalysisKind kind);
    void showDock();
    Result<void> copyCsv();
    Result<void> copyPicture();
    Result<void> save(const std::string& path);
    void chooseFile();

    MainWindow* window_;
    AnalysisController* controller_;
    AnalysisPanel* panel_;
    std::function<PictureChoice()> choice_;
    QDockWidget* dock_ = nullptr;
};

}  // namespace vitrine
