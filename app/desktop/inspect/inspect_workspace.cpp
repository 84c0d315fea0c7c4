#include "app/desktop/inspect/inspect_workspace.h"

#include "app/desktop/inspect/analysis/analysis_workbench.h"
#include "app/desktop/inspect/clouds/cloud_workbench.h"
#include "app/desktop/inspect/inspect_panel.h"
#include "app/desktop/inspect/provenance.h"
#include "core/base/paths.h"
#include "core/media/image_reader.h"
#include "widgets/base/theme.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/gallery/thumbnail_cache.h"
#include "widgets/gallery/thumbnail_store.h"
#include "widgets/shell/main_window.h"

#include <QApplication>
#include <QGridLayout>
#include <QTextBrowser>
#include <algorithm>
#include <cmath>

namespace vitrine {

constexpr int kProvenanceRestMs = 120;
constexpr double kThumbnailSide = 192;  // device-independent pixels
static const QString kSource = QStringLiteral("inspect");

InspectWorkspace::InspectWorkspace(MainWindow* window)
    : Workspace("inspect", tr("Inspect"), "inspect"),
      window_(window),
      controller_(new InspectController(window->jobs(), this)) {
    if (const auto limit = thumbnailCacheLimit())
        thumbnailCache_ = std::make_shared<ThumbnailCache>(userCacheFolder() / "thumbnails", *limit);
    else
        window->toasts().show(
            ToastKind::Error,
            tr("Thumbnails are not kept on disk: %1").arg(QString::fromStdString(limit.error().text())));
    const auto newStore = [this](size_t threads) {
        return new ThumbnailStore(
            [](const std::filesystem::path& path, int64_t maxSide) { return readThumbnail(path, maxSide); },
            thumbnailCache_, int(std::lround(kThumbnailSide * qApp->devicePixelRatio())), threads, this);
    };
    thumbnails_ = newStore(2);
    plotThumbnails_ = newStore(1);
    galleryModel_ = new GalleryModel(&selection_, this);
    panelArea_ = new QWidget;
    grid_ = new QGridLayout(panelArea_);
    grid_->setContentsMargins(0, 0, 0, 0);
    grid_->setSpacing(4);
    setCentralWidget(panelArea_);
    buildGallery();
    buildInspector();
    buildEmbedding();
    buildClouds();
    buildAnalyses();
    connect(&selection_, &SelectionManager::selectionChanged, this, [this] {
        if (!selection_.current().isEmpty())
            controller_->setPicture(selection_.current());
        analyses_->follow();
    });
    connect(controller_, &InspectController::failed, this,
            [this](const QString& message) { window_->toasts().show(ToastKind::Error, message); });
    connect(controller_, &InspectController::panelChanged, this, &InspectWorkspace::refreshPanel);
    // The page of what made a map is laid out and painted when the maps have been drawn and no newer one
    // came: nobody reads it while the probe moves, and it would delay them.
    provenanceTimer_.setSingleShot(true);
    provenanceTimer_.setInterval(kProvenanceRestMs);
    connect(&provenanceTimer_, &QTimer::timeout, this, [this] { showProvenance(active_); });
    // The page is text with colours in it.
    connect(&Theme::instance(), &Theme::changed, this, [this] { showProvenance(active_); });
    connect(controller_, &InspectController::modelsChanged, this, [this] {
        for (InspectPanel* panel : panels_)
            panel->refresh();
        showProvenance(active_);
    });
    connect(controller_, &InspectController::pictureChanged, this, [this] {
        if (const auto probe = controller_->probe())
            link_.setProbe(QPointF(probe->positionInImage.x, probe->positionInImage.y));
        placeCamera();
    });
    connect(&link_, &ViewLink::cursorChanged, this, [this] {
        if (probeFollowsMouse_ && link_.cursor())
            window_->commands().run("inspect.probe",
                                    {{"x", link_.cursor()->x()}, {"y", link_.cursor()->y()}});
    });
}

InspectWorkspace::~InspectWorkspace() = default;

void InspectWorkspace::setPanelCount(int count) {
    controller_->setPanelCount(count);
    buildPanels();
}

void InspectWorkspace::buildPanels() {
    const int count = controller_->panelCount();
    while (panels_.size() > count)
        delete panels_.takeLast();
    while (panels_.size() < count) {
        const int index = int(panels_.size());
        auto* panel = new InspectPanel(controller_, index, &link_);
        panels_.append(panel);
        connect(panel, &InspectPanel::stateEdited, this, &InspectWorkspace::editPanel);
        connect(panel, &InspectPanel::basisLockRequested, this, [this](int from, bool lock) {
            active_ = from;
            window_->commands().run("inspect.lockBasis", {{"lock", lock}});
        });
        connect(panel, &InspectPanel::rangeLockRequested, this, [this](bool lock) {
            rangeLocked_ = lock;
            updateSharedRange();
        });
        connect(panel, &InspectPanel::provenanceRequested, this, &InspectWorkspace::showProvenance);
        connect(panel, &InspectPanel::openUpsamplerRequested, this, [this](int from) {
            active_ = from;
            window_->commands().run("inspect.openUpsampler");
        });
        connect(panel->view(), &TileView::probed, this, [this](QPointF at) {
            window_->commands().run("inspect.probe", {{"x", at.x()}, {"y", at.y()}});
        });
        panel->view()->setContextMenuPolicy(Qt::CustomContextMenu);
        connect(panel->view(), &QWidget::customContextMenuRequested, this,
                [this, index](QPoint at) { showPanelMenu(index, at); });
        connect(panel->view(), &TileView::activated, this, [this, index] {
            active_ = index;
            showProvenance(index);
        });
    }
    const int columns = count == 6 ? 3 : count >= 2 ? 2 : 1;
    for (int index = 0; index < count; ++index) {
        grid_->removeWidget(panels_[index]);
        grid_->addWidget(panels_[index], index / columns, index % columns);
    }
    for (int row = 0; row < 3; ++row)
        grid_->setRowStretch(row, row * columns < count ? 1 : 0);
    for (int column = 0; column < 3; ++column)
        grid_->setColumnStretch(column, column < columns ? 1 : 0);
    active_ = std::min(active_, count - 1);
    for (InspectPanel* panel : panels_) {
        panel->show();
        panel->refresh();
    }
    refreshComparisons();
}

void InspectWorkspace::refreshPanel(int index) {
    if (index >= panels_.size())
        return;
    panels_[index]->refresh();
    refreshComparisons();
    updateSharedRange();
    if (index == active_)
        provenanceTimer_.start();
}

void InspectWorkspace::refreshComparisons() {
    for (InspectPanel* panel : panels_) {
        const PanelState& state = controller_->panel(panel->index());
        const bool possible = state.compareWith < panels_.size() && state.compareWith != panel->index();
        panel->setSecond(possible ? panels_[state.compareWith]->layer() : Layer());
    }
}

void InspectWorkspace::updateSharedRange() {
    std::optional<ValueRange> shared;
    for (InspectPanel* panel : panels_)
        if (const auto own = panel->ownRange(); rangeLocked_ && own)
            shared = shared ? ValueRange{std::min(shared->low, own->low), std::max(shared->high, own->high)}
                            : *own;
    for (InspectPanel* panel : panels_)
        panel->setSharedRange(shared);
}

void InspectWorkspace::editPanel(int index, const PanelState& state) {
    const auto argumentsOf = [index](const PanelState& panel) {
        Json arguments = panel.toJson();
        arguments["panel"] = index + 1;
        return arguments;
    };
    window_->commands().runUndoable(tr("Change viewport %1").arg(index + 1), "inspect.panel",
                                    argumentsOf(controller_->panel(index)), argumentsOf(state));
}

void InspectWorkspace::showProvenance(int index) {
    if (index < 0 || index >= panels_.size())
        return;
    active_ = index;
    provenanceTimer_.stop();
    provenance_->setHtml(provenanceHtml(*controller_, index));
}

void InspectWorkspace::stepPicture(int step) {
    const int row = galleryModel_->rowOf(selection_.current());
    const QString next =
        galleryModel_->pathAt(std::clamp(row + step, 0, std::max(0, galleryModel_->rowCount() - 1)));
    if (!next.isEmpty())
        selection_.select({next}, kSource);
}

bool InspectWorkspace::isBusy() const {
    return scanning_ > 0 || provenanceTimer_.isActive() || controller_->isBusy() || clouds_->isBusy() ||
           analyses_->isBusy() ||
           (!selection_.current().isEmpty() && controller_->picture() != selection_.current());
}

}  // namespace vitrine
