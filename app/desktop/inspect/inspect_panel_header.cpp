// The header of an InspectPanel: what is shown, of which model, compared with what.
#include "app/desktop/inspect/inspect_panel.h"
#include "widgets/base/elided_combo.h"
#include "widgets/base/icons.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

constexpr int kMargin = 6, kSpacing = 5;
constexpr int kNarrowestKind = 90, kNarrowestModel = 76, kNarrowestCompare = 48;
constexpr int kWidestModel = 240;

void InspectPanel::buildHeader() {
    kind_->setObjectName(QStringLiteral("kind%1").arg(index_ + 1));
    model_->setObjectName(QStringLiteral("model%1").arg(index_ + 1));
    compare_->setObjectName(QStringLiteral("compare%1").arg(index_ + 1));
    kind_->setTip(tr("What this viewport shows"));
    model_->setTip(tr("Whose features"));
    compare_->setTip(tr("Compare with another viewport: wipe (drag the line), blink (Space), difference"));
    // Three panels side by side must fit a screen of 1280 pixels beside both docks: names are cut rather than
    // panels pushed out.
    kind_->setHugging(kNarrowestKind);
    model_->setHugging(kNarrowestModel);
    model_->setMaximumWidth(kWidestModel);
    compare_->setHugging(kNarrowestCompare);
    kind_->setMaxVisibleItems(16);
    for (const MapKindName& kind : mapKinds()) {
        kind_->addItem(tr(kind.title), int(kind.kind));
        kind_->setItemData(kind_->count() - 1, tr(kind.tip), Qt::ToolTipRole);
    }
    controls_->setIcon(themedIcon("sliders"));
    controls_->setCheckable(true);
    controls_->setToolTip(tr("Layer, resolution, upsampler and colour scale  (C)"));
    controls_->setObjectName(QStringLiteral("controls%1").arg(index_ + 1));
    auto* info = info_ = new QToolButton;
    info->setIcon(themedIcon("info"));
    info->setToolTip(tr("What made this picture"));
    auto* header = new QHBoxLayout;
    header->setContentsMargins(kMargin, 4, kMargin, 4);
    header->setSpacing(kSpacing);
    // The lists take what their entries need; what is left over stays empty.
    header->addWidget(kind_);
    header->addWidget(model_);
    header->addWidget(compare_);
    header->addStretch(1);
    header->addWidget(controls_);
    header->addWidget(info);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(header);
    layout->addWidget(view_, 1);
    connect(kind_, &QComboBox::activated, this, [this] {
        PanelState state = controller_->panel(index_);
        state.kind = MapKind(kind_->currentData().toInt());
        emit stateEdited(index_, state);
    });
    connect(model_, &QComboBox::activated, this, [this] {
        PanelState state = controller_->panel(index_);
        state.modelPath = model_->currentData().toString().toStdString();
        state.layer = -1;
        state.resolution = 0;
        emit stateEdited(index_, state);
    });
    connect(compare_, &QComboBox::activated, this, [this] {
        PanelState state = controller_->panel(index_);
        const int code = compare_->currentData().toInt();
        state.compare = PanelCompare(code / 8);
        state.compareWith = code % 8;
        emit stateEdited(index_, state);
    });
    connect(controls_, &QToolButton::toggled, view_, &TileView::setControlsVisible);
    connect(info, &QToolButton::clicked, this, [this] { emit provenanceRequested(index_); });
}

// Where not all entries fit, kind and model stay readable: comparing becomes an icon, and what made the
// picture is shown anyway once the panel is clicked.
void InspectPanel::fitHeader() {
    const auto widthOf = [](const ElidedCombo* box) {
        return box->isHidden() ? 0 : std::min(box->fullWidth(), box->maximumWidth()) + kSpacing;
    };
    const int lists = widthOf(kind_) + widthOf(model_) + widthOf(compare_);
    const int buttons = controls_->sizeHint().width() + info_->sizeHint().width() + 2 * kSpacing;
    const bool narrow = lists + buttons + 2 * kMargin > width();
    compare_->setCompact(narrow ? "compare" : "");
    info_->setVisible(!narrow);
}

void InspectPanel::resizeEvent(QResizeEvent* event) {
    fitHeader();
    QWidget::resizeEvent(event);
}

InspectPanel::Header InspectPanel::header() const {
    const PanelState& state = controller_->panel(index_);
    Header header{state.kind, {}, {}, state.compare, state.compareWith, controller_->panelCount()};
    for (const LoadedModel& model : controller_->models())
        header.modelPaths.push_back(model.path);
    if (const LoadedModel* model = controller_->modelOf(state))
        header.modelPath = model->path;
    return header;
}

void InspectPanel::refreshHeader() {
    Header wanted = header();
    if (shownHeader_ == wanted)
        return;
    shownHeader_ = std::move(wanted);
    const PanelState& state = controller_->panel(index_);
    kind_->setCurrentIndex(kind_->findData(int(state.kind)));
    model_->clear();
    for (const LoadedModel& model : controller_->models())
        model_->addItem(QFileInfo(QString::fromStdString(model.path)).fileName(),
                        QString::fromStdString(model.path));
    const LoadedModel* model = controller_->modelOf(state);
    if (model)
        model_->setCurrentIndex(model_->findData(QString::fromStdString(model->path)));
    model_->setVisible(mapKindName(state.kind).needsModel && model);
    compare_->clear();
    compare_->addItem(tr("No compare"), 0);
    const char* const names[] = {"", "Wipe", "Blink", "Difference"};
    for (int mode = 1; mode <= 3; ++mode)
        for (int other = 0; other < controller_->panelCount(); ++other)
            if (other != index_)
                compare_->addItem(tr("%1 with %2").arg(tr(names[mode])).arg(other + 1), mode * 8 + other);
    compare_->setCurrentIndex(std::max(0, compare_->findData(int(state.compare) * 8 + state.compareWith)));
    compare_->setVisible(controller_->panelCount() > 1);
    fitHeader();
}

}  // namespace vitrine
