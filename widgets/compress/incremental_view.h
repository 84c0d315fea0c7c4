// A network that learns its pictures chunk by chunk (CKCA): accuracy beside other runs, what it forgets of
// earlier chunks, which channels carry, and how far each chunk took it from the network before. A slider goes
// through the chunks.
#pragma once

#include "widgets/plots/chart.h"
#include "widgets/plots/heat_map_view.h"

#include <limits>

class QLabel;
class QSlider;

namespace vitrine {

struct IncrementalChunk {
    double accuracy = 0;                                          // share of the test pictures
    double forgotten = std::numeric_limits<double>::quiet_NaN();  // mean share over earlier chunks
    std::vector<double> heldOut;     // accuracy on the held-out part of each chunk so far
    std::vector<double> channelUse;  // mean size of each pooled channel
    // Against the network that the chunk before left; empty for the first.
    QStringList blocks;
    std::vector<double> similarity;  // linear CKA of each block
    std::vector<double> line;        // nats at even places of the straight line between the weights
    double barrier = std::numeric_limits<double>::quiet_NaN();  // nats: the hill on that line
    // Pictures by their weight in the distillation, in bins of `weightWidth` from 0 (the last one holds all
    // above), where the old network is right and where it is wrong.
    std::vector<double> weightsRight, weightsWrong;
    double weightWidth = 0;
};

struct IncrementalRival {
    QString name;
    QVector<double> accuracy;  // after each chunk
};

struct IncrementalResults {
    QString run;
    std::vector<IncrementalChunk> chunks;  // that are learnt
    std::vector<IncrementalRival> others;  // runs of this project on the same chunks
    // By step: weights of the distillation where the old network is right and where it is wrong.
    ChartSeries weightRight, weightWrong;
};

// Rows: held-out parts; columns: what was learnt up to then; percent right. NaN where a part was not learnt
// yet.
HeatMap forgettingMap(const IncrementalResults& results);

// A channel carries if its use is a tenth of the largest or more.
struct ChannelTurnover {
    int carry = 0, freed = 0, taken = 0;
};
ChannelTurnover channelTurnover(const std::vector<double>& before, const std::vector<double>& after);

// Bars over the weights, in percent of all pictures of the chunk, up to the last weight that occurs.
std::vector<ChartSeries> weightBars(const IncrementalChunk& chunk);

class IncrementalView : public QWidget {
    Q_OBJECT
  public:
    explicit IncrementalView(QWidget* parent = nullptr);

    void setResults(IncrementalResults results);
    const IncrementalResults& results() const { return results_; }
    // NotFound names the chunks that are learnt.
    Result<void> choose(int chunk);

  signals:
    void chunkChosen(int chunk);

  private:
    void refresh();
    QString facts() const;

    IncrementalResults results_;
    size_t chosen_ = 0;
    QSlider* slider_;
    QLabel *facts_, *chosenText_;
    HeatMapView* forgetting_;
    Chart *accuracy_, *channels_, *line_, *similarity_, *weights_, *spread_;
};

}  // namespace vitrine
