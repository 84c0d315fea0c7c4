// The Teachers workspace: what to measure on the left, the statistics of a run in the middle.
#pragma once

#include "app/desktop/teachers/teachers_controller.h"
#include "widgets/shell/workspace.h"
#include "widgets/teachers/statistics_view.h"

class QLabel;
class QStackedWidget;

namespace vitrine {

class MainWindow;

class TeachersWorkspace : public Workspace {
    Q_OBJECT
  public:
    explicit TeachersWorkspace(MainWindow* window);

    void declareCommands(CommandCenter& commands) override;
    bool openPath(const QString& path) override;
    Json saveSession() const override;
    void restoreSession(const Json& session) override;
    bool isBusy() const override;
    // Models and folders of pictures that another workspace has open: chosen when they are new.
    void offer(const QStringList& models, const QStringList& folders);

  private:
    void followProject();
    void refreshPages();
    void chooseInput(bool model);
    void chooseFile(StatisticsPart part);
    void showMenu(StatisticsPart part, QPoint at);
    Result<void> copy(const Json& arguments, bool picture);
    Result<void> save(const Json& arguments);
    Result<void> needResults() const;

    MainWindow* window_;
    TeachersController* controller_;
    QStackedWidget* pages_;
    QLabel* message_;
    StatisticsView* view_;
};

}  // namespace vitrine
