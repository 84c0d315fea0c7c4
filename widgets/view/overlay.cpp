#include "widgets/view/overlay.h"

#include "widgets/base/theme.h"

#include <imgui.h>
#include <imgui/backends/imgui_impl_opengl3.h>
#include <imgui_internal.h>

#include <QElapsedTimer>
#include <QFile>
#include <QHash>
#include <QMouseEvent>
#include <QWheelEvent>
#include <QWidget>
#include <map>

namespace vitrine {
namespace {

constexpr float kFontSize = 13.0f, kMargin = 8.0f, kControlWidth = 248.0f;

ImVec4 imColor(const QColor& color, float alpha = 1.0f) {
    return {float(color.redF()), float(color.greenF()), float(color.blueF()), alpha};
}

// The interface font's usual places; ImGui's built-in font where none is there.
QString fontFile(bool monospaced) {
    const QString name = monospaced ? "DejaVuSansMono.ttf" : "DejaVuSans.ttf";
    for (const char* folder : {"/usr/share/fonts/truetype/dejavu/", "/usr/share/fonts/dejavu-sans-fonts/",
                               "/usr/share/fonts/TTF/", "/usr/local/share/fonts/"})
        if (QFile::exists(folder + name))
            return folder + name;
    return {};
}

void applyStyle() {
    const ThemeColors& colors = Theme::instance().colors();
    ImGuiStyle& style = ImGui::GetStyle();
    style.WindowRounding = 6;
    style.FrameRounding = 4;
    style.PopupRounding = 5;
    style.GrabRounding = 4;
    style.GrabMinSize = 9;
    style.WindowBorderSize = 1;
    style.WindowPadding = {9, 7};
    style.FramePadding = {7, 3};
    style.ItemSpacing = {7, 5};
    style.Colors[ImGuiCol_WindowBg] = imColor(colors.panel, 0.90f);
    style.Colors[ImGuiCol_PopupBg] = imColor(colors.panel, 0.98f);
    style.Colors[ImGuiCol_Border] = imColor(colors.border, 0.8f);
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

constexpr ImGuiWindowFlags kCardFlags =
    ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove |
    ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoNav |
    ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoFocusOnAppearing;

std::string shortNumber(double value) {
    return QString::number(value, 'g', 3).toStdString();
}

}  // namespace

struct Overlay::Private {
    ImGuiContext* context = nullptr;
    ImTextureID fontTexture = nullptr;
    ImFont* numberFont = nullptr;
    bool backendReady = false;
    bool stale = true;  // style must be set again
    std::vector<QRectF> rects;
    QHash<QString, QRectF> controls;
    QElapsedTimer clock;
    int settleFrames = 0;

    struct Scope {
        ImGuiContext* before;
        explicit Scope(ImGuiContext* now) : before(ImGui::GetCurrentContext()) {
            ImGui::SetCurrentContext(now);
        }
        ~Scope() { ImGui::SetCurrentContext(before); }
    };

