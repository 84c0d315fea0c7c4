// The Structures page: runs that ranked and cut, searched block variants, learnt masks, many sizes or chunk
// by chunk, each with its own view.
#pragma once

#include "app/desktop/compress/compress_inspector.h"
#include "app/desktop/compress/structure_questions.h"
#include "app/desktop/runs/run_processes.h"
#include "app/desktop/runs/run_service.h"
#include "widgets/compress/depth_view.h"
#include "widgets/compress/flow_view.h"
#include "widgets/compress/removal_view.h"

#include <QWidget>

class QComboBox;
class QStackedWidget;
class QTabWidget;

namespace vitrine {

class StructureDesk : public QWidget {
    Q_OBJECT
  public:
    explicit StructureDesk(CompressInspector* inspector, QWidget* parent = nullptr);

    void openProject(const std::filesystem::path& folder);
    // By id or name; NotFound.
    Result<void> open(const std::string& run);
    std::shared_ptr<const StructureRun> run() const { return run_; }
    StructuresView* structures() { return structures_; }
    PuzzleView* puzzle() { return puzzle_; }
    MaskHistoryView* history() { return history_; }
    ElasticView* elastic() { return elastic_; }
    // In the pictures of units and of where they go; empty: all layers of the latter. NotFound.
    Result<void> chooseUnitLayer(const QString& name);
    IncrementalView* incremental() { return incremental_; }
    // One of several views of a run by its title, "depth"; NotFound names them.
    Result<void> showView(const std::string& title);
    // A run that cuts the chosen sizes out of the shown run's model, from its stored ranking.
    Result<void> queueCut();
    // A run of the shown library under the budgets of the puzzle's sliders, which distils what it finds.
    Result<void> queueSearch();
    bool isBusy() const;

  signals:
    void failed(const QString& message);
    void said(const QString& message);
    // A frame of learnt masks is to be seen; `before`: the one in front of it, Kind::None for the first.
    void maskWanted(const QString& model, const MaskChoice& frame, const MaskChoice& before);
    void runChanged();
    void cutRequested();
    void searchRequested();
    void budgetRequested(double budget);
    void chunkRequested(int chunk);
    void unitLayerRequested(const QString& name);

  private:
    void refresh();
    void read();
    void show();
    void askCost();
    void solveAgain();
    void layOut();

    CompressInspector* inspector_;
    RunService service_;
    RunProcesses processes_;
    std::filesystem::path folder_;
    std::vector<StructureRunLine> runs_;
    std::string wanted_;
    std::shared_ptr<const StructureRun> run_;
    QComboBox* list_;
    QStackedWidget* pages_;
    QTabWidget *cutViews_, *maskViews_;
    StructuresView* structures_;
    DepthView* depth_;
    RemovalView* removal_;
    PuzzleView* puzzle_;
    MaskHistoryView* history_;
    SparseView* sparse_;
    FlowView* flow_;
    ElasticView* elastic_;
    IncrementalView* incremental_;
};

}  // namespace vitrine
