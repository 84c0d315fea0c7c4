// The assertions of scripted walks.
#include "app/desktop/inspect/inspect_workspace.h"
#include "app/desktop/tour/tour.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/runs/project.h"
#include "widgets/base/stall_detector.h"
#include "widgets/shell/main_window.h"
#include "widgets/view/tile_view.h"

#include <QAbstractButton>
#include <QClipboard>
#include <QComboBox>
#include <QFileInfo>
#include <QGuiApplication>
#include <QLabel>
#include <QLineEdit>
#include <QOpenGLWidget>
#include <QPlainTextEdit>
#include <QRegularExpression>
#include <QTextBrowser>
#include <cmath>
#include <fstream>

namespace vitrine {
namespace {

QString textOf(const QWidget& widget) {
    if (const auto* label = qobject_cast<const QLabel*>(&widget))
        return label->text();
    if (const auto* edit = qobject_cast<const QLineEdit*>(&widget))
        return edit->text();
    if (const auto* combo = qobject_cast<const QComboBox*>(&widget))
        return combo->currentText();
    if (const auto* button = qobject_cast<const QAbstractButton*>(&widget))
        return button->text();
    if (const auto* text = qobject_cast<const QTextEdit*>(&widget))
        return text->toPlainText();
    if (const auto* text = qobject_cast<const QPlainTextEdit*>(&widget))
        return text->toPlainText();
    if (!widget.accessibleName().isEmpty() || !widget.accessibleDescription().isEmpty())
        return QStringLiteral("%1; %2").arg(widget.accessibleName(), widget.accessibleDescription());
    return widget.windowTitle();
}

Result<void> compareText(const Json& step, const QString& found) {
    if (step.contains("equals") && found != QString::fromStdString(step["equals"].get<std::string>()))
        return fail(ErrorCode::Internal, fmt::format("expected '{}', found '{}'",
                                                     step["equals"].get<std::string>(), found.toStdString()));
    if (step.contains("contains") &&
        !found.contains(QString::fromStdString(step["contains"].get<std::string>()), Qt::CaseInsensitive))
        return fail(ErrorCode::Internal,
                    fmt::format("expected something with '{}', found '{}'",
                                step["contains"].get<std::string>(), found.toStdString()));
    if (step.contains("matches") &&
        !found.contains(QRegularExpression(QString::fromStdString(step["matches"].get<std::string>()))))
        return fail(ErrorCode::Internal,
                    fmt::format("expected something like '{}', found '{}'",
                                step["matches"].get<std::string>(), found.toStdString()));
    return {};
}

struct PixelStatistics {
    double mean = 0, deviation = 0;
};

PixelStatistics statisticsOf(const QImage& image) {
    double sum = 0, squares = 0, count = 0;
    for (int y = 0; y < image.height(); y += 2)
        for (int x = 0; x < image.width(); x += 2) {
            const double grey = qGray(image.pixel(x, y));
            sum += grey;
            squares += grey * grey;
            ++count;
        }
    const double mean = sum / std::max(1.0, count);
    return {mean, std::sqrt(std::max(0.0, squares / std::max(1.0, count) - mean * mean))};
}

}  // namespace

Result<void> Tour::check(const Json& step) {
    if (step.contains("widget"))
        return checkWidget(step);
    if (step.contains("view"))
        return checkView(step);
    if (step.contains("sql"))
        return checkSql(step);
    if (step.contains("file")) {
        VITRINE_TRY(const std::string content, readFile(expanded(step["file"].get<std::string>())));
        return compareText(step, QString::fromUtf8(content.data(), qsizetype(content.size())));
    }
    if (step.contains("toast")) {
        const std::string wanted = step["toast"];
        const QString found = window_.toasts().visibleTexts().join(" | ");
        if (wanted.empty() ? !found.isEmpty() : !found.contains(QString::fromStdString(wanted)))
            return fail(ErrorCode::Internal, fmt::format("notices say '{}'", found.toStdString()));
        return compareText(step, found);
    }
    if (step.contains("clipboard"))
        return checkClipboard(step);
    if (step.contains("stallsBelow") || step.contains("memoryBelow"))
        return checkWatch(step);
    if (step.contains("action")) {
        const std::string name = step["action"];
        const bool enabled = window_.commands().action(name, &window_)->isEnabled();
        if (enabled != step.value("enabled", true))
            return fail(ErrorCode::Internal,
                        fmt::format("the action is {}", enabled ? "enabled" : "disabled"), name);
        return {};
    }
    if (step.contains("selection")) {
        auto* inspect = qobject_cast<InspectWorkspace*>(window_.workspace("inspect"));
        QStringList names, wanted;
        for (const QString& path : inspect->selection().selected())
            names.append(QFileInfo(path).fileName());
        for (const auto& name : step["selection"])
            wanted.append(QString::fromStdString(name.get<std::string>()));
        if (names != wanted)
            return fail(ErrorCode::Internal,
                        fmt::format("selected are '{}'", names.join(", ").toStdString()));
        return {};
    }
    return fail(ErrorCode::InvalidArgument, "this assertion says nothing to compare");
}

Result<void> Tour::checkWidget(const Json& step) {
    VITRINE_TRY(QWidget * target, widget(step, "widget"));
    if (step.contains("visible") && target->isVisible() != step["visible"].get<bool>())
        return fail(ErrorCode::Internal,
                    target->isVisible() ? "the widget is visible" : "the widget is hidden");
    if (step.contains("enabled") && target->isEnabled() != step["enabled"].get<bool>())
        return fail(ErrorCode::Internal,
                    target->isEnabled() ? "the widget is enabled" : "the widget is disabled");
    if ((step.contains("widthAbove") && target->width() <= step["widthAbove"].get<int>()) ||
        (step.contains("widthBelow") && target->width() >= step["widthBelow"].get<int>()))
        return fail(ErrorCode::Internal, fmt::format("the widget is {} pixels wide", target->width()));
    VITRINE_TRY_VOID(compareText(step, textOf(*target)));
    if (!step.contains("deviationAbove") && !step.contains("meanBetween"))
        return {};
    auto* drawn = qobject_cast<QOpenGLWidget*>(target);
    return checkPixels(step, drawn ? drawn->grabFramebuffer() : target->grab().toImage());
}

// "image": a picture at least as large as "minimum"; "text": with "contains" or "equals".
Result<void> Tour::checkClipboard(const Json& step) {
    const QClipboard& clipboard = *QGuiApplication::clipboard();
    if (step["clipboard"] == "text")
        return compareText(step, clipboard.text());
    const QImage image = clipboard.image();
    const int minimum = step.value("minimum", 1);
    if (image.width() < minimum || image.height() < minimum)
        return fail(ErrorCode::Internal, fmt::format("the clipboard holds a picture of {} x {} pixels",
                                                     image.width(), image.height()));
    return checkPixels(step, image);
}

Result<void> Tour::checkView(const Json& step) {
    VITRINE_TRY(TileView * target, view(step));
    const OverlayModel& model = target->overlayModel();
    if (step.contains("title") &&
        !model.title.contains(QString::fromStdString(step["title"].get<std::string>())))
        return fail(ErrorCode::Internal, fmt::format("the view's title is '{}'", model.title.toStdString()));
    if (step.contains("error")) {
        const QString wanted = QString::fromStdString(step["error"].get<std::string>());
        if (wanted.isEmpty() ? !model.error.isEmpty() : !model.error.contains(wanted))
            return fail(ErrorCode::Internal, fmt::format("the view says '{}'", model.error.toStdString()));
    }
    for (const auto& [key, found] : {std::pair("subtitle", model.subtitle),
                                     std::pair("note", model.upsamplerNote), std::pair("unit", model.unit)})
        if (step.contains(key) && !found.contains(QString::fromStdString(step[key].get<std::string>())))
            return fail(ErrorCode::Internal, fmt::format("the view's {} is '{}'", key, found.toStdString()));
    if (step.contains("hint") &&
        !model.hint.contains(QString::fromStdString(step["hint"].get<std::string>())))
        return fail(ErrorCode::Internal, fmt::format("the view's hint is '{}'", model.hint.toStdString()));
    if (step.contains("readout") &&
        !model.readout.join("\n").contains(QString::fromStdString(step["readout"].get<std::string>())))
        return fail(ErrorCode::Internal,
                    fmt::format("the read-out is '{}'", model.readout.join(" / ").toStdString()));
    return checkPixels(step, target->grabFramebuffer());
}

Result<void> Tour::checkPixels(const Json& step, const QImage& shown) {
    const PixelStatistics pixels = statisticsOf(shown);
    if (step.contains("deviationAbove") && !(pixels.deviation > step["deviationAbove"].get<double>()))
        return fail(ErrorCode::Internal,
                    fmt::format("grey values of the view deviate by {:.2f} only", pixels.deviation));
    if (step.contains("meanBetween") && (pixels.mean < step["meanBetween"][0].get<double>() ||
                                         pixels.mean > step["meanBetween"][1].get<double>()))
        return fail(ErrorCode::Internal,
                    fmt::format("the mean grey value of the view is {:.2f}", pixels.mean));
    return {};
}

namespace {

// Most resident memory since it was reset, in MiB; of Linux.
double peakMemory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:"))
            return std::stod(line.substr(6)) / 1024;
    return 0;
}

}  // namespace