    // Glyphs are drawn once per pixel ratio and shared; each context has a texture of its own.
    struct Fonts {
        ImFontAtlas atlas;
        ImFont* text = nullptr;
        ImFont* number = nullptr;
    };
    static Fonts& fontsFor(float ratio) {
        static std::map<float, std::unique_ptr<Fonts>> known;
        std::unique_ptr<Fonts>& fonts = known[ratio];
        if (fonts)
            return *fonts;
        fonts = std::make_unique<Fonts>();
        // Latin, dashes and quotes, simple arrows, common mathematical signs, Greek.
        static const ImWchar ranges[] = {0x20,   0x17f,  0x2010, 0x2027, 0x2190, 0x2194, 0x2212,
                                         0x221e, 0x2248, 0x2265, 0x391,  0x3c9,  0};
        const auto load = [&](bool mono) {
            const QByteArray file = fontFile(mono).toLocal8Bit();
            ImFont* font = file.isEmpty() ? nullptr
                                          : fonts->atlas.AddFontFromFileTTF(
                                                file.constData(), kFontSize * ratio, nullptr, ranges);
            return font ? font : fonts->atlas.AddFontDefault();
        };
        fonts->text = load(false);
        fonts->number = load(true);
        return *fonts;
    }
    void remember(const char* name) {
        const ImVec2 a = ImGui::GetItemRectMin(), b = ImGui::GetItemRectMax();
        controls.insert(QString::fromLatin1(name), QRectF(QPointF(a.x, a.y), QPointF(b.x, b.y)));
    }
    void endCard() {
        const ImVec2 at = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
        rects.emplace_back(at.x, at.y, size.x, size.y);
        ImGui::End();
    }
};

Overlay::Overlay(QObject* parent) : QObject(parent), d_(std::make_unique<Private>()) {
    connect(&Theme::instance(), &Theme::changed, this, [this] { d_->stale = true; });
}

Overlay::~Overlay() {
    release();
}

void Overlay::initialize(float pixelRatio) {
    release();
    ImGuiContext* before = ImGui::GetCurrentContext();
    Private::Fonts& fonts = Private::fontsFor(pixelRatio);
    d_->context = ImGui::CreateContext(&fonts.atlas);
    ImGui::SetCurrentContext(d_->context);
    ImGui::GetIO().FontGlobalScale = 1.0f / pixelRatio;
    ImGui::GetIO().FontDefault = fonts.text;
    d_->numberFont = fonts.number;
    ImGui::GetIO().IniFilename = nullptr;
    ImGui::GetIO().LogFilename = nullptr;
    d_->backendReady = ImGui_ImplOpenGL3_Init("#version 330 core");
    d_->clock.start();
    d_->stale = true;
    ImGui::SetCurrentContext(before);
}

void Overlay::release() {
    if (!d_->context)
        return;
    {
        const Private::Scope scope(d_->context);
        if (d_->backendReady)
            ImGui_ImplOpenGL3_Shutdown();
    }
    ImGui::DestroyContext(d_->context);
    d_->context = nullptr;
    d_->backendReady = false;
    d_->fontTexture = nullptr;
}

namespace {

// Picks the widget calls for each part of the control card; `emitAction` hands a change to the owner.
template <typename Remember, typename Emit>
void drawControls(const OverlayModel& model, Remember remember, Emit emitAction) {
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
            ImGui::EndCombo();
        }
        remember("upsampler");
    }
    if (model.hasBasis) {
        bool locked = model.basisLocked;
        if (ImGui::Checkbox("lock PCA basis", &locked))
            emitAction("basisLock", locked);
        remember("basisLock");
    }
    if (model.hasScale) {
        const std::string current = colorMapName(model.colorMap);
        if (ImGui::BeginCombo("colours", current.c_str())) {
            for (const ColorMap map : allColorMaps())
                if (ImGui::Selectable(colorMapName(map).c_str(), map == model.colorMap))
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

void drawColorBar(const OverlayModel& model) {
    constexpr float kWidth = 150, kHeight = 9;
    ImDrawList* list = ImGui::GetWindowDrawList();
    const ImVec2 at = ImGui::GetCursorScreenPos();
    constexpr int kSteps = 64;
    const ColorTable& table = colorTable(model.colorMap);
    for (int i = 0; i < kSteps; ++i) {
        const Rgb8 color = table[size_t(i * 255 / (kSteps - 1))];
        list->AddRectFilled({at.x + kWidth * float(i) / kSteps, at.y},
                            {at.x + kWidth * float(i + 1) / kSteps, at.y + kHeight},
                            IM_COL32(color.r, color.g, color.b, 255));
    }
    ImGui::Dummy({kWidth, kHeight});
    const std::string low = shortNumber(model.range.low), high = shortNumber(model.range.high);
    const float left = ImGui::GetCursorPosX();
    ImGui::TextUnformatted(low.c_str());
    if (!model.unit.isEmpty()) {
        const QByteArray unit = model.unit.toUtf8();
        ImGui::SameLine(left + (kWidth - ImGui::CalcTextSize(unit.constData()).x) / 2);
        ImGui::TextDisabled("%s", unit.constData());
    }
    ImGui::SameLine(left + kWidth - ImGui::CalcTextSize(high.c_str()).x);
    ImGui::TextUnformatted(high.c_str());
}

void drawMarker(ImDrawList* list, const OverlayMarker& marker) {
    const ImVec2 at(float(marker.position.x()), float(marker.position.y()));
    const ImU32 color =
        ImGui::ColorConvertFloat4ToU32(imColor(marker.color.isValid() ? marker.color : QColor("#ffffff")));
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
                          {float(marker.box.right()), float(marker.box.bottom())}, color, 0, 0, 1.5f);
            break;
    }
    if (!marker.label.isEmpty())
        list->AddText({at.x + 11, at.y - 7}, color, marker.label.toUtf8().constData());
}

}  // namespace

bool Overlay::draw(const QWidget& view, const Frame& frame) {
    if (!d_->backendReady || !frame.model)
        return false;
    const Private::Scope scope(d_->context);
    ImGuiIO& io = ImGui::GetIO();
    const float ratio = float(view.devicePixelRatioF());
    if (d_->stale)
        applyStyle();
    d_->stale = false;
    io.DisplaySize = {float(view.width()), float(view.height())};
    io.DisplayFramebufferScale = {ratio, ratio};
    io.DeltaTime = std::max(0.001f, float(d_->clock.restart()) / 1000.0f);
    ImGui_ImplOpenGL3_NewFrame();
    if (!d_->fontTexture)
        d_->fontTexture = io.Fonts->TexID;
    io.Fonts->SetTexID(d_->fontTexture);  // the atlas is shared, the texture is this context's
    ImGui::NewFrame();
    d_->rects.clear();
    d_->controls.clear();
    const OverlayModel& model = *frame.model;
    const ThemeColors& colors = Theme::instance().colors();
    const float width = io.DisplaySize.x, height = io.DisplaySize.y;

    ImDrawList* back = ImGui::GetBackgroundDrawList();
    for (const OverlayText& text : frame.texts) {
        const QByteArray bytes = text.text.toUtf8();
        const ImVec2 size = d_->numberFont->CalcTextSizeA(kFontSize - 2, 1e9f, 0, bytes.constData());
        const ImU32 ink = text.dark ? IM_COL32(0, 0, 0, 230) : IM_COL32(255, 255, 255, 235);
        back->AddText(d_->numberFont, kFontSize - 2,
                      {float(text.position.x()) - size.x / 2, float(text.position.y()) - size.y / 2}, ink,
                      bytes.constData());
    }
    for (const OverlayMarker& marker : frame.markers)
        drawMarker(back, marker);
    if (frame.wipe >= 0) {
        const float x = float(frame.wipe) * width;
        back->AddLine({x, 0}, {x, height}, IM_COL32(0, 0, 0, 160), 4);
        back->AddLine({x, 0}, {x, height}, IM_COL32(255, 255, 255, 240), 1.5f);
        back->AddCircleFilled({x, height / 2}, 9, IM_COL32(20, 20, 24, 230));
        back->AddCircle({x, height / 2}, 9, IM_COL32(255, 255, 255, 240), 24, 1.5f);
    }
    if (frame.active)
        back->AddRect({1, 1}, {width - 1, height - 1}, ImGui::ColorConvertFloat4ToU32(imColor(colors.accent)),
                      0, 0, 2);

    ImGui::SetNextWindowPos({kMargin, kMargin});
    if (ImGui::Begin("title", nullptr, kCardFlags)) {
        ImGui::TextUnformatted(model.title.toUtf8().constData());
        if (model.busy) {
            ImGui::SameLine();
            ImGui::TextColored(imColor(colors.accent), "working…");
        }
        if (!frame.badge.isEmpty()) {
            ImGui::SameLine();
            ImGui::TextColored(imColor(colors.accent), "%s", frame.badge.toUtf8().constData());
        }
        if (!model.subtitle.isEmpty() && width > 260)
            ImGui::TextDisabled("%s", model.subtitle.toUtf8().constData());
        if (frame.expanded && (model.hasControls || model.hasScale || model.hasExposure) && height > 220) {
            ImGui::Separator();
            drawControls(
                model, [this](const char* name) { d_->remember(name); },
                [this](const char* name, const QVariant& value) {
                    // Sent after the frame: the owner may change the model that is being drawn.
                    QMetaObject::invokeMethod(
                        this, [this, name, value] { emit action(QString::fromLatin1(name), value); },
                        Qt::QueuedConnection);
                });
        }
    }
    d_->endCard();

    if (!model.error.isEmpty() || !model.hint.isEmpty()) {
        ImGui::SetNextWindowPos({width / 2, height / 2}, ImGuiCond_Always, {0.5f, 0.5f});
        if (ImGui::Begin("error", nullptr, kCardFlags)) {
            ImGui::PushTextWrapPos(std::max(160.0f, width * 0.7f));
            const QByteArray text = (model.error.isEmpty() ? model.hint : model.error).toUtf8();
            ImGui::TextColored(imColor(model.error.isEmpty() ? colors.secondaryText : colors.warning), "%s",
                               text.constData());
            ImGui::PopTextWrapPos();
        }
        d_->endCard();
    }
    if (!model.readout.isEmpty()) {
        ImGui::SetNextWindowPos({kMargin, height - kMargin}, ImGuiCond_Always, {0, 1});
        if (ImGui::Begin("readout", nullptr, kCardFlags | ImGuiWindowFlags_NoInputs)) {
            ImGui::PushFont(d_->numberFont);
            for (int i = 0; i < model.readout.size(); ++i) {
                const QByteArray line = model.readout[i].toUtf8();
                if (i == 0)
                    ImGui::TextUnformatted(line.constData());
                else
                    ImGui::TextDisabled("%s", line.constData());
            }
            ImGui::PopFont();
        }
        ImGui::End();
    }
    if (model.hasScale && width > 330) {
        ImGui::SetNextWindowPos({width - kMargin, height - kMargin}, ImGuiCond_Always, {1, 1});
        if (ImGui::Begin("scale", nullptr, kCardFlags | ImGuiWindowFlags_NoInputs))
            drawColorBar(model);
        ImGui::End();
    }
    // Open lists belong to the controls as well.
    for (const ImGuiWindow* window : d_->context->Windows)
        if (window->WasActive && (window->Flags & ImGuiWindowFlags_Popup))
            d_->rects.emplace_back(window->Pos.x, window->Pos.y, window->Size.x, window->Size.y);
    ImGui::Render();
    ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
    if (d_->settleFrames > 0) {
        --d_->settleFrames;
        return true;
    }
    return ImGui::IsAnyItemActive();
}

bool Overlay::covers(QPointF position) const {
    for (const QRectF& rect : d_->rects)
        if (rect.contains(position))
            return true;
    return false;
}

QRectF Overlay::controlRect(const QString& name) const {
    return d_->controls.value(name);
}

bool Overlay::handleEvent(QEvent& event) {
    if (!d_->context)
        return false;
    const Private::Scope scope(d_->context);
    ImGuiIO& io = ImGui::GetIO();
    const bool dragging = ImGui::IsAnyItemActive();
    const auto place = [&](QPointF at) { io.MousePos = {float(at.x()), float(at.y())}; };
    switch (event.type()) {
        case QEvent::MouseButtonPress:
        case QEvent::MouseButtonDblClick: {
            const auto& mouse = static_cast<QMouseEvent&>(event);
            place(mouse.position());
            if (mouse.button() != Qt::LeftButton)
                return false;
            const bool popupOpen = !d_->context->OpenPopupStack.empty();
            if (!covers(mouse.position()) && !popupOpen)
                return false;
            io.MouseDown[0] = true;
            d_->settleFrames = 3;
            return true;
        }
        case QEvent::MouseButtonRelease: {
            const auto& mouse = static_cast<QMouseEvent&>(event);
            place(mouse.position());
            const bool wasDown = io.MouseDown[0];
            io.MouseDown[0] = false;
            d_->settleFrames = 3;
            return wasDown && mouse.button() == Qt::LeftButton;
        }
        case QEvent::MouseMove: {
            place(static_cast<QMouseEvent&>(event).position());
            const bool over = covers(static_cast<QMouseEvent&>(event).position());
            if (over)
                d_->settleFrames = 2;
            return dragging || io.MouseDown[0] || over;
        }
        case QEvent::Wheel: {
            const auto& wheel = static_cast<QWheelEvent&>(event);
            return covers(wheel.position());
        }
        case QEvent::Leave:
            if (!dragging)
                io.MousePos = {-FLT_MAX, -FLT_MAX};
            return false;
        default:
            return false;
    }
}

}  // namespace vitrine
