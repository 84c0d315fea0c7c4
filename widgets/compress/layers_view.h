// The layers of a plan: error bars and the worst first, what 2:4 products are worth on this machine; of a
// low-bit plan how far groups and inputs reach, of a low-rank path the spectra of what it repairs with a rank
// that moves.
#pragma once

#include "widgets/compress/layer_results.h"

class QComboBox;
class QLabel;
class QSlider;

namespace vitrine {

class LayersView : public QWidget {
    Q_OBJECT
  public:
    explicit LayersView(QWidget* parent = nullptr);

    void setPlans(const QStringList& plans, const QString& chosen);
    QString plan() const;
    // Keeps the chosen layer where it is still there.
    void setResults(LayerResults results);
    const LayerResults& results() const { return results_; }
    // NotFound names the layer.
    Result<void> chooseLayer(const QString& name);
    const QString& layer() const { return layer_; }
    void setRank(int64_t rank);
    int64_t rank() const;
    // "errors", "spectrum", "energy", "rank", "ranges", "speed": .png, .svg, .csv; "layers": .csv.
    Result<void> save(const std::string& part, const std::filesystem::path& file);

  signals:
    void planChosen(const QString& plan);
    void layerChosen(const QString& name);
    void rankChosen(int rank);

  private:
    // The chart under its title in a panel of their own, the chart's parent.
    Chart* addChart(class QBoxLayout* row, int stretch, const QString& name, const QString& title);
    void refreshPanels();
    void refreshLayer();
    void refreshRank();

    LayerResults results_;
    QString layer_;
    QComboBox* plans_;
    QLabel *verdict_, *rankText_, *rangeText_;
    QSlider* rank_;
    DataTable* table_;
    Chart *errors_, *speed_, *spectrum_, *energy_, *ranks_, *ranges_;
};

}  // namespace vitrine
