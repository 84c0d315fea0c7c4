// The controls drawn over a picture with Dear ImGui: title, probe read-out, layer and resolution scrubbers,
// upsampler, basis lock, colour scale. It reads a snapshot of what is shown and answers with actions; it
// keeps no state of record. One ImGui context per view. No ImGui header here.
#pragma once

#include "core/media/color_map.h"
#include "core/media/value_range.h"

#include <QColor>
#include <QEvent>
#include <QObject>
#include <QPointF>
#include <QRectF>
#include <QStringList>
#include <QVariant>
#include <memory>
#include <vector>

class QWidget;

namespace vitrine {

// A whole number that the map takes: attention head, channel, number of clusters.
struct OverlayNumber {
    QString name;  // of the action and of the control
    QString label;
    int low = 0, high = 0, value = 0;
    QString text;  // of the value, where it is not the number itself: "mean"
    bool operator==(const OverlayNumber&) const = default;
};

// What the overlay shows. Everything is given by the view's owner.
struct OverlayModel {
    QString title;     // "PCA 1–3"
    QString subtitle;  // "layer 24 · 16×16 patches · 34 ms"
    QString error;     // shown instead of the map
    QString hint;      // what to do to see something
    bool busy = false;
    bool hasControls = false;        // the map comes from a model
    int layer = -1, layerCount = 0;  // -1: final features
    std::vector<int> resolutions;    // model pixels of the short side
    int resolution = 0;              // index
    QStringList upsamplers;
    int upsampler = 0;
    QString upsamplerNote;  // what it took: time, memory
    std::vector<OverlayNumber> numbers;
    bool hasBasis = false, basisLocked = false;
    bool hasScale = false;          // what is shown is scalar: colour bar and range
    bool hasScaleControls = false;  // colours and percentile clip can be chosen
    ColorMap chosenColorMap = ColorMap::Viridis;
    QString unit;
    ColorMap colorMap = ColorMap::Viridis;
    ValueRange range;
    double clipPercent = 1;
    bool rangeLocked = false;
    bool hasExposure = false;  // a float picture
    double exposure = 0, gamma = 2.2;
    QStringList readout;  // lines about what is under the cursor; the first is emphasised
    bool operator==(const OverlayModel&) const = default;
};

// Text to draw at a picture position (values inside magnified pixels), in device-independent pixels.
struct OverlayText {
    QPointF position;
    QString text;
    bool dark = false;  // dark ink, for bright pixels
};

// A marker in device-independent pixels.
struct OverlayMarker {
    enum class Kind { Probe, Cursor, Match, Box };
    Kind kind = Kind::Probe;
    QPointF position;
    QRectF box;
    QString label;
    QColor color;
};

class Overlay : public QObject {
    Q_OBJECT
  public:
    explicit Overlay(QObject* parent = nullptr);
    ~Overlay() override;

    // With the view's OpenGL context current.
    void initialize(float pixelRatio);
    void release();
    struct Frame {
        const OverlayModel* model = nullptr;
        std::vector<OverlayText> texts;
        std::vector<OverlayMarker> markers;
        double wipe = -1;       // position in [0, 1]; negative: no wipe line
        QString badge;          // "A", "B", "|A − B| mean 0.012"
        bool expanded = false;  // show the controls
        bool active = false;    // this view has the keyboard
    };
    // Draws one frame; true: another is wanted soon (an animation, or the mouse is on the controls).
    bool draw(const QWidget& view, const Frame& frame);
    // Takes mouse input; true: the controls used it and the view must not.
    bool handleEvent(QEvent& event);
    // Whether a position (device-independent pixels) is on the controls.
    bool covers(QPointF position) const;
    // Where a control was drawn last ("layer", "upsampler"), for scripted walks; empty if not shown.
    QRectF controlRect(const QString& name) const;

  signals:
    // The names of OverlayModel::numbers int, "layer" int, "resolution" int (index), "upsampler" int,
    // "openUpsampler" bool (another one is wanted), "basisLock" bool, "clip" double, "colorMap" int,
    // "rangeLock" bool, "exposure" double, "gamma" double.
    void action(const QString& name, const QVariant& value);

  private:
    struct Private;
    std::unique_ptr<Private> d_;
};

}  // namespace vitrine
