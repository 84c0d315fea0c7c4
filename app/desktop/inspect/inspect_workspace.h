// The Inspect workspace: gallery, linked viewports, probe, text query, what made a picture, embedding plot,
// figures.
#pragma once

#include "app/desktop/inspect/inspect_controller.h"
#include "widgets/base/selection_manager.h"
#include "widgets/shell/workspace.h"
#include "widgets/view/figure.h"
#include "widgets/view/view_link.h"

class QGridLayout;
class QLabel;
class QLineEdit;
class QStackedWidget;
class QTextBrowser;

namespace vitrine {

class AnalysisWorkbench;
class CloudWorkbench;
class EmbeddingPlot;
class GalleryModel;
class GalleryView;
class InspectPanel;
class MainWindow;
class ThumbnailCache;
class ThumbnailStore;

class InspectWorkspace : public Workspace {
    Q_OBJECT
  public:
    explicit InspectWorkspace(MainWindow* window);
    ~InspectWorkspace() override;

    void declareCommands(CommandCenter& commands) override;
    bool openPath(const QString& path) override;
    Json saveSession() const override;
    void restoreSession(const Json& session) override;
    bool isBusy() const override;

    SelectionManager& selection() { return selection_; }
    InspectController& controller() { return *controller_; }
    GalleryModel* gallery() const { return galleryModel_; }
    ViewLink& link() { return link_; }

  private:
    void declareFigureCommands(CommandCenter& commands);
    void buildToolbar();
    void buildGallery();
    void buildInspector();
    void buildEmbedding();
    void buildClouds();
    void buildAnalyses();
    void buildPanels();
    void setPanelCount(int count);
    void editPanel(int index, const PanelState& state);
    void applyPanelCommand(const Json& arguments);
    void refreshPanel(int index);
    void refreshComparisons();
    void showProvenance(int index);
    void updateSharedRange();
    void embedGallery();
    void openFolder(const QString& path);
    Result<Figure> figureOf(int panel) const;
    Result<void> copyFigure(int panel);
    Result<void> copyCommand(int panel);
    Result<void> copyEmbedding();
    void showPanelMenu(int panel, QPoint at);
    Result<void> exportFigure(const std::string& path, int panel);
    int activePanel() const { return active_; }
    void stepPicture(int step);
    // Of a new picture: all of it, or the part that the session was left at.
    void placeCamera();

    MainWindow* window_;
    SelectionManager selection_;
    ViewLink link_;
    QString placedPicture_;                 // whose camera was set
    std::optional<Camera> restoredCamera_;  // until the session's picture is read
    InspectController* controller_;
    CloudWorkbench* clouds_ = nullptr;
    AnalysisWorkbench* analyses_ = nullptr;
    std::shared_ptr<ThumbnailCache> thumbnailCache_;
    ThumbnailStore* thumbnails_ = nullptr;
    ThumbnailStore* plotThumbnails_ = nullptr;  // a store of its own: each request drops what waited
    GalleryModel* galleryModel_ = nullptr;
    GalleryView* galleryView_ = nullptr;
    QLabel* galleryCount_ = nullptr;
    QLineEdit* textEdit_ = nullptr;
    QTextBrowser* provenance_ = nullptr;
    QStackedWidget* embeddingStack_ = nullptr;
    EmbeddingPlot* embedding_ = nullptr;
    QWidget* panelArea_ = nullptr;
    QGridLayout* grid_ = nullptr;
    QList<InspectPanel*> panels_;
    QLabel* engineLabel_ = nullptr;
    std::vector<std::string> modelPaths_;
    bool probeFollowsMouse_ = false;
    bool rangeLocked_ = false;
    int active_ = 0;
    QTimer provenanceTimer_;
    int scanning_ = 0;
    ThreadPool scanner_{1};
};

}  // namespace vitrine
