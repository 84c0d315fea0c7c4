// A library of block variants and the architectures that were searched in it: scores as a grid of layers by
// variants, the front of size against loss, and the chosen architecture drawn layer by layer with what each
// costs beside its parent's. Sliders ask for another search under other budgets; whoever shows the view
// answers (setSolution), and what it found stands beside the chosen one.
#pragma once

#include "widgets/compress/puzzle_results.h"
#include "widgets/plots/chart.h"
#include "widgets/plots/heat_map_view.h"

class QComboBox;
class QLabel;
class QPushButton;
class QTabWidget;

namespace vitrine {

class ArchitectureDrawing;
class BatchView;
class CostStackView;
class PuzzleBudgetPanel;

class PuzzleView : public QWidget {
    Q_OBJECT
  public:
    explicit PuzzleView(QWidget* parent = nullptr);

    void setResults(PuzzleResults results);
    const PuzzleResults& results() const { return results_; }
    // NotFound names the architecture.
    Result<void> choose(const QString& name);

    PuzzleBudgets budgets() const;
    void setBudgets(const PuzzleBudgets& budgets);
    // The answer to budgetsChanged.
    void setSolution(PuzzleSolution solution);
    const PuzzleSolution& solution() const { return solution_; }
    // "Memory", "Time", "Batches" and "Additivity".
    QTabWidget* charts() const { return charts_; }

  signals:
    void budgetsChanged();
    // The found architecture is to be made and distilled.
    void makeRequested();

  private:
    void layOut();
    void refresh();
    void refreshGrid();
    void refreshFront();
    void refreshSolution();
    void refreshCosts();
    const PuzzleArchitecture* chosen() const;

    PuzzleResults results_;
    PuzzleSolution solution_;
    QString chosen_;
    std::vector<std::vector<size_t>> points_;
    QComboBox* grid_;
    HeatMapView* scores_;
    Chart *front_, *additivity_;
    CostStackView *memory_, *time_;
    BatchView* batches_;
    QTabWidget* charts_;
    PuzzleBudgetPanel* panel_;
    ArchitectureDrawing *drawing_, *solved_;
    QLabel *facts_, *solvedFacts_;
    QPushButton* make_;
};

}  // namespace vitrine
