// Fonts and colours of the controls that Dear ImGui draws. Internal to widgets/view.
#pragma once

#include <imgui.h>

#include <QColor>

namespace vitrine {

constexpr float kOverlayFontSize = 13.0f;  // device-independent pixels

// Glyphs are drawn once per pixel ratio and shared; each context has a texture of its own.
struct OverlayFonts {
    ImFontAtlas atlas;
    ImFont* text = nullptr;
    ImFont* number = nullptr;  // monospaced
};
OverlayFonts& overlayFonts(float pixelRatio);

ImVec4 imColor(const QColor& color, float alpha = 1.0f);
ImU32 imColor32(const QColor& color, float alpha = 1.0f);

// The theme's colours for the current context.
void applyOverlayStyle();

}  // namespace vitrine
