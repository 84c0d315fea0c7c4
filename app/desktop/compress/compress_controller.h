// View model of the runs of the Compress workspace: the project's compression runs, the one that is shown,
// those that it is compared with, and recipes that wait for their turn. Jobs are processes of their own; they
// are followed through the project's database and their control sockets. Interface thread only.
#pragma once

#include "app/desktop/compress/compress_questions.h"
#include "app/desktop/runs/run_processes.h"
#include "app/desktop/runs/run_service.h"

#include <QStringList>
#include <QTimer>
#include <deque>

namespace vitrine {

class CompressController : public QObject {
    Q_OBJECT
  public:
    using Shown = std::vector<std::shared_ptr<const CompressedRun>>;
    explicit CompressController(QObject* parent = nullptr);

    void openProject(const std::filesystem::path& folder);
    const std::filesystem::path& project() const { return folder_; }

    // Starts a job of the recipe, or lets it wait while another is at work here. It becomes the shown run as
    // soon as its row is there.
    Result<void> queue(const Json& recipe);
    const std::deque<Json>& waiting() const { return waiting_; }
    Result<void> dropWaiting();
    bool isStarting() const { return process_ != 0; }

    const std::vector<CompressRunLine>& runs() const { return runs_; }
    // By id, by name (the newest of that name), or "last".
    Result<void> open(const std::string& run);
    Result<void> compareWith(const std::vector<std::string>& runs);
    const QStringList& compared() const { return compared_; }
    // The shown run first, then those it is compared with; empty: none.
    const Shown& shown() const { return shown_; }
    std::shared_ptr<const CompressedRun> run() const { return shown_.empty() ? nullptr : shown_.front(); }
    const std::vector<MeasuredPlan>& measured() const { return measured_; }

    // Of the shown run.
    Result<void> stop();
    Result<void> resume();
    // Copies the model folder of a plan; then exported() or failed().
    Result<void> exportPlan(const std::string& plan, const QString& folder);

    const CompressProgress& progress() const { return progress_; }
    // What was asked for and is not done yet ("stopping …"); may be empty.
    const QString& pending() const { return pending_; }
    // Why the last start failed; empty: it did not.
    const QString& error() const { return error_; }
    bool isBusy() const;

  signals:
    void runsChanged();
    void shownChanged();
    void measuredChanged();
    void stateChanged();  // progress, pending, error, waiting
    void failed(const QString& message);
    void started(const QString& runId);
    void finished(const QString& runId);
    void exported(const QString& folder);

  private:
    Result<std::string> idOf(const std::string& text) const;
    Result<std::shared_ptr<const CompressedRun>> needRun() const;
    Result<void> start(const Json& recipe);
    bool isAtWork() const;
    void startNext();
    void startFailed(const QString& message);
    void checkStart();
    void refresh();
    void takeRuns(std::vector<CompressRunLine> runs);
    void readShown();
    void takeShown(Shown shown);
    void readMeasured();
    void askProgress();

    RunService service_, control_, copies_;
    RunProcesses processes_;
    std::filesystem::path folder_;
    std::vector<CompressRunLine> runs_;
    std::deque<Json> waiting_;
    std::vector<MeasuredPlan> measured_;
    std::string wanted_;  // id of the run to show
    QStringList compared_;
    Shown shown_;
    double startedAt_ = 0;      // seconds since 1970
    int64_t process_ = 0;       // of a job whose row is not there yet
    std::string resuming_;      // id of a run whose new process is not there yet
    int64_t endedProcess_ = 0;  // that carried it before
    bool userChose_ = false;    // else the newest run is shown
    CompressProgress progress_;
    QString pending_, error_;
    QTimer poll_, refresh_;
};

}  // namespace vitrine
