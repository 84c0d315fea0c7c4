// The Claims workspace: the board, wired to the project and to job processes.
#pragma once

#include "app/desktop/runs/run_processes.h"
#include "app/desktop/runs/run_service.h"
#include "widgets/runs/claims_board.h"
#include "widgets/shell/workspace.h"

#include <QTimer>

namespace vitrine {

class MainWindow;

class ClaimsWorkspace : public Workspace {
    Q_OBJECT
  public:
    // `program`: the command-line program; empty: the one beside this executable.
    explicit ClaimsWorkspace(MainWindow* window, std::filesystem::path program = {});

    void declareCommands(CommandCenter& commands) override;
    Json saveSession() const override { return {{"chosen", board_->chosen().toStdString()}}; }
    void restoreSession(const Json& session) override;
    bool isBusy() const override;
    ClaimsBoard* board() { return board_; }

  private:
    void followProject();
    void refresh();
    void show(std::vector<ClaimLine> lines);
    Result<void> run(const Json& arguments);
    Result<void> stop(const std::string& claim);
    Result<void> save(const std::filesystem::path& file);
    void showRuns(const QString& claim);
    void chooseFile();

    MainWindow* window_;
    ClaimsBoard* board_;
    RunService service_, control_;
    RunProcesses processes_;
    QTimer poll_;
    std::filesystem::path folder_;
    QStringList starting_;  // claims whose process has made no run yet
    int64_t process_ = 0;   // of them
    QString wanted_;        // to be chosen once the lines are there
};

}  // namespace vitrine
