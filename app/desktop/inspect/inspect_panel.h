// One viewport of the Inspect workspace: a header (what is shown, of which model, compared with what) over a
// TileView.
#pragma once

#include "app/desktop/inspect/inspect_controller.h"
#include "widgets/view/tile_view.h"

#include <QWidget>

class QToolButton;

namespace vitrine {

class ElidedCombo;

class InspectPanel : public QWidget {
    Q_OBJECT
  public:
    InspectPanel(InspectController* controller, int index, ViewLink* link, QWidget* parent = nullptr);

    TileView* view() const { return view_; }
    int index() const { return index_; }
    // Takes over state and content of the controller.
    void refresh();
    // The panel that this one is compared with changed.
    void setSecond(const Layer& layer);
    // The layer as it is drawn, with the display settings in effect.
    const Layer& layer() const { return view_->layer(); }
    // Range shared by all panels, if locked.
    void setSharedRange(std::optional<ValueRange> range);
    std::optional<ValueRange> ownRange() const { return ownRange_; }

  signals:
    void stateEdited(int index, const PanelState& state);
    void basisLockRequested(int index, bool lock);
    void rangeLockRequested(bool lock);
    void provenanceRequested(int index);
    void openUpsamplerRequested(int index);
    void layerShown(int index);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void buildHeader();
    void handleAction(const QString& name, const QVariant& value);
    void showContent();
    Layer layerOfContent() const;
    std::vector<ViewMarker> rankMarkers() const;
    // The picture, or what is there of it while it is read.
    std::shared_ptr<const Image> shownPicture() const;
    // Names that the controls offer: what the engine knows, and the folder of the trained one in use.
    std::vector<std::string> upsamplerNames() const;
    OverlayModel overlayModel() const;
    QStringList readoutAt(QPointF inImage) const;
    // What the header shows: it is built again only when this changes, not with every map.
    struct Header {
        MapKind kind = MapKind::Image;
        std::vector<std::string> modelPaths;
        std::string modelPath;
        PanelCompare compare = PanelCompare::None;
        int compareWith = 0, panelCount = 0;
        bool operator==(const Header&) const = default;
    };
    Header header() const;
    void refreshHeader();
    void fitHeader();

    InspectController* controller_;
    int index_;
    std::optional<Header> shownHeader_;
    TileView* view_;
    ElidedCombo* kind_;
    ElidedCombo* model_;
    ElidedCombo* compare_;
    QToolButton *controls_, *info_ = nullptr;
    std::shared_ptr<const MapResult> shownResult_;
    std::shared_ptr<const Image> shownImage_;
    Layer base_;  // without display settings of the panel's state
    std::optional<ValueRange> ownRange_, sharedRange_;
    double exposure_ = 0, gamma_ = 2.2, shownClip_ = -1;
    std::optional<QPointF> cursor_;
};

// Model pixels of the short side that can be chosen, ascending; the preferred one among them.
std::vector<int> resolutionsOf(const EncoderInfo& info);

}  // namespace vitrine
