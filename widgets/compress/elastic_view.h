// One set of weights for many sizes (Flextron): loss against size of the budgets, the widths that each budget
// gives every block, how well the surrogate foretold losses, and where routers read the text, what each token
// of a sample took. A slider goes through the budgets.
#pragma once

#include "widgets/plots/chart.h"
#include "widgets/plots/heat_map_view.h"

#include <limits>

class QLabel;
class QSlider;

namespace vitrine {

struct ElasticSize {
    double budget = 1;  // wanted part of the parameters that can be cut
    double size = 1;    // the part that is kept
    double parameters = std::numeric_limits<double>::quiet_NaN();          // of the whole model
    double nats = std::numeric_limits<double>::quiet_NaN();                // per token of held-out text
    double largestProbability = std::numeric_limits<double>::quiet_NaN();  // of the routers, mean over blocks
    QString chosenBy;                    // "routers", "surrogate", "text"; empty: the run is not finished
    std::vector<double> neurons, heads;  // kept shares of each block; by "text": means over tokens
    QStringList tokens;                  // of a sample of held-out text, where routers read it
    std::vector<std::vector<double>> tokenShares;  // by block and token: share of the neurons
};

struct ElasticResults {
    QString run;
    double denseNats = std::numeric_limits<double>::quiet_NaN();  // the model that it began with
    std::vector<ElasticSize> sizes;                               // by falling budget
    std::vector<double> predicted, measured;  // nats per token of choices that the surrogate had not seen
    double surrogateError = std::numeric_limits<double>::quiet_NaN();  // root mean square, nats per token
};

class ElasticView : public QWidget {
    Q_OBJECT
  public:
    explicit ElasticView(QWidget* parent = nullptr);

    void setResults(ElasticResults results);
    const ElasticResults& results() const { return results_; }
    // NotFound names the budgets of the run.
    Result<void> choose(double budget);

  signals:
    void budgetChosen(double budget);

  private:
    void refresh();

    ElasticResults results_;
    size_t chosen_ = 0;
    QSlider* budgets_;
    QLabel *facts_, *chosenText_;
    Chart *front_, *widths_, *surrogate_;
    HeatMapView *routes_, *tokens_;
};

// Rows: budgets; columns: neurons of each block, then its heads where they differ anywhere.
HeatMap elasticRoutes(const ElasticResults& results);
// Rows: blocks; columns: tokens of the sample. Empty where routers do not read the text.
HeatMap tokenRoutes(const ElasticSize& size);

}  // namespace vitrine
