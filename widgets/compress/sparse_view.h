// A network trained with a part of its weights (IEE, RigL, SET): which of a sample of units are in use from
// exchange to exchange, how scores lie before and after a trial, how much each layer exchanges and keeps, and
// accuracy against cost beside other runs.
#pragma once

#include "widgets/plots/chart.h"
#include "widgets/plots/heat_map_view.h"

#include <limits>
#include <optional>

class QComboBox;
class QLabel;
class QSlider;

namespace vitrine {

struct SparseLayer {
    QString name;
    double units = 0, inUse = 0;  // counts, at the end
    double wanted = 1;            // part that may be in use; NaN: the layer has none of its own
    bool fixed = false;           // all in use, never exchanged
};

struct SparseTrial {
    qint64 step = 0;
    double low = 0, high = 0;  // powers of ten: the counts are of bins of equal width between them
    std::vector<double> inUse, before, after;  // units that stay; those on trial; before empty: had no score
};

// A sample of a layer's units, the same ones through all exchanges.
struct SparseUnits {
    QString layer;
    std::vector<int> units;  // their numbers
    QStringList inUse;       // at the beginning and after each exchange: one digit for each unit
};

// Of one layer in one exchange. Counts of units.
struct UnitMoves {
    double units = 0, inUse = 0;   // all; in use afterwards
    double entered = 0, left = 0;  // those that changed sides
    double cameBack = 0;           // of the entered: had been in use before
};

// Of a network whose channels were chosen for a time. Milliseconds of a batch; parts of the dense network's.
struct SparseLatency {
    double batch = 0, wantedPart = 0;
    double predictedPart = 0, measuredPart = 0;
    double denseMs = 0, ms = 0;  // measured
};

struct SparseCurve {
    QString name;
    QVector<double> cost, accuracy;  // parts of one dense training; shares of the test pictures
};

struct SparseResults {
    QString run, method;
    double accuracy = std::numeric_limits<double>::quiet_NaN();
    std::optional<SparseLatency> latency;
    std::vector<SparseLayer> layers;
    std::vector<qint64> steps;                   // of the exchanges
    std::vector<QString> exchangedLayers;        // those that exchange
    std::vector<std::vector<double>> exchanged;  // by those layers and exchange: part of the units in use
    std::vector<std::vector<UnitMoves>> moves;   // by those layers and exchange
    std::vector<SparseTrial> trials;
    std::vector<SparseUnits> units;
    std::vector<SparseCurve> curves;  // this run first
};

// Rows: units, those in use first on top; columns: beginning and exchanges. 0 out, 1 has left, 2 in use, 3
// has entered.
HeatMap unitRaster(const SparseUnits& units);

class SparseView : public QWidget {
    Q_OBJECT
  public:
    explicit SparseView(QWidget* parent = nullptr);

    void setResults(SparseResults results);
    const SparseResults& results() const { return results_; }
    // NotFound names the layers.
    Result<void> chooseLayer(const QString& name);

  signals:
    void layerChosen(const QString& name);

  private:
    void refreshRaster();
    void refreshTrial();
    QString facts() const;

    SparseResults results_;
    QComboBox* layer_;
    QSlider* trial_;
    QLabel *facts_, *trialText_;
    HeatMapView *raster_, *exchanged_;
    Chart *scores_, *densities_, *cost_;
};

}  // namespace vitrine
