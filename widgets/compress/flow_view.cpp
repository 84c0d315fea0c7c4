#include "widgets/compress/flow_view.h"

#include "widgets/compress/flow_diagram.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

FlowView::FlowView(QWidget* parent)
    : QWidget(parent), layer_(new QComboBox), facts_(new QLabel), diagram_(new FlowDiagram) {
    setObjectName("flowView");
    facts_->setObjectName("flowFacts");
    facts_->setWordWrap(true);
    layer_->setObjectName("flowLayer");
    layer_->setToolTip(tr("The layer whose units are shown"));
    auto* row = new QHBoxLayout;
    row->addWidget(new QLabel(tr("Layer")));
    row->addWidget(layer_);
    row->addStretch(1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(facts_);
    layout->addLayout(row);
    layout->addWidget(diagram_, 1);
    connect(layer_, &QComboBox::activated, this,
            [this](int index) { emit layerChosen(layer_->itemData(index).toString()); });
}

void FlowView::setResults(SparseResults results) {
    const QString before = results.run == results_.run ? layer_->currentData().toString() : QString();
    results_ = std::move(results);
    {
        const QSignalBlocker quiet(layer_);
        layer_->clear();
        layer_->addItem(tr("all layers"), QString());
        for (const QString& name : results_.exchangedLayers)
            layer_->addItem(name, name);
        layer_->setCurrentIndex(std::max(0, layer_->findData(before)));
    }
    refresh();
}

Result<void> FlowView::chooseLayer(const QString& name) {
    const int index = layer_->findData(name);
    if (index < 0)
        return fail(
            ErrorCode::NotFound, fmt::format("layer \"{}\" exchanged no units", name.toStdString()), "layer",
            results_.exchangedLayers.empty()
                ? std::string("Open a finished run of train-sparse")
                : fmt::format("One of: {}",
                              QStringList(results_.exchangedLayers.begin(), results_.exchangedLayers.end())
                                  .join(", ")
                                  .toStdString()));
    layer_->setCurrentIndex(index);
    refresh();
    return {};
}

QString FlowView::facts() const {
    const UnitFlows& flows = diagram_->flows();
    if (flows.flows.empty())
        return tr("No units were exchanged, or the run has not ended: what they did is kept at its end");
    UnitFlow all;
    for (const UnitFlow& flow : flows.flows)
        all += flow;
    const UnitPlaces& last = flows.places.back();
    return tr("%1 of %2 units in use; over %3 exchanges %4 entered, %5 of them not for the first time; %6 "
              "have "
              "been in use at some time")
        .arg(last.inUse, 0, 'f', 0)
        .arg(last.total(), 0, 'f', 0)
        .arg(flows.flows.size())
        .arg(all.comesBack + all.firstTime, 0, 'f', 0)
        .arg(all.comesBack, 0, 'f', 0)
        .arg(last.inUse + last.hasLeft, 0, 'f', 0);
}

void FlowView::refresh() {
    diagram_->setFlows(unitFlows(results_, layer_->currentData().toString()));
    facts_->setText(facts());
}

}  // namespace vitrine
