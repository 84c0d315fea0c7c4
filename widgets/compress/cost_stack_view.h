// What each layer of an architecture costs beside the same layer of its parent: memory as weights and cache,
// or time as the tokens and the prompt before them. The last bars are what lies outside of the layers.
#pragma once

#include "widgets/compress/puzzle_results.h"
#include "widgets/plots/chart.h"

class QLabel;

namespace vitrine {

enum class PuzzleCostKind { Memory, Time };

class CostStackView : public QWidget {
    Q_OBJECT
  public:
    explicit CostStackView(PuzzleCostKind kind, QWidget* parent = nullptr);

    // Both in the same use. `title` stands before what is said of them; an empty stack: `why` says why there
    // is none.
    void show(const QString& title, const PuzzleStack& stack, const PuzzleStack& parent, const QString& why);

  private:
    QString text(const PuzzleStack& stack, const PuzzleStack& parent) const;

    PuzzleCostKind kind_;
    Chart* chart_;
    QLabel *facts_, *key_;
};

// Bars from zero, the whole behind its lower part: what of the first is not covered is the upper part. In MB,
// or ms; layers at whole numbers of x, the parent's bar to the left. Empty where nothing is known or timed.
std::vector<ChartSeries> costSeries(PuzzleCostKind kind, const PuzzleStack& stack, const PuzzleStack& parent);
PuzzleCost sumOf(const PuzzleStack& stack);

}  // namespace vitrine
