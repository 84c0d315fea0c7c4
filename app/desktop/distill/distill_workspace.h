// The Distill workspace: the recipe on the left, the cockpit of a run in the middle (curves and probe
// pictures), its settings that may change while it runs, its log, and the project's earlier runs around it.
#pragma once

#include "app/desktop/distill/distill_controller.h"
#include "widgets/shell/workspace.h"

class QLabel;
class QPushButton;
class QStackedWidget;
class QTreeWidget;

namespace vitrine {

class RunChoiceList;
class LinkedCharts;
class MainWindow;
class MediaPanel;
class RecipeEstimate;
class RecipePanel;
class RunPanel;
class SchemaForm;

class DistillWorkspace : public Workspace {
    Q_OBJECT
  public:
    explicit DistillWorkspace(MainWindow* window);

    void declareCommands(CommandCenter& commands) override;
    bool openPath(const QString& path) override;
    Json saveSession() const override;
    void restoreSession(const Json& session) override;
    bool isBusy() const override;
    // Models and folders of pictures that another workspace has open: offered, not chosen.
    void offer(const QStringList& models, const QStringList& folders);

  private:
    void buildCockpit();
    void buildDocks();
    void wire();
    void wireRecipe();
    void declareRecipeCommands(CommandCenter& commands);
    void declareRunCommands(CommandCenter& commands);
    void followProject();
    void refreshShown();
    void refreshCharts();
    void refreshRuns();
    void refreshLog();
    void refreshRunning();
    void applyRunning();
    void chooseInput(bool model);
    void browse(SchemaForm* form, const QString& path, const QString& format);
    Result<void> estimateRecipe();
    Result<void> openRecipe(const Json& arguments);
    Result<void> saveRecipe(const Json& arguments);
    Result<void> exportStudent(const Json& arguments);
    Result<void> inspectStudent();

    MainWindow* window_;
    DistillController* controller_;
    RecipePanel* recipe_;
    RecipeEstimate* estimate_;
    RunPanel* head_;
    QStackedWidget* pages_;
    QLabel* message_;
    LinkedCharts* charts_;
    MediaPanel* probes_;
    SchemaForm* running_;
    QPushButton* apply_;
    QLabel* runningNote_;
    RunChoiceList* runs_;
    QTreeWidget* log_;
    QDockWidget *recipeDock_ = nullptr, *runningDock_ = nullptr, *runsDock_ = nullptr;
    Json runningSettings_;     // of runningOf_, before changes that were not applied
    QStringList shownProbes_;  // what the probe board was made of
    std::string runningOf_;    // id of the run whose settings the running form shows
    bool inspectAfterExport_ = false;
};

}  // namespace vitrine
