#include "app/desktop/tour/tour.h"

#include "core/base/log.h"
#include "core/base/paths.h"
#include "core/runs/project.h"
#include "widgets/shell/main_window.h"
#include "widgets/view/tile_view.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QProcess>
#include <QScreen>
#include <QTest>
#include <QTimer>
#include <csignal>
#include <cstdlib>
#include <regex>

namespace vitrine {

Tour::Tour(MainWindow& window, std::filesystem::path screenshots)
    : window_(window), screenshots_(std::move(screenshots)) {}

// ${TOUR}: folder of the tour file, ${OUT}: folder of screenshots, others from the environment.
std::string Tour::expanded(const std::string& text) const {
    static const std::regex pattern(R"(\$\{([A-Za-z_]+)\})");
    std::string result, rest = text;
    std::smatch match;
    while (std::regex_search(rest, match, pattern)) {
        const char* value = std::getenv(match[1].str().c_str());
        result += match.prefix().str();
        result += match[1] == "TOUR"  ? folder_.string()
                  : match[1] == "OUT" ? screenshots_.string()
                  : value             ? value
                                      : "";
        rest = match.suffix();
    }
    return result + rest;
}

void Tour::wait(double seconds) {
    QEventLoop loop;
    QTimer::singleShot(int(seconds * 1000), &loop, &QEventLoop::quit);
    loop.exec();
}

Result<void> Tour::waitUntilIdle(double seconds) {
    QElapsedTimer timer;
    timer.start();
    // Idle twice in a row: a finished job may have queued the next.
    for (int quiet = 0; quiet < 2;) {
        wait(0.06);
        quiet = window_.isBusy() ? 0 : quiet + 1;
        if (double(timer.elapsed()) > seconds * 1000)
            return fail(ErrorCode::Internal, fmt::format("the window is still busy after {} s", seconds));
    }
    return {};
}

// The process that a query of the project names.
Result<void> Tour::killJob(const Json& step) {
    VITRINE_TRY(const Project project,
                Project::open(window_.commands().project(), Project::Access::ReadOnly));
    VITRINE_TRY(const SqlValue value, project.database().scalar(step["sql"].get<std::string>()));
    const int64_t* const process = std::get_if<int64_t>(&value);
    if (!process || *process <= 1 || ::kill(pid_t(*process), SIGKILL) != 0)
        return fail(ErrorCode::NotFound, "there is no such process to kill");
    return {};
}

// What another process writes comes when it comes.
Result<void> Tour::waitUntil(const Json& assertion, double seconds) {
    QElapsedTimer timer;
    timer.start();
    while (true) {
        const Result<void> holds = check(assertion);
        if (holds)
            return {};
        if (double(timer.elapsed()) > seconds * 1000)
            return fail(holds.error().in(fmt::format("after {} s", seconds)));
        wait(0.1);
    }
}

Result<void> Tour::run(const std::filesystem::path& file) {
    folder_ = file.parent_path();
    window_.activateWindow();
    if (!QTest::qWaitForWindowActive(&window_, 3000))
        window_.setFocus();
    VITRINE_TRY(const Json tour, readJsonFile(file));
    VITRINE_TRY(const auto steps, jsonValue<Json>(tour, "steps", file.string()));
    for (size_t index = 0; index < steps.size(); ++index) {
        const std::string where = fmt::format("{} step {} {}", file.string(), index + 1, steps[index].dump());
        if (auto done = step(steps[index]); !done) {
            (void)screenshot("failed");
            return fail(done.error().in(where));
        }
        QApplication::processEvents();
    }
    return {};
}

Result<QWidget*> Tour::widget(const Json& step, const char* key) const {
    VITRINE_TRY(const auto name, jsonValue<std::string>(step, key, "step"));
    const QString wanted = QString::fromStdString(name);
    QWidget* hidden = nullptr;
    for (QWidget* each : QApplication::allWidgets())
        if (each->objectName() == wanted) {
            if (each->isVisible())
                return each;
            hidden = each;
        }
    if (!hidden)
        return fail(ErrorCode::NotFound, fmt::format("the window has no widget named '{}'", name));
    return hidden;
}

Result<TileView*> Tour::view(const Json& step) const {
    VITRINE_TRY(QWidget * found, widget(step, "view"));
    auto* tileView = qobject_cast<TileView*>(found);
    if (!tileView)
        return fail(ErrorCode::InvalidArgument, "this widget is not a picture view");
    return tileView;
}

Result<void> Tour::step(const Json& step) {
    VITRINE_TRY(const auto action, jsonValue<std::string>(step, "do", "step"));
    if (action == "open" || action == "command" || action == "select") {
        std::string name = action == "open" ? "file.open" : action == "select" ? "inspect.select" : "";
        Json arguments = step.value("arguments", Json::object());
        if (action == "command")
            name = step.value("name", "");
        else if (action == "select")
            arguments["name"] = expanded(step.value("name", ""));
        else
            for (const auto& path : step.value("paths", Json::array()))
                arguments["paths"].push_back(expanded(path.get<std::string>()));
        arguments = Json::parse(expanded(arguments.dump()));
        if (!window_.commands().run(name, arguments))
            return fail(ErrorCode::Internal,
                        "the command failed: " + window_.toasts().visibleTexts().join("; ").toStdString());
        return {};
    }
    if (action == "wait") {
        if (step.contains("until"))
            return waitUntil(step["until"], step.value("seconds", 60.0));
        if (step.value("for", "") == "idle")
            return waitUntilIdle(step.value("seconds", 60.0));
        wait(step.value("seconds", 0.1));
        return {};
    }
    if (action == "resize") {
        window_.resize(step.value("width", 1600), step.value("height", 900));
        wait(0.2);
        return {};
    }
    if (action == "remove") {
        std::error_code failed;
        if (!std::filesystem::remove(expanded(step.value("path", "")), failed))
            return fail(ErrorCode::NotFound, "there is no such file to remove", step.value("path", ""));
        return {};
    }
    if (action == "kill")
        return killJob(step);
    if (action == "shell")
        return shellStep(expanded(step.value("run", "")), step.value("seconds", 60.0));
    if (action == "mark") {
        log::info("mark: {}", step.value("name", ""));
        return {};
    }
    if (action == "watch")
        return startWatch();
    if (action == "screenshot")
        return screenshot(step.value("name", "screenshot"));
    if (action == "assert")
        return check(step);
    if (action == "click" || action == "hover" || action == "drag" || action == "lasso" || action == "zoom" ||
        action == "drop")
        return pointerStep(action, step);
    return inputStep(action, step);
}

// What happens outside the window: other programs on the same project. The window stays alive meanwhile.
Result<void> Tour::shellStep(const std::string& line, double seconds) const {
    QProcess shell;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert("PATH",
                       QString::fromStdString(executableFolder().string()) + ":" + environment.value("PATH"));
    environment.insert("VITRINE_PROJECT", QString::fromStdString(window_.commands().project().string()));
    shell.setProcessEnvironment(environment);
    shell.setProcessChannelMode(QProcess::MergedChannels);
    shell.start("/bin/sh", {"-c", QString::fromStdString(line)});
    QElapsedTimer timer;
    timer.start();
    while (shell.state() != QProcess::NotRunning && double(timer.elapsed()) < seconds * 1000)
        wait(0.05);
    if (shell.state() != QProcess::NotRunning) {
        shell.kill();
        shell.waitForFinished(2000);
        return fail(ErrorCode::Internal, fmt::format("still at work after {} s", seconds), line);
    }
    if (shell.exitCode() != 0)
        return fail(ErrorCode::Internal, "it failed: " + shell.readAll().toStdString(), line);
    // Another window may have taken the keyboard.
    window_.activateWindow();
    wait(0.1);
    return {};
}

// What is on the screen, open lists and OpenGL included.
Result<void> Tour::screenshot(const std::string& name) {
    std::error_code failed;
    std::filesystem::create_directories(screenshots_, failed);
    wait(0.15);
    const QRect area(window_.mapToGlobal(QPoint()), window_.size());
    QPixmap picture = window_.screen()->grabWindow(0, area.x(), area.y(), area.width(), area.height());
    if (picture.isNull())
        picture = window_.grab();
    const std::filesystem::path file = screenshots_ / (name + ".png");
    if (!picture.save(QString::fromStdString(file.string()), "PNG"))
        return fail(ErrorCode::IoFailure, "the screenshot cannot be written", file.string());
    return {};
}

}  // namespace vitrine
