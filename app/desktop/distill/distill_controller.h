// View model of the Distill workspace: the project's distillation runs (job_follower.h), what can be asked of
// their jobs, and the pictures that they keep. Interface thread only.
#pragma once

#include "app/desktop/distill/distill_questions.h"
#include "app/desktop/runs/job_follower.h"
#include "app/desktop/runs/run_questions.h"

namespace vitrine {

class DistillController : public JobFollower {
    Q_OBJECT
  public:
    explicit DistillController(QObject* parent = nullptr);

    // Starts a job of the recipe; it becomes the shown run as soon as its row is there.
    Result<void> start(const Json& recipe);

    const std::vector<DistillRun>& runs() const { return runs_; }
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
  signals:
    void settingRefused(const QString& path, const QString& message);
    void imageLoaded(const QString& path, const QImage& image, const QString& error);

  private:
    void projectChanged() override;
    void readRuns(const std::string& question, std::function<void()> then) override;
    std::vector<const Run*> runRows() const override;
    void readShown() override;
    const Run* shownRun() const override { return run() ? &run()->run : nullptr; }
    void forgetProgress() override { job_ = {}; }
    void askProgress() override;

    std::vector<DistillRun> runs_;
    std::vector<std::shared_ptr<const CockpitRun>> shown_;
    JobAnswer job_;
};

}  // namespace vitrine
