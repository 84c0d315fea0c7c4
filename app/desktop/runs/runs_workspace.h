// The Runs workspace: the run table in the middle; details, charts, media, comparison, SQL and lineage as
// docks.
#pragma once

#include "app/desktop/runs/runs_controller.h"
#include "widgets/shell/workspace.h"

#include <map>
#include <thread>

namespace vitrine {

class RunsWorkspace : public Workspace {
    Q_OBJECT
  public:
    explicit RunsWorkspace(QWidget* parent = nullptr);

    void declareCommands(CommandCenter& commands) override;
    bool openPath(const QString& path) override;  // a project folder
    Json saveSession() const override { return controller_->saveSession(); }
    void restoreSession(const Json& session) override { controller_->restoreSession(session); }
    bool isBusy() const override;
    RunsController* controller() { return controller_; }

  protected:
    void showEvent(QShowEvent* event) override;

  private:
    void declareViewCommands(CommandCenter& commands);
    void declareJobCommands(CommandCenter& commands);
    void declareTableCommands(CommandCenter& commands);
    void openOrMake(const std::filesystem::path& folder);
    void showLiveRuns(const std::vector<LiveRun>& runs);
    void followProject();
    Result<void> openProject(const Json& arguments);
    // Brings it to the front, and this workspace with it.
    void showPanel(const QString& objectName);

    RunsController* controller_;
    CommandCenter* commands_ = nullptr;
    bool shown_ = false;
    std::map<std::string, int> liveJobs_;  // run id to the number of its line in the status bar
    int openingWish_ = 0;
    std::vector<std::jthread> openings_;
};

}  // namespace vitrine
