// Sliders for the budgets of a search: parameters, memory, time of the prompt and tokens per second, as
// shares of what the parent takes; and numbers of sequences at once, of which the best is to be found.
#pragma once

#include "widgets/compress/puzzle_results.h"

#include <QWidget>
#include <array>

class QLabel;
class QLineEdit;
class QSlider;

namespace vitrine {

class PuzzleBudgetPanel : public QWidget {
    Q_OBJECT
  public:
    explicit PuzzleBudgetPanel(QWidget* parent = nullptr);

    // What the shares are of; what is not known cannot be limited.
    void setWhole(const PuzzleWhole& whole);
    PuzzleBudgets budgets() const;
    void setBudgets(const PuzzleBudgets& budgets);
    // A slider at its end limits nothing. Without the signal.
    void reset();

  signals:
    void changed();

  private:
    enum Cost { kParameters, kBytes, kPromptTime, kSpeed, kCosts };
    void refresh();

    PuzzleWhole whole_;
    std::array<QSlider*, kCosts> sliders_{};
    std::array<QLabel*, kCosts> values_{};
    QLineEdit* batches_;
};

}  // namespace vitrine
