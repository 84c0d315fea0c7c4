// What taking blocks and parts out costs, and what stand-ins win back (emulated updates): loss over the
// number removed, the part of each removed update that its stand-in leaves, and two texts against each other.
#pragma once

#include "widgets/compress/structures_view.h"

class QComboBox;
class QLabel;

namespace vitrine {

// Nats per token as cut over how many are gone, a curve for each kind of cut: blocks, attention or
// feed-forward parts, with their stand-ins, and random ones without. Students that are cut otherwise too are
// left out.
std::vector<ChartSeries> removalCurves(const StructureResults& results);

// What a stand-in wins back: nats per token as cut less those of the same cut without it.
struct WonBack {
    QString student;
    QString label;    // short: "2 r8", two blocks with stand-ins of rank 8; "1 att mean"
    double nats = 0;  // above 0: lower loss
};
std::vector<WonBack> wonBack(const StructureResults& results);

class RemovalView : public QWidget {
    Q_OBJECT
  public:
    explicit RemovalView(QWidget* parent = nullptr);
    void setResults(StructureResults results);

  private:
    void refreshFits();

    StructureResults results_;
    std::vector<StructureStudent> standIns_;  // students that have some
    QLabel* facts_;
    QComboBox* student_;
    Chart *curves_, *won_, *fits_, *texts_;
};

}  // namespace vitrine
