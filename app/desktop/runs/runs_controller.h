// Wires the panels of the Runs workspace to a project: reads on worker threads, follows what other processes
// write, carries out edits as commands. Owns no layout; whoever makes it places the panels.
#pragma once

#include "app/desktop/runs/run_edits.h"
#include "app/desktop/runs/run_processes.h"
#include "app/desktop/runs/run_service.h"
#include "core/commands/command.h"
#include "core/runs/live_runs.h"
#include "widgets/runs/charts_panel.h"
#include "widgets/runs/compare_view.h"
#include "widgets/runs/detail_panel.h"
#include "widgets/runs/lineage_view.h"
#include "widgets/runs/media_panel.h"
#include "widgets/runs/runs_table_panel.h"
#include "widgets/runs/sql_console.h"

#include <QTimer>

namespace vitrine {

class RunsController : public QObject {
    Q_OBJECT
  public:
    explicit RunsController(QObject* parent = nullptr);
    ~RunsController() override;

    void openProject(const std::filesystem::path& folder);
    const std::filesystem::path& project() const { return folder_; }
    // How commands are carried out ("runs.star", ...), with undo where there is one; without: on a worker
    // thread.
    // What is not an edit (control of a job) has no way back and is not undone.
    using Execute = std::function<void(const RunEditCommands&)>;
    void setExecute(Execute execute) { execute_ = std::move(execute); }
    void refresh();
    bool isBusy() const;

    // Panels; owned by the widget that they are placed in.
    RunsTablePanel* table() { return table_; }
    RunDetailPanel* details() { return details_; }
    ChartsPanel* charts() { return charts_; }
    MediaPanel* media() { return media_; }
    CompareView* compare() { return compare_; }
    SqlConsole* sql() { return sql_; }
    LineageView* lineage() { return lineage_; }

    void setFilter(const QString& filter);
    void selectRuns(const QStringList& ids);
    QStringList selectedIds() const;
    // Goes on with a run, or runs its recipe again, in a process that outlives the window.
    void resume(const std::string& runId);
    void reproduce(const std::string& runId);
    // Runs a recipe file in such a process.
    Result<void> begin(const std::filesystem::path& recipe);
    // Asks a job to stop after its next checkpoint.
    void stop(const std::string& runId);
    Json saveSession() const;
    void restoreSession(const Json& session);

  signals:
    void failed(const QString& message);
    void notice(const QString& message);
    void refreshed();                                                 // the table holds the newest rows
    void liveRunsChanged(const std::vector<vitrine::LiveRun>& runs);  // every second while some are at work

  private:
    void wireTable();
    void wirePanels();
    void wireServices();
    void askTable();
    void askFilter();
    void askColumns(const QStringList& keys);
    void askDifferences();
    void selectionChanged();
    void askDetails();
    void askCharts();
    void askSeries(const QStringList& metrics);
    void askMedia();
    void askCompare();
    void askLineage();
    void askImage(const QString& path);
    void carryOut(RunEdit edit, const std::vector<Run>& runs, const QString& text);
    void control(RunAction action, const Run& run, const QString& text);
    void askLive();
    void showProblem(const QString& problem);
    void runSql(const QString& sql);
    QList<SavedQuery> storedQueries() const;
    void loadQueries();
    void saveQueries();
    QColor colorOf(int64_t run) const;
    std::vector<Run> chartedRuns() const;

    RunService service_, slow_, images_, live_, sqlService_;
    std::stop_source sqlStop_;  // of the query that runs
    CommandRegistry registry_;
    RunProcesses processes_;
    Execute execute_;
    std::filesystem::path folder_;
    RunsTablePanel* table_;
    RunDetailPanel* details_;
    ChartsPanel* charts_;
    MediaPanel* media_;
    CompareView* compare_;
    SqlConsole* sql_;
    LineageView* lineage_;
    QTimer selectionDelay_, changeDelay_, liveTimer_;
    bool hadLive_ = false;
    QList<SavedQuery> loadedQueries_;  // as last read or written
    QString problem_;                  // why the project cannot be had; empty: it can
    std::vector<Run> selected_;
    QHash<qint64, QColor> colors_;
    QStringList wantedSelection_;  // ids to select once the table is there
    QString appliedFilter_;
    bool readOnly_ = false;
};

}  // namespace vitrine
