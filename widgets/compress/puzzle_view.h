// A library of block variants and the architectures that were searched in it: scores as a grid of layers by
// variants, the front of size against loss, and the chosen architecture drawn layer by layer.
#pragma once

#include "widgets/plots/chart.h"
#include "widgets/plots/heat_map_view.h"

#include <limits>

class QLabel;

namespace vitrine {

struct PuzzleVariant {
    QString name;
    double share = 1;  // of the parent's parameters of this part
};

struct PuzzleLayer {
    std::vector<PuzzleVariant> attention, feedForward;  // the parent's first
    std::vector<std::vector<double>> scores;            // attention x feed-forward; NaN: not scored
};

struct PuzzleArchitecture {
    QString name, how;  // "puzzle", "greedy", "random", "uniform", "parent"
    double parameters = 0, bytes = 0;
    double assembled = std::numeric_limits<double>::quiet_NaN(), nats = 0;
    std::vector<std::pair<int, int>> choice;  // of each layer; empty: no library's
};

struct PuzzleResults {
    QString run;
    std::vector<PuzzleLayer> layers;
    std::vector<PuzzleArchitecture> architectures;
    std::vector<double> sums, losses;  // of random assemblies
    double spearman = std::numeric_limits<double>::quiet_NaN();
};

class ArchitectureDrawing;

class PuzzleView : public QWidget {
    Q_OBJECT
  public:
    explicit PuzzleView(QWidget* parent = nullptr);

    void setResults(PuzzleResults results);
    const PuzzleResults& results() const { return results_; }
    // NotFound names the architecture.
    Result<void> choose(const QString& name);

  private:
    void refresh();

    PuzzleResults results_;
    QString chosen_;
    std::vector<std::vector<size_t>> points_;
    HeatMapView* scores_;
    Chart *front_, *additivity_;
    ArchitectureDrawing* drawing_;
    QLabel* facts_;
};

// Scores of each variant beside the parent's other part: rows are layers, columns attention then
// feed-forward.
HeatMap puzzleScores(const PuzzleResults& results);

}  // namespace vitrine
