#include "widgets/view/overlay_parts.h"

#include "widgets/base/theme.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr float kControlWidth = 248.0f;

std::string shortNumber(double value) {
    return QString::number(value, 'g', 3).toStdString();
}

void drawMarker(ImDrawList* list, const OverlayMarker& marker) {
    const ImVec2 at(float(marker.position.x()), float(marker.position.y()));
    const ImU32 color = imColor32(marker.color.isValid() ? marker.color : QColor("#ffffff"));
    const ImU32 shadow = IM_COL32(0, 0, 0, 170);
    const auto cross = [&](float inner, float outer, ImU32 ink, float width) {
        list->AddLine({at.x - outer, at.y}, {at.x - inner, at.y}, ink, width);
        list->AddLine({at.x + inner, at.y}, {at.x + outer, at.y}, ink, width);
        list->AddLine({at.x, at.y - outer}, {at.x, at.y - inner}, ink, width);
        list->AddLine({at.x, at.y + inner}, {at.x, at.y + outer}, ink, width);
    };
    switch (marker.kind) {
        case OverlayMarker::Kind::Cursor:
            cross(3, 11, shadow, 3.0f);
            cross(3, 11, color, 1.2f);
            break;
        case OverlayMarker::Kind::Probe:
        case OverlayMarker::Kind::Match:
            list->AddCircle(at, 7, shadow, 24, 4.0f);
            list->AddCircle(at, 7, color, 24, 2.0f);
            list->AddCircleFilled(at, 2.0f, color);
            break;
        case OverlayMarker::Kind::Box:
            list->AddRect({float(marker.box.left()), float(marker.box.top())},
                          {float(marker.box.right()), float(marker.box.bottom())}, shadow, 0, 0, 3.5f);
            list->AddRect({float(marker.box.left()), float(marker.box.top())},
                          {float(marker.box.right()), float(marker.box.bottom())}, color, 0, 0, 1.5f);
            break;
    }
    if (!marker.label.isEmpty()) {
        const QByteArray label = marker.label.toUtf8();
        list->AddText({at.x + 12, at.y - 6}, shadow, label.constData());
        list->AddText({at.x + 11, at.y - 7}, color, label.constData());
    }
}

}  // namespace

void drawOverlayControls(const OverlayModel& model, const std::function<void(const char*)>& remember,
                         const std::function<void(const char*, const QVariant&)>& emitAction) {
    ImGui::PushItemWidth(kControlWidth - 96);
    if (model.layerCount > 0) {
        int layer = model.layer < 0 ? model.layerCount + 1 : model.layer;
        const std::string label = model.layer < 0 ? "final" : std::to_string(model.layer);
        if (ImGui::SliderInt("layer", &layer, 0, model.layerCount + 1, label.c_str()))
            emitAction("layer", layer > model.layerCount ? -1 : layer);
        remember("layer");
    }
    if (model.resolutions.size() > 1) {
        int index = model.resolution;
        const std::string label = std::to_string(model.resolutions[size_t(index)]) + " px";
        if (ImGui::SliderInt("resolution", &index, 0, int(model.resolutions.size()) - 1, label.c_str()))
            emitAction("resolution", index);
        remember("resolution");
    }
    if (!model.upsamplers.isEmpty()) {
        const QByteArray current = model.upsamplers.value(model.upsampler).toUtf8();
        if (ImGui::BeginCombo("upsampler", current.constData())) {
            for (int i = 0; i < model.upsamplers.size(); ++i)
                if (ImGui::Selectable(model.upsamplers[i].toUtf8().constData(), i == model.upsampler))
                    emitAction("upsampler", i);
            ImGui::Separator();
            if (ImGui::Selectable("trained one (folder)…"))
                emitAction("openUpsampler", true);
            ImGui::EndCombo();
        }
        remember("upsampler");
        if (!model.upsamplerNote.isEmpty())
            ImGui::TextDisabled("%s", model.upsamplerNote.toUtf8().constData());
    }
    for (const OverlayNumber& number : model.numbers) {
        const QByteArray name = number.name.toUtf8(), label = number.label.toUtf8();
        const QByteArray text =
            (number.text.isEmpty() ? QString::number(number.value) : number.text).toUtf8();
        int value = number.value;
        if (ImGui::SliderInt(label.constData(), &value, number.low, number.high, text.constData(),
                             ImGuiSliderFlags_AlwaysClamp | ImGuiSliderFlags_NoInput))
            emitAction(name.constData(), value);
        remember(name.constData());
    }
    if (model.hasBasis) {
        bool locked = model.basisLocked;
        if (ImGui::Checkbox("lock PCA basis", &locked))
            emitAction("basisLock", locked);
        remember("basisLock");
    }
    if (model.hasScaleControls) {
        const std::string current = colorMapName(model.chosenColorMap);
        if (ImGui::BeginCombo("colours", current.c_str())) {
            for (const ColorMap map : allColorMaps())
                if (ImGui::Selectable(colorMapName(map).c_str(), map == model.chosenColorMap))
                    emitAction("colorMap", int(map));
            ImGui::EndCombo();
        }
        remember("colorMap");
        float clip = float(model.clipPercent);
        if (ImGui::SliderFloat("clip", &clip, 0, 20, "%.1f %%"))
            emitAction("clip", double(clip));
        remember("clip");
        bool locked = model.rangeLocked;
        if (ImGui::Checkbox("same range in all panels", &locked))
            emitAction("rangeLock", locked);
        remember("rangeLock");
    }
    if (model.hasExposure) {
        float exposure = float(model.exposure), gamma = float(model.gamma);
        if (ImGui::SliderFloat("exposure", &exposure, -8, 8, "%+.1f EV"))
            emitAction("exposure", double(exposure));
        if (ImGui::SliderFloat("gamma", &gamma, 0.5f, 4, "%.2f"))
            emitAction("gamma", double(gamma));
    }
    ImGui::PopItemWidth();
}

