#include "widgets/compress/mask_panel.h"

#include "widgets/compress/group_view.h"
#include "widgets/compress/tensor_names.h"
#include "widgets/plots/chart.h"
#include "widgets/view/tile_view.h"

#include <QComboBox>
#include <QCompleter>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSplitter>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace vitrine {

constexpr double kGroupScale = 20;  // pixels of the screen a weight, where a group is looked at

MaskPanel::MaskPanel(QWidget* parent)
    : QWidget(parent),
      facts_(new QLabel),
      groupText_(new QLabel),
      tiles_(new TileView),
      group_(new GroupView),
      histogram_(new Chart) {
    setObjectName("compressMasks");
    auto* top = new QHBoxLayout;
    tensor_ = addCombo(top, tr("Tensor"), "maskTensor", tr("Matrix (outputs × inputs); type to find one"));
    tensor_->setEditable(true);
    tensor_->setInsertPolicy(QComboBox::NoInsert);
    tensor_->completer()->setFilterMode(Qt::MatchContains);
    tensor_->completer()->setCompletionMode(QCompleter::PopupCompletion);
    mask_ = addCombo(top, tr("Mask"), "maskSource", tr("What says which weights stay"));
    other_ = addCombo(top, tr("against"), "maskOther", tr("Another mask to compare with"));
    colors_ = addCombo(top, tr("Colours"), "maskColors",
                       tr("Groups of four by pattern; sizes of the weights; what comes and goes"));
    colors_->addItems(
        {tr("Patterns"), tr("Kept weights"), tr("Dropped weights"), tr("All weights"), tr("Difference")});
    tiles_->setObjectName("maskTiles");
    tiles_->setControlsVisible(true);
    facts_->setObjectName("maskFacts");
    facts_->setWordWrap(true);
    groupText_->setObjectName("maskGroupText");
    groupText_->setWordWrap(true);
    groupText_->setProperty("role", "secondary");
    groupText_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    histogram_->setObjectName("maskHistogram");
    histogram_->setAxes(tr("pattern of a group"), tr("part of the groups"));
    QStringList names;
    for (const char* name : kPatternNames)
        names.append(QString::fromLatin1(name));
    histogram_->setXNames(names);
    histogram_->setMinimumHeight(150);
    histogram_->setLegendShown(false);
    auto* side = new QWidget;
    auto* sideLayout = new QVBoxLayout(side);
    sideLayout->setContentsMargins(0, 0, 0, 0);
    sideLayout->addWidget(facts_);
    sideLayout->addWidget(group_, 3);
    sideLayout->addWidget(groupText_);
    sideLayout->addWidget(histogram_, 2);
    auto* split = new QSplitter(Qt::Horizontal);
    split->addWidget(tiles_);
    split->addWidget(side);
    split->setStretchFactor(0, 3);
    split->setStretchFactor(1, 2);
    split->setChildrenCollapsible(false);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->addLayout(top);
    layout->addWidget(split, 1);
    for (QComboBox* each : {tensor_, mask_, other_, colors_})
        connect(each, &QComboBox::activated, this, &MaskPanel::requested);
    connect(mask_, &QComboBox::activated, this, [this] { maskPicked_ = true; });
    connect(tiles_, &TileView::cursorMoved, this, &MaskPanel::hover);
    connect(tiles_, &TileView::probed, this, [this](QPointF inImage) {
        if (view_)
            moveTo({int(inImage.x() / 4), int(inImage.y())});
    });
    connect(group_, &GroupView::groupMoved, this, &MaskPanel::moveTo);
    setMasks({});
    setView(nullptr, {});
}

QComboBox* MaskPanel::addCombo(QHBoxLayout* into, const QString& title, const QString& name,
                               const QString& tip) {
    auto* combo = new QComboBox;
    combo->setObjectName(name);
    combo->setToolTip(tip);
    combo->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    combo->setMinimumContentsLength(12);
    into->addWidget(new QLabel(title));
    into->addWidget(combo, 1);
    return combo;
}

void MaskPanel::setTensors(const QStringList& names) {
    if (names == tensors_)
        return;
    const QString before = tensor();
    tensors_ = names;
    const QSignalBlocker blocked(tensor_);
    tensor_->clear();
    tensor_->addItems(names);
    const auto place = int(names.indexOf(before));
    tensor_->setCurrentIndex(place >= 0 ? place : firstPrunable(names));
}

void MaskPanel::setMasks(std::vector<MaskChoice> choices) {
    MaskSource maskBefore = mask();
    const MaskSource otherBefore = other();
    choices_ = std::move(choices);
    // Until one is picked: what a plan made, if there is any.
    const auto made = std::find_if(choices_.begin(), choices_.end(), [](const MaskChoice& each) {
        return each.source.kind == MaskSource::Kind::File;
    });
    if (!maskPicked_ && made != choices_.end())
        maskBefore = made->source;
    const auto fill = [this](QComboBox* combo, const MaskSource& before, bool none) {
        const QSignalBlocker blocked(combo);
        combo->clear();
        if (none)
            combo->addItem(tr("nothing"));
        int chosen = 0;
        for (const MaskChoice& choice : choices_) {
            if (choice.source == before)
                chosen = combo->count();
            combo->addItem(choice.title);
        }
        combo->setCurrentIndex(choices_.empty() && !none ? -1 : chosen);
    };
    fill(mask_, maskBefore, false);
    fill(other_, otherBefore, true);
}

