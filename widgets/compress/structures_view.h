// How much the structures of a model matter, with a cut that moves: neurons and heads of each layer by their
// scores, channels, the influence of blocks by every metric; what the cut leaves of parameters, bytes and
// operations; the students that were made.
#pragma once

#include "widgets/base/data_table.h"
#include "widgets/compress/structure_scores.h"
#include "widgets/plots/chart.h"

#include <array>
#include <limits>
#include <map>

class QComboBox;
class QLabel;
class QPushButton;
class QSlider;

namespace vitrine {

// How well a stand-in does what a removed block or part did: the part of its update's energy that is left.
struct StandInFit {
    int player = 0;  // block; of parts: 2i attention, 2i+1 feed-forward of block i
    double leftByMean = 1, leftByMap = 1;
};

struct StructureStudent {
    QString name;
    bool control = false, candidate = false;
    double parameters = 0, bytes = 0;
    double natsAsCut = std::numeric_limits<double>::quiet_NaN(), nats = 0, toDense = 0;
    int width = 0, heads = 0, intermediate = 0, depth = 0;  // that it keeps; 0: all
    int attentionRemoved = 0, feedForwardRemoved = 0;       // parts
    QString standIn;                                        // "none", "mean", "low_rank"
    int rank = 0;
    std::vector<StandInFit> standIns;
    std::map<QString, double> texts;  // nats per token of each held-out text
};

struct StructureResults {
    QString run, model;
    StructureScores scores;
    std::vector<StructureStudent> students;
};

// Sizes that a cut keeps; 0: all.
struct StructureCut {
    int width = 0, heads = 0, intermediate = 0, depth = 0;
    bool operator==(const StructureCut&) const = default;
};

class StructuresView : public QWidget {
    Q_OBJECT
  public:
    explicit StructuresView(QWidget* parent = nullptr);

    void setResults(StructureResults results);
    const StructureResults& results() const { return results_; }
    StructureCut cut() const;
    void setCut(const StructureCut& cut);
    // What the cut costs, or why it cannot be.
    void setCost(const QString& text);
    QString metric() const;

  signals:
    void cutChanged();
    void queueRequested();

  private:
    enum Axis { kNeurons, kHeads, kChannels, kBlocks, kAxes };
    void refreshCurves();
    void refreshStudents();

    StructureResults results_;
    std::array<QSlider*, kAxes> sliders_{};
    std::array<QLabel*, kAxes> values_{};
    std::array<Chart*, kAxes> charts_{};
    QComboBox* metric_;
    QLabel *cost_, *agreement_;
    Chart* plot_;
    DataTable* table_;
    QPushButton* queue_;
};

}  // namespace vitrine