void drawOverlayColorBar(const OverlayModel& model) {
    constexpr float kLeastWidth = 150, kHeight = 9, kGap = 8;
    const std::string low = shortNumber(model.range.low), high = shortNumber(model.range.high);
    const QByteArray unit = model.unit.toUtf8();
    const float lowWidth = ImGui::CalcTextSize(low.c_str()).x,
                highWidth = ImGui::CalcTextSize(high.c_str()).x;
    const float unitWidth = unit.isEmpty() ? 0 : ImGui::CalcTextSize(unit.constData()).x + 2 * kGap;
    // The unit stands in the middle: it must clear the wider of both numbers.
    const float width = std::max(kLeastWidth, unitWidth + 2 * std::max(lowWidth, highWidth));
    ImDrawList* list = ImGui::GetWindowDrawList();
    const ImVec2 at = ImGui::GetCursorScreenPos();
    constexpr int kSteps = 64;
    const ColorTable& table = colorTable(model.colorMap);
    for (int i = 0; i < kSteps; ++i) {
        const Rgb8 color = table[size_t(i * 255 / (kSteps - 1))];
        list->AddRectFilled({at.x + width * float(i) / kSteps, at.y},
                            {at.x + width * float(i + 1) / kSteps, at.y + kHeight},
                            IM_COL32(color.r, color.g, color.b, 255));
    }
    ImGui::Dummy({width, kHeight});
    const float left = ImGui::GetCursorPosX();
    ImGui::TextUnformatted(low.c_str());
    if (!unit.isEmpty()) {
        ImGui::SameLine(left + (width - unitWidth) / 2 + kGap);
        ImGui::TextDisabled("%s", unit.constData());
    }
    ImGui::SameLine(left + width - highWidth);
    ImGui::TextUnformatted(high.c_str());
}

void drawOverlayBackground(ImDrawList* list, const Overlay::Frame& frame, ImFont* numberFont, ImVec2 size) {
    const auto [width, height] = size;
    for (const OverlayText& text : frame.texts) {
        const QByteArray bytes = text.text.toUtf8();
        const ImVec2 extent = numberFont->CalcTextSizeA(kOverlayFontSize - 2, 1e9f, 0, bytes.constData());
        const ImU32 ink = text.dark ? IM_COL32(0, 0, 0, 230) : IM_COL32(255, 255, 255, 235);
        list->AddText(numberFont, kOverlayFontSize - 2,
                      {float(text.position.x()) - extent.x / 2, float(text.position.y()) - extent.y / 2}, ink,
                      bytes.constData());
    }
    for (const OverlayMarker& marker : frame.markers)
        drawMarker(list, marker);
    if (frame.wipe >= 0) {
        const float x = float(frame.wipe) * width;
        list->AddLine({x, 0}, {x, height}, IM_COL32(0, 0, 0, 160), 4);
        list->AddLine({x, 0}, {x, height}, IM_COL32(255, 255, 255, 240), 1.5f);
        list->AddCircleFilled({x, height / 2}, 9, IM_COL32(20, 20, 24, 230));
        list->AddCircle({x, height / 2}, 9, IM_COL32(255, 255, 255, 240), 24, 1.5f);
    }
    if (frame.active)
        list->AddRect({1, 1}, {width - 1, height - 1}, imColor32(Theme::instance().colors().accent), 0, 0, 2);
}

}  // namespace vitrine
