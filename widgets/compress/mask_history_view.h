// How masks settle while they are learnt: curves of flip rate, entropy, temperature and the like over the
// steps, and a slider over the frames that were kept.
#pragma once

#include "widgets/plots/chart.h"

class QGridLayout;
class QLabel;
class QSlider;

namespace vitrine {

struct MaskHistory {
    QString run;
    std::vector<ChartSeries> curves;  // by metric; name: "masks/flip rate", "layers/L/entropy (nats)"
    std::vector<qint64> frames;       // steps of the masks that were kept
};

class MaskHistoryView : public QWidget {
    Q_OBJECT
  public:
    explicit MaskHistoryView(QWidget* parent = nullptr);

    void setHistory(MaskHistory history);
    const MaskHistory& history() const { return history_; }
    // Goes to the newest frame up to this step.
    void setStep(qint64 step);

  signals:
    void frameChosen(int frame);

  private:
    void placeCharts();

    MaskHistory history_;
    QGridLayout* grid_;
    QLabel* text_;
    QSlider* frames_;
    std::vector<Chart*> charts_;
    std::vector<QLabel*> titles_;
};

}  // namespace vitrine
