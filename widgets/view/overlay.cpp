#include "widgets/view/overlay.h"

#include "widgets/base/theme.h"
#include "widgets/view/overlay_parts.h"

#include <imgui/backends/imgui_impl_opengl3.h>
#include <imgui_internal.h>

#include <QElapsedTimer>
#include <QHash>
#include <QMouseEvent>
#include <QWheelEvent>
#include <QWidget>
#include <cmath>

namespace vitrine {
namespace {

constexpr float kMargin = 8.0f;

constexpr ImGuiWindowFlags kCardFlags =
    ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove |
    ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoNav |
    ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoFocusOnAppearing;

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
    float pixelRatio = 1;

    struct Scope {
        ImGuiContext* before;
        explicit Scope(ImGuiContext* now) : before(ImGui::GetCurrentContext()) {
            ImGui::SetCurrentContext(now);
        }
        ~Scope() { ImGui::SetCurrentContext(before); }
    };

    void remember(const char* name) {
        const ImVec2 a = ImGui::GetItemRectMin(), b = ImGui::GetItemRectMax();
        controls.insert(QString::fromLatin1(name), QRectF(QPointF(a.x, a.y), QPointF(b.x, b.y)));
    }
    void endCard() {
        const ImVec2 at = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
        rects.emplace_back(at.x, at.y, size.x, size.y);
        ImGui::End();
    }
    // A card takes the size of its content one frame after the content changed, and a new one is hidden until
    // then.
    bool hasUnfittedCard() const {
        for (const ImGuiWindow* window : context->Windows) {
            if (!window->Active)
                continue;
            const float width = window->DC.CursorMaxPos.x - window->DC.CursorStartPos.x;
            const float height = window->DC.CursorMaxPos.y - window->DC.CursorStartPos.y;
            if (window->Hidden || std::floor(width) != window->ContentSize.x ||
                std::floor(height) != window->ContentSize.y)
                return true;
        }
        return false;
    }
    void beginFrame(const QWidget& view);
    void drawTitleCard(const Frame& frame, ImVec2 size,
                       const std::function<void(const char*, const QVariant&)>& emitAction);
    void drawMessageCard(const OverlayModel& model, ImVec2 size);
    // Returns its extent; zero if there is none.
    ImVec2 drawReadoutCard(const OverlayModel& model, ImVec2 size);
    void drawScaleCard(const OverlayModel& model, ImVec2 size, ImVec2 readout);
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
    OverlayFonts& fonts = overlayFonts(pixelRatio);
    d_->context = ImGui::CreateContext(&fonts.atlas);
    ImGui::SetCurrentContext(d_->context);
    ImGui::GetIO().FontGlobalScale = 1.0f / pixelRatio;
    ImGui::GetIO().FontDefault = fonts.text;
    d_->numberFont = fonts.number;
    ImGui::GetIO().IniFilename = nullptr;
    ImGui::GetIO().LogFilename = nullptr;
    d_->backendReady = ImGui_ImplOpenGL3_Init("#version 330 core");
    d_->pixelRatio = pixelRatio;
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

void Overlay::Private::beginFrame(const QWidget& view) {
    ImGuiIO& io = ImGui::GetIO();
    const float ratio = float(view.devicePixelRatioF());
    if (stale)
        applyOverlayStyle();
    stale = false;
    io.DisplaySize = {float(view.width()), float(view.height())};
    io.DisplayFramebufferScale = {ratio, ratio};
    io.DeltaTime = std::max(0.001f, float(clock.restart()) / 1000.0f);
    ImGui_ImplOpenGL3_NewFrame();
    if (!fontTexture)
        fontTexture = io.Fonts->TexID;
    io.Fonts->SetTexID(fontTexture);  // the atlas is shared, the texture is this context's
    ImGui::NewFrame();
    rects.clear();
    controls.clear();
}

void Overlay::Private::drawTitleCard(const Frame& frame, ImVec2 size,
                                     const std::function<void(const char*, const QVariant&)>& emitAction) {
    const OverlayModel& model = *frame.model;
    const ImVec4 accent = imColor(Theme::instance().colors().accent);
    ImGui::SetNextWindowPos({kMargin, kMargin});
    if (ImGui::Begin("title", nullptr, kCardFlags)) {
        ImGui::TextUnformatted(model.title.toUtf8().constData());
        if (model.busy) {
            ImGui::SameLine();
            ImGui::TextColored(accent, "working…");
        }
        if (!frame.badge.isEmpty()) {
            ImGui::SameLine();
            ImGui::TextColored(accent, "%s", frame.badge.toUtf8().constData());
        }
        if (!model.subtitle.isEmpty() && size.x > 260)
            ImGui::TextDisabled("%s", model.subtitle.toUtf8().constData());
        if (frame.expanded && (model.hasControls || model.hasScaleControls || model.hasExposure) &&
            size.y > 220) {
            ImGui::Separator();
            drawOverlayControls(
                model, [this](const char* name) { remember(name); }, emitAction);
        }
    }
    endCard();
}

void Overlay::Private::drawMessageCard(const OverlayModel& model, ImVec2 size) {
    if (model.error.isEmpty() && model.hint.isEmpty())
        return;
    const ThemeColors& colors = Theme::instance().colors();
    ImGui::SetNextWindowPos({size.x / 2, size.y / 2}, ImGuiCond_Always, {0.5f, 0.5f});
    if (ImGui::Begin("error", nullptr, kCardFlags)) {
        ImGui::PushTextWrapPos(std::max(160.0f, size.x * 0.7f));
        const QByteArray text = (model.error.isEmpty() ? model.hint : model.error).toUtf8();
        ImGui::TextColored(imColor(model.error.isEmpty() ? colors.secondaryText : colors.warning), "%s",
                           text.constData());
        ImGui::PopTextWrapPos();
    }
    endCard();
}

ImVec2 Overlay::Private::drawReadoutCard(const OverlayModel& model, ImVec2 size) {
    if (model.readout.isEmpty())
        return {0, 0};
    ImVec2 extent;
    ImGui::SetNextWindowPos({kMargin, size.y - kMargin}, ImGuiCond_Always, {0, 1});
    if (ImGui::Begin("readout", nullptr, kCardFlags | ImGuiWindowFlags_NoInputs)) {
        ImGui::PushFont(numberFont);
        for (int i = 0; i < model.readout.size(); ++i) {
            const QByteArray line = model.readout[i].toUtf8();
            if (i == 0)
                ImGui::TextUnformatted(line.constData());
            else
                ImGui::TextDisabled("%s", line.constData());
        }
        ImGui::PopFont();
        extent = ImGui::GetWindowSize();
    }
    ImGui::End();
    return extent;
}

// Right of the read-out, or above it where both do not fit side by side.
void Overlay::Private::drawScaleCard(const OverlayModel& model, ImVec2 size, ImVec2 readout) {
    constexpr float kScaleWidth = 170;
    if (!model.hasScale || size.x < kScaleWidth + 2 * kMargin || size.y < 150)
        return;
    const bool beside = readout.x + kScaleWidth + 3 * kMargin <= size.x;
    const float bottom = size.y - kMargin - (beside ? 0 : readout.y + kMargin / 2);
    ImGui::SetNextWindowPos({size.x - kMargin, bottom}, ImGuiCond_Always, {1, 1});
    if (ImGui::Begin("scale", nullptr, kCardFlags | ImGuiWindowFlags_NoInputs))
        drawOverlayColorBar(model);
    ImGui::End();
}

bool Overlay::draw(const QWidget& view, const Frame& frame) {
    if (!d_->backendReady || !frame.model)
        return false;
    // The window was moved to a screen with other pixels: glyphs are drawn anew.
    if (const float ratio = float(view.devicePixelRatioF()); ratio != d_->pixelRatio)
        initialize(ratio);
    const Private::Scope scope(d_->context);
    d_->beginFrame(view);
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    drawOverlayBackground(ImGui::GetBackgroundDrawList(), frame, d_->numberFont, size);
    // Sent after the frame: the owner may change the model that is being drawn.
    d_->drawTitleCard(frame, size, [this](const char* name, const QVariant& value) {
        QMetaObject::invokeMethod(
            this, [this, name = QString::fromLatin1(name), value] { emit action(name, value); },
            Qt::QueuedConnection);
    });
    d_->drawMessageCard(*frame.model, size);
    d_->drawScaleCard(*frame.model, size, d_->drawReadoutCard(*frame.model, size));
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
    return ImGui::IsAnyItemActive() || d_->hasUnfittedCard();
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
