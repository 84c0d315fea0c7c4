// Results of plans: table, plot of cost against loss, and what is known of the chosen one.
#pragma once

#include "widgets/compress/plan_results.h"

#include <optional>

class QComboBox;
class QLabel;
class QTextBrowser;

namespace vitrine {

class ResultsView : public QWidget {
    Q_OBJECT
  public:
    explicit ResultsView(QWidget* parent = nullptr);

    // Keeps the chosen plan and key where they are still there.
    void setResults(PlanResults results);
    const PlanResults& results() const { return results_; }
    // Null: none is chosen.
    const PlanResult* chosen() const;
    // By its name in the run (any run if empty). NotFound names those there are.
    Result<void> choose(const QString& runId, const QString& plan);
    void setAxis(CostAxis axis);
    CostAxis axis() const { return axis_; }
    QString key() const { return key_; }
    void setKey(const QString& key);
    // More about the chosen plan, as rich text.
    void setDetails(const QString& html);

    QString toCsv() const;
    // .csv: the table; .png and .svg: the plot.
    Result<void> save(const std::filesystem::path& file);
    QImage plotImage();

  signals:
    void chosenChanged();
    void picked();  // by the user
    void menuRequested(QPoint at);

  private:
    void refresh();
    void refreshPlot();
    void choose(int index);
    void pick(int index);

    PlanResults results_;
    QString key_, chosenRun_, chosenPlan_;
    CostAxis axis_ = CostAxis::BitsPerWeight;
    std::vector<size_t> rows_;
    std::vector<std::vector<size_t>> points_;
    QComboBox *keys_, *axes_;
    QLabel* note_;
    DataTable* table_;
    Chart* plot_;
    QTextBrowser* details_;
};

}  // namespace vitrine
