// View model of the Distill workspace: the recipe that is being made, the project's distillation runs, the
// one that is shown and those that it is compared with. Jobs are processes of their own; they are followed
// through the project's database and their control sockets. Interface thread only.
#pragma once

#include "app/desktop/distill/distill_questions.h"
#include "app/desktop/runs/run_processes.h"
#include "app/desktop/runs/run_questions.h"
#include "app/desktop/runs/run_service.h"

#include <QTimer>

namespace vitrine {

class DistillController : public QObject {
    Q_OBJECT
  public:
    explicit DistillController(QObject* parent = nullptr);

    void openProject(const std::filesystem::path& folder);
    const std::filesystem::path& project() const { return folder_; }

    // Starts a job of the recipe; it becomes the shown run as soon as its row is there.
    Result<void> start(const Json& recipe);
    bool isStarting() const { return process_ != 0; }

    const std::vector<DistillRun>& runs() const { return runs_; }
    // Shows a run, live or of earlier days: by id, by name (the newest of that name), or "last".
    Result<void> open(const std::string& run);
    // The same names; the shown run among them is left out.
    Result<void> compareWith(const std::vector<std::string>& runs);
    const QStringList& compared() const { return compared_; }
    // The shown run first, then those it is compared with; empty: none.
    const std::vector<std::shared_ptr<const CockpitRun>>& shown() const { return shown_; }
    std::shared_ptr<const CockpitRun> run() const { return shown_.empty() ? nullptr : shown_.front(); }

    // Of the shown run. Busy or InvalidArgument where its state does not allow it.
    Result<void> pause();
    // A paused job goes on; an ended one goes on from its checkpoint, with these settings changed.
    Result<void> resume(const std::vector<std::pair<std::string, Json>>& changes = {});
    Result<void> stop();
    Result<void> act(const std::string& action);
    Result<void> set(const std::vector<std::pair<std::string, Json>>& changes);
    // Copies the stored student; then exported() or failed().
    Result<void> exportStudent(const QString& folder);
    void loadImage(const QString& path);

    // As its process says; empty while none answers.
    const JobAnswer& job() const { return job_; }
    // What was asked for and is not done yet ("pausing after this step"); may be empty.
    const QString& pending() const { return pending_; }
    // Why the last start failed; empty: it did not.
    const QString& error() const { return error_; }
    bool isBusy() const;

  signals:
    void runsChanged();
    void shownChanged();
    void stateChanged();  // job, pending, error
    void failed(const QString& message);
    void settingRefused(const QString& path, const QString& message);
    void started(const QString& runId);
    void finished(const QString& runId);
    void exported(const QString& folder);
    void imageLoaded(const QString& path, const QImage& image, const QString& error);

  private:
    Result<std::string> idOf(const std::string& text) const;
    void refresh();
    void takeRuns(std::vector<DistillRun> runs);
    void readShown();
    void askJobNow();
    void checkStart();
    void startFailed(const QString& message);
    Result<void> control(const Json& request, const QString& pending);
    Result<std::shared_ptr<const CockpitRun>> needRun() const;

    RunService service_, control_, images_;
    RunProcesses processes_;
    std::filesystem::path folder_;
    std::vector<DistillRun> runs_;
    std::string wanted_;  // id of the run to show
    QStringList compared_;
    std::vector<std::shared_ptr<const CockpitRun>> shown_;
    double startedAt_ = 0;      // seconds since 1970
    int64_t process_ = 0;       // of a job whose row is not there yet
    std::string resuming_;      // id of a run whose new process is not there yet
    int64_t endedProcess_ = 0;  // that carried it before
    bool userChose_ = false;    // else the newest run is shown
    JobAnswer job_;
    QString pending_, error_;
    QTimer poll_, refresh_;
};

}  // namespace vitrine
