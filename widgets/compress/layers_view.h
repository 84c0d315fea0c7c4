// The layers of a plan: error bars and the worst first, spectra of what a low-rank path repairs with a rank
// that moves, and what 2:4 products are worth on this machine.
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
    // "errors", "spectrum", "energy", "rank", "speed": .png, .svg, .csv; "layers": .csv.
    Result<void> save(const std::string& part, const std::filesystem::path& file);

  signals:
    void planChosen(const QString& plan);
    void layerChosen(const QString& name);
    void rankChosen(int rank);

  private:
    Chart* addChart(class QGridLayout* layout, int row, int column, int span, const QString& name,
                    const QString& title);
    void refreshLayer();
    void refreshRank();

    LayerResults results_;
    QString layer_;
    QComboBox* plans_;
    QLabel *verdict_, *rankText_;
    QSlider* rank_;
    DataTable* table_;
    Chart *errors_, *speed_, *spectrum_, *energy_, *ranks_;
};

}  // namespace vitrine
