// View model of the runs of the Compress workspace: the project's compression runs (job_follower.h), recipes
// that wait for their turn, and what earlier runs measured. Interface thread only.
#pragma once

#include "app/desktop/compress/compress_questions.h"
#include "app/desktop/runs/job_follower.h"

#include <deque>

namespace vitrine {

class CompressController : public JobFollower {
    Q_OBJECT
  public:
    using Shown = std::vector<std::shared_ptr<const CompressedRun>>;
    explicit CompressController(QObject* parent = nullptr);

    // Starts a job of the recipe, or lets it wait while another is at work here. It becomes the shown run as
    // soon as its row is there.
    Result<void> queue(const Json& recipe);
    const std::deque<Json>& waiting() const { return waiting_; }
    Result<void> dropWaiting();

    const std::vector<CompressRunLine>& runs() const { return runs_; }
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

  signals:
    void measuredChanged();

  private:
    void projectChanged() override;
    void readRuns(const std::string& question, std::function<void()> then) override;
    std::vector<const Run*> runRows() const override;
    void readShown() override;
    const Run* shownRun() const override { return run() ? &run()->run : nullptr; }
    void forgetProgress() override { progress_ = {}; }
    void askProgress() override;
    bool isAtWork() const;
    void startNext();
    void show(Shown shown);
    void readMeasured();

    std::vector<CompressRunLine> runs_;
    std::deque<Json> waiting_;
    std::vector<MeasuredPlan> measured_;
    Shown shown_;
    CompressProgress progress_;
};

}  // namespace vitrine