void MaskPanel::setChosen(const QString& tensor, const MaskSource& mask, const MaskSource& other,
                          MaskColors colors) {
    const auto place = [this](const MaskSource& source) {
        const auto found = std::find_if(choices_.begin(), choices_.end(),
                                        [&](const MaskChoice& each) { return each.source == source; });
        return found == choices_.end() ? -1 : int(found - choices_.begin());
    };
    if (tensors_.contains(tensor))
        tensor_->setCurrentIndex(int(tensors_.indexOf(tensor)));
    if (const int index = place(mask); index >= 0) {
        maskPicked_ = maskPicked_ || index != mask_->currentIndex();
        mask_->setCurrentIndex(index);
    }
    other_->setCurrentIndex(place(other) + 1);
    colors_->setCurrentIndex(int(colors));
}

QString MaskPanel::tensor() const {
    return tensors_.value(tensor_->currentIndex());
}

MaskSource MaskPanel::mask() const {
    const int index = mask_->currentIndex();
    return index >= 0 && size_t(index) < choices_.size() ? choices_[size_t(index)].source : MaskSource{};
}

MaskSource MaskPanel::other() const {
    const int index = other_->currentIndex() - 1;
    return index >= 0 && size_t(index) < choices_.size() ? choices_[size_t(index)].source : MaskSource{};
}

MaskColors MaskPanel::colors() const {
    return MaskColors(std::max(0, colors_->currentIndex()));
}

void MaskPanel::setView(std::shared_ptr<const MaskView> view, const QString& problem) {
    const bool fresh = !view || !view_ || view->request.tensor != view_->request.tensor ||
                       view->request.model != view_->request.model;
    view_ = std::move(view);
    problem_ = problem;
    Layer layer;
    if (view_) {
        const MaskedMatrix& matrix = view_->matrix;
        layer.image = view_->picture;
        const bool groups = view_->picture->width() == matrix.groups() && !view_->scalar &&
                            view_->request.colors == MaskColors::Patterns;
        layer.rectInImage =
            QRectF(0, 0, double(groups ? 4 * matrix.groups() : matrix.columns), double(matrix.rows));
        layer.display.scalar = view_->scalar;
        layer.display.colorMap = ColorMap::Magma;
        layer.display.range = view_->range;
        tiles_->setImageSize({matrix.columns, matrix.rows});
    }
    tiles_->setLayer(layer);
    if (fresh)
        tiles_->link()->fit();
    group_->setView(view_);
    moveTo(fresh ? QPoint() : group_->group());
    refreshFacts();
    refreshOverlay({});
}

void MaskPanel::setBusy(bool busy) {
    busy_ = busy;
    refreshOverlay({});
}

void MaskPanel::showGroup(int64_t row, int64_t group) {
    moveTo({int(group), int(row)});
    tiles_->link()->setCamera({{4.0 * double(group) + 2, double(row) + 0.5}, kGroupScale, false});
}

void MaskPanel::moveTo(QPoint group) {
    group_->setGroup(group);
    groupText_->setText(group_->text());
    std::vector<ViewMarker> markers;
    if (view_) {
        ViewMarker marker;
        marker.kind = OverlayMarker::Kind::Box;
        marker.box = QRectF(4.0 * group_->group().x(), group_->group().y(), 4, 1);
        marker.color = Qt::white;
        markers.push_back(marker);
    }
    tiles_->setMarkers(std::move(markers));
}

void MaskPanel::hover(QPointF inImage, bool inside) {
    if (!view_ || !inside)
        return refreshOverlay({});
    const MaskedMatrix& matrix = view_->matrix;
    const auto row = int64_t(std::floor(inImage.y())), column = int64_t(std::floor(inImage.x()));
    if (row < 0 || column < 0 || row >= matrix.rows || column >= matrix.columns)
        return refreshOverlay({});
    const int64_t at = row * matrix.columns + column;
    refreshOverlay(tr("row %1, input %2: %3, %4")
                       .arg(row)
                       .arg(column)
                       .arg(double(matrix.weights[at]), 0, 'g', 4)
                       .arg(matrix.mask[at] ? tr("stays") : tr("goes")));
}

void MaskPanel::refreshOverlay(const QString& readout) {
    OverlayModel model;
    model.busy = busy_;
    model.error = problem_;
    if (view_) {
        model.title = QString::fromStdString(view_->request.tensor);
        model.subtitle = tr("%1 × %2").arg(view_->matrix.rows).arg(view_->matrix.columns);
        model.hasScale = view_->scalar;
        model.colorMap = ColorMap::Magma;
        model.range = view_->range;
        model.unit = tr("size of the weight");
    } else if (problem_.isEmpty()) {
        model.hint = tr("Open a model, then choose a tensor");
    }
    if (!readout.isEmpty())
        model.readout = {readout};
    tiles_->setOverlayModel(model);
}

}  // namespace vitrine
