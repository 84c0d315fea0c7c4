#include "widgets/view/overlay_style.h"

#include "widgets/base/theme.h"

#include <QFile>
#include <map>
#include <memory>

namespace vitrine {
namespace {

// The interface font's usual places; ImGui's built-in font where none is there.
QString fontFile(bool monospaced) {
    const QString name = monospaced ? "DejaVuSansMono.ttf" : "DejaVuSans.ttf";
    for (const char* folder : {"/usr/share/fonts/truetype/dejavu/", "/usr/share/fonts/dejavu-sans-fonts/",
                               "/usr/share/fonts/TTF/", "/usr/local/share/fonts/"})
        if (QFile::exists(folder + name))
            return folder + name;
    return {};
}

// Latin, dashes and quotes, simple arrows, common mathematical signs, Greek.
constexpr ImWchar kGlyphRanges[] = {0x20,   0x17f,  0x2010, 0x2027, 0x2190, 0x2194, 0x2212,
                                    0x221e, 0x2248, 0x2265, 0x391,  0x3c9,  0};

ImFont* loadFont(ImFontAtlas& atlas, bool monospaced, float pixels) {
    const QByteArray file = fontFile(monospaced).toLocal8Bit();
    ImFont* font =
        file.isEmpty() ? nullptr : atlas.AddFontFromFileTTF(file.constData(), pixels, nullptr, kGlyphRanges);
    return font ? font : atlas.AddFontDefault();
}

}  // namespace

OverlayFonts& overlayFonts(float pixelRatio) {
    static std::map<float, std::unique_ptr<OverlayFonts>> known;
    std::unique_ptr<OverlayFonts>& fonts = known[pixelRatio];
    if (!fonts) {
        fonts = std::make_unique<OverlayFonts>();
        fonts->text = loadFont(fonts->atlas, false, kOverlayFontSize * pixelRatio);
        fonts->number = loadFont(fonts->atlas, true, kOverlayFontSize * pixelRatio);
    }
    return *fonts;
}

ImVec4 imColor(const QColor& color, float alpha) {
    return {float(color.redF()), float(color.greenF()), float(color.blueF()), alpha};
}

ImU32 imColor32(const QColor& color, float alpha) {
    return ImGui::ColorConvertFloat4ToU32(imColor(color, alpha));
}

void applyOverlayStyle() {
    const ThemeColors& colors = Theme::instance().colors();
    ImGuiStyle& style = ImGui::GetStyle();
    style.WindowRounding = 6;
    style.FrameRounding = 4;
    style.PopupRounding = 5;
    style.GrabRounding = 4;
    style.GrabMinSize = 9;
    style.WindowBorderSize = 1;
    style.FrameBorderSize = 1;  // without it the frame of a slider is lost on a dark card
    style.WindowPadding = {9, 7};
    style.FramePadding = {7, 3};
    style.ItemSpacing = {7, 5};
    style.Colors[ImGuiCol_WindowBg] = imColor(colors.panel, 0.90f);
    style.Colors[ImGuiCol_PopupBg] = imColor(colors.panel, 0.98f);
    style.Colors[ImGuiCol_Border] = imColor(colors.secondaryText, 0.45f);
    style.Colors[ImGuiCol_Text] = imColor(colors.text);
    style.Colors[ImGuiCol_TextDisabled] = imColor(colors.secondaryText);
    style.Colors[ImGuiCol_FrameBg] = imColor(colors.raised, 0.95f);
    style.Colors[ImGuiCol_FrameBgHovered] = imColor(colors.border);
    style.Colors[ImGuiCol_FrameBgActive] = imColor(colors.border);
    style.Colors[ImGuiCol_SliderGrab] = imColor(colors.accent);
    style.Colors[ImGuiCol_SliderGrabActive] = imColor(colors.accent);
    style.Colors[ImGuiCol_CheckMark] = imColor(colors.accent);
    style.Colors[ImGuiCol_Button] = imColor(colors.raised);
    style.Colors[ImGuiCol_ButtonHovered] = imColor(colors.border);
    style.Colors[ImGuiCol_ButtonActive] = imColor(colors.selection);
    style.Colors[ImGuiCol_Header] = imColor(colors.selection);
    style.Colors[ImGuiCol_HeaderHovered] = imColor(colors.selection);
    style.Colors[ImGuiCol_HeaderActive] = imColor(colors.selection);
}

}  // namespace vitrine
