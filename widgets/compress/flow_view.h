// The diagram of units that stay, leave and come back, of one layer or of all, with what it sums up to.
#pragma once

#include "widgets/compress/unit_flows.h"

class QComboBox;
class QLabel;

namespace vitrine {

class FlowDiagram;

class FlowView : public QWidget {
    Q_OBJECT
  public:
    explicit FlowView(QWidget* parent = nullptr);

    void setResults(SparseResults results);
    // Empty: all layers. NotFound names the layers.
    Result<void> chooseLayer(const QString& name);

  signals:
    void layerChosen(const QString& name);  // empty: all

  private:
    void refresh();
    QString facts() const;

    SparseResults results_;
    QComboBox* layer_;
    QLabel* facts_;
    FlowDiagram* diagram_;
};

}  // namespace vitrine
