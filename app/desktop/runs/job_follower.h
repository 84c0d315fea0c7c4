// What the workspaces that start jobs and follow them have in common: the project's runs of their kind, the
// one that is shown, those that it is compared with, a job that is being started or resumed. Jobs are
// processes of their own (run_processes.h); they are followed through the project's database and their
// control sockets. Interface thread only.
#pragma once

#include "app/desktop/runs/run_processes.h"
#include "app/desktop/runs/run_service.h"
#include "core/runs/run_store.h"

#include <QStringList>
#include <QTimer>

namespace vitrine {

class JobFollower : public QObject {
    Q_OBJECT
  public:
    void openProject(const std::filesystem::path& folder);
    const std::filesystem::path& project() const { return folder_; }
    bool isStarting() const { return process_ != 0; }
    // Shows a run, live or of earlier days: by id, by name (the newest of that name), or "last".
    Result<void> open(const std::string& run);
    // The run (its id) that a window which is opened anew shows at first, if it still exists and no job runs.
    void showAtFirst(const std::string& run) { shownLast_ = run; }
    // The same names; the shown run among them is left out.
    Result<void> compareWith(const std::vector<std::string>& runs);
    const QStringList& compared() const { return compared_; }
    // What was asked for and is not done yet ("stopping after this step"); may be empty.
    const QString& pending() const { return pending_; }
    // Why the last start failed; empty: it did not.
    const QString& error() const { return error_; }
    // True while something that was asked for is on its way. Following a job that works is not that.
    bool isBusy() const;

  signals:
    void runsChanged();
    void shownChanged();
    void stateChanged();  // progress, pending, error
    void failed(const QString& message);
    void started(const QString& runId);
    void finished(const QString& runId);
    void exported(const QString& folder);

  protected:
    // `kind`: "distillation", in messages. `advice`: what to do where there is no run.
    JobFollower(std::string kind, std::string advice, QObject* parent);

    // What a workspace supplies. Another project is open: what was read of the last one is forgotten.
    virtual void projectChanged() = 0;
    // Asks for the list of runs under the name `question`; then takeRuns(), then `then`.
    virtual void readRuns(const std::string& question, std::function<void()> then) = 0;
    virtual std::vector<const Run*> runRows() const = 0;
    // Asks for shownIds(); then takeShown().
    virtual void readShown() = 0;
    virtual const Run* shownRun() const = 0;
    // Another run is to be shown: forget what the process of the last one said.
    virtual void forgetProgress() = 0;
    // Twice a second, while a project is open.
    virtual void askProgress() = 0;

    Result<void> begin(const Json& recipe);
    // The shown run, which has ended, goes on in a new process.
    Result<void> resumeEnded(const QStringList& sets, const QString& pending);
    // Sends a request to the shown run's job; `refused` gets what it says against it.
    Result<void> control(const Json& request, const QString& pending,
                         std::function<void(const QString&)> refused = {});
    void startFailed(const QString& message);
    void refresh();
    // The derived class has new rows.
    void takeRuns();
    // The derived class shows another state of the wanted run than `before` (undefined: none); `answered`:
    // more than its status says that what was asked for is done.
    void takeShown(const std::optional<Run>& before, bool answered);
    // The run to show, then those that it is compared with; empty: none.
    std::vector<std::string> shownIds() const;
    const std::string& wanted() const { return wanted_; }
    Result<const Run*> needRun() const;
    bool isResuming() const { return !resuming_.empty(); }
    int64_t startingProcess() const { return process_; }

    RunService service_, control_, files_;  // reading; asking jobs; copying and loading files

  private:
    Result<std::string> idOf(const std::string& text) const;
    void checkStart();

    const std::string kind_, advice_;
    RunProcesses processes_;
    std::filesystem::path folder_;
    std::string wanted_;     // id of the run to show
    std::string shownLast_;  // id of the one that the last session showed
    QStringList compared_;
    double startedAt_ = 0;      // seconds since 1970
    int64_t process_ = 0;       // of a job whose row is not there yet
    std::string resuming_;      // id of a run whose new process is not there yet
    int64_t endedProcess_ = 0;  // that carried it before
    bool userChose_ = false;    // else the newest run is shown
    QString pending_, error_;
    QTimer poll_;
};

}  // namespace vitrine
