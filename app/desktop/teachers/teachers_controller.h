// View model of the Teachers workspace: the project's statistics runs, the one that is being collected, and
// the results that are shown. Jobs are processes of their own; they are followed through the project's
// database and their control sockets. Interface thread only.
#pragma once

#include "app/desktop/runs/run_processes.h"
#include "app/desktop/runs/run_service.h"
#include "app/desktop/teachers/collect_settings.h"
#include "app/desktop/teachers/teachers_questions.h"

#include <QTimer>

namespace vitrine {

class TeachersController : public QObject {
    Q_OBJECT
  public:
    explicit TeachersController(QObject* parent = nullptr);

    void openProject(const std::filesystem::path& folder);
    const std::filesystem::path& project() const { return folder_; }

    const CollectSettings& settings() const { return settings_; }
    void setSettings(const CollectSettings& settings);
    // Starts a run of the settings; Busy while one is followed.
    Result<void> collect();
    // Asks the followed run to stop; it can be resumed later.
    Result<void> cancel();
    // Shows the results of a run, or follows it if it is not done yet.
    void open(const std::string& runId);

    const std::vector<StatisticsRun>& runs() const { return runs_; }
    // A job was started or is followed.
    bool isCollecting() const { return process_ != 0 || !followed_.empty(); }
    const std::string& followed() const { return followed_; }
    const RunProgress& progress() const { return progress_; }
    // Asked to stop: it does after the batch at hand.
    bool isStopping() const { return stopping_; }
    // What went wrong last; empty: nothing.
    const QString& error() const { return error_; }
    // Null: nothing is shown.
    std::shared_ptr<const LoadedStatistics> shown() const { return shown_; }
    // True while something is asked, followed or loaded.
    bool isBusy() const { return isCollecting() || service_.isBusy() || control_.isBusy(); }

  signals:
    void settingsChanged();
    void runsChanged();
    void stateChanged();  // collecting, progress, error
    void shownChanged();
    void finished(const QString& runId);

  private:
    void refresh();
    void follow();
    void askProgress();
    void load(const std::string& runId);
    void stopFollowing(const QString& error);

    RunService service_, control_;
    RunProcesses processes_;
    std::filesystem::path folder_;
    CollectSettings settings_;
    std::vector<StatisticsRun> runs_;
    int64_t process_ = 0;   // of a job whose row is not there yet
    std::string followed_;  // id of the run that is being collected
    RunProgress progress_;
    bool stopping_ = false;
    QString error_;
    std::shared_ptr<const LoadedStatistics> shown_;
    QTimer poll_;
};

}  // namespace vitrine
