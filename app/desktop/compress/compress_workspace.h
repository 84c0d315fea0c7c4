// The Compress workspace: the opened model, the sweep designer and the runs on the left; results, masks,
// layers, texts of a run in the middle.
#pragma once

#include "app/desktop/compress/compress_controller.h"
#include "app/desktop/compress/compress_inspector.h"
#include "widgets/shell/workspace.h"

class QLabel;
class QTabWidget;

namespace vitrine {

class RunChoiceList;
class CompressHead;
class DependencyDesk;
class DependencyView;
class MainWindow;
class LayerDesk;
class LayersView;
class MaskDesk;
class MaskPanel;
class ModelTree;
class ResultsView;
class StructureDesk;
class SweepPanel;
class WhatIfDesk;
class WhatIfView;
class WriteDesk;
class WriteView;

class CompressWorkspace : public Workspace {
    Q_OBJECT
  public:
    explicit CompressWorkspace(MainWindow* window);
    ~CompressWorkspace() override;

    void declareCommands(CommandCenter& commands) override;
    bool openPath(const QString& path) override;
    Json saveSession() const override;
    void restoreSession(const Json& session) override;
    bool isBusy() const override;

  private:
    void buildDocks();
    void wire();
    void wireRuns();
    void declareModelCommands(CommandCenter& commands);
    void declareStructureCommands(CommandCenter& commands);
    void wireStructures();
    void declareSweepCommands(CommandCenter& commands);
    void declareMaskCommands(CommandCenter& commands);
    void declarePageCommands(CommandCenter& commands);
    void declareRunCommands(CommandCenter& commands);
    void followProject();
    void openModel(const QString& path);
    void readModel(bool count);
    void showModel();
    void refreshCosts();
    void refreshRuns();
    void refreshShown();
    void refreshState();
    void showDetails();
    void chooseModel();
    void choosePicture();
    void chooseTexts(const QString& key);
    void browse(const QString& path, const QString& format);
    Result<void> openRecipe(const Json& arguments);
    Result<void> saveRecipe(const Json& arguments);
    Result<void> saveMaskAs();
    Result<void> saveLayers(const Json& arguments);
    Result<void> whatIf(const Json& arguments);
    Result<void> showDependencies(const Json& arguments);
    Result<void> saveResults(const Json& arguments);
    Result<void> exportPlan(const Json& arguments);
    // Brings it to the front, and this workspace with it. NotFound.
    Result<void> showPage(const std::string& page);

    MainWindow* window_;
    CompressController* controller_;
    CompressInspector* inspector_;
    ModelTree* model_;
    SweepPanel* sweep_;
    RunChoiceList* runs_;
    CompressHead* head_;
    QTabWidget* pages_;
    ResultsView* results_;
    MaskPanel* maskPanel_;
    MaskDesk* masks_;
    LayersView* layersView_;
    LayerDesk* layers_;
    WriteView* writeView_;
    WriteDesk* write_;
    WhatIfView* whatIfView_;
    WhatIfDesk* whatIf_;
    StructureDesk* structures_;
    DependencyView* dependencyView_;
    DependencyDesk* dependencies_;
    QDockWidget *modelDock_ = nullptr, *sweepDock_ = nullptr, *runsDock_ = nullptr;
    QString modelPath_;
    bool followsBest_ = true;  // until the user picks a plan
    std::string modelPattern_ = "2:4";
};

}  // namespace vitrine
