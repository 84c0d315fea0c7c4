// State of a TileView, shared by the files that make it up.
#pragma once

#include "widgets/view/tile_pyramid.h"
#include "widgets/view/tile_renderer.h"
#include "widgets/view/tile_view.h"

#include <QPointer>
#include <atomic>
#include <deque>

namespace vitrine {

struct TileView::Private {
    ImageSize imageSize;
    Layer first, second, difference;
    std::shared_ptr<TilePyramid> firstPyramid, secondPyramid, differencePyramid;
    QString differenceBadge;
    // What the difference was asked of, and the number of that request: each view has its own, the worker is
    // shared.
    Layer differenceFirst, differenceSecond;
    std::shared_ptr<std::atomic<uint64_t>> differenceRequest = std::make_shared<std::atomic<uint64_t>>(0);
    CompareMode mode = CompareMode::None;
    double wipe = 0.5;
    bool blinked = false;
    QTimer blinkTimer, probeTimer;
    std::vector<ViewMarker> markers;
    ViewLink ownLink;
    QPointer<ViewLink> link;
    OverlayModel model;
    Overlay overlay;
    bool controlsVisible = false;
    TileRenderer renderer;
    bool more = false;

    QPointF pressedAt, lastAt;
    bool pressed = false, dragging = false, draggingWipe = false;
    std::deque<double> frameTimes;
};

}  // namespace vitrine
