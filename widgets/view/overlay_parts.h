// The parts of the overlay: each draws into the current ImGui context. Internal to widgets/view.
#pragma once

#include "widgets/view/overlay.h"
#include "widgets/view/overlay_style.h"

#include <functional>

namespace vitrine {

// `remember(name)` is called after each control, `emitAction(name, value)` on a change.
void drawOverlayControls(const OverlayModel& model, const std::function<void(const char*)>& remember,
                         const std::function<void(const char*, const QVariant&)>& emitAction);
void drawOverlayColorBar(const OverlayModel& model);
// In the background of the view: values, markers, the wipe's line, the frame of the active view.
void drawOverlayBackground(ImDrawList* list, const Overlay::Frame& frame, ImFont* numberFont, ImVec2 size);

}  // namespace vitrine