Result<void> Tour::startWatch() {
    auto* application = qobject_cast<Application*>(qApp);
    if (!application)
        return fail(ErrorCode::Internal, "this application counts no stalls");
    application->resetLongestEvent();
    std::ofstream("/proc/self/clear_refs") << "5";
    return {};
}

Result<void> Tour::checkWatch(const Json& step) {
    const auto* application = qobject_cast<Application*>(qApp);
    const Stall longest = application ? application->longestEvent() : Stall();
    const double memory = peakMemory();
    log::info("watched: longest event {:.0f} ms computing ({:.0f} ms in all; {} at {}), memory {:.0f} MiB",
              longest.computing, longest.milliseconds, longest.event.toStdString(),
              longest.receiver.toStdString(), memory);
    if (step.contains("stallsBelow") && longest.computing >= step["stallsBelow"].get<double>())
        return fail(ErrorCode::Internal,
                    fmt::format("the interface computed for {:.0f} ms: {} at {}", longest.computing,
                                longest.event.toStdString(), longest.receiver.toStdString()));
    if (step.contains("memoryBelow") && memory >= step["memoryBelow"].get<double>())
        return fail(ErrorCode::Internal, fmt::format("{:.0f} MiB of memory were in use", memory));
    return {};
}

// One value of the open project's database, as text.
Result<void> Tour::checkSql(const Json& step) {
    VITRINE_TRY(const Project project,
                Project::open(window_.commands().project(), Project::Access::ReadOnly));
    VITRINE_TRY(const SqlValue value, project.database().scalar(step["sql"].get<std::string>()));
    return compareText(step, QString::fromStdString(vitrine::textOf(value)));
}

}  // namespace vitrine
