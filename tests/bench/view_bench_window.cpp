#include "tests/bench/view_bench_window.h"

#include "app/desktop/inspect/inspect_workspace.h"
#include "core/commands/core_commands.h"
#include "tests/support/temporary_folder.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/gallery/gallery_view.h"
#include "widgets/gallery/thumbnail_store.h"
#include "widgets/shell/main_window.h"
#include "widgets/view/tile_view.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QProcess>
#include <QTimer>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <numeric>

namespace vitrine {
namespace {

struct Window {
    CommandRegistry registry;
    std::unique_ptr<MainWindow> window;
    InspectWorkspace* inspect = nullptr;

    Window() {
        declareCoreCommands(registry);
        window = std::make_unique<MainWindow>(registry);
        inspect = new InspectWorkspace(window.get());
        window->addWorkspace(inspect);
        window->resize(1600, 900);
        window->show();
        settle(0.5);
    }
    static void settle(double seconds) {
        QElapsedTimer timer;
        timer.start();
        while (double(timer.elapsed()) < seconds * 1000)
            QApplication::processEvents(QEventLoop::WaitForMoreEvents | QEventLoop::AllEvents, 5);
    }
    // Handles events until `done`; milliseconds, negative: it was not within a minute.
    template <typename Done>
    static double timeUntil(Done done) {
        QElapsedTimer timer;
        timer.start();
        // Waits as the program's own loop does: spinning would take a core from those who draw and compute.
        QTimer wake;
        wake.start(5);
        while (!done()) {
            if (timer.elapsed() > 60'000)
                return -1;
            QApplication::processEvents(QEventLoop::WaitForMoreEvents);
        }
        return double(timer.nsecsElapsed()) / 1e6;
    }
    void waitUntilIdle() {
        for (int quiet = 0; quiet < 3;) {
            settle(0.05);
            quiet = window->isBusy() ? 0 : quiet + 1;
        }
    }
};

}  // namespace

Times timesOf(std::vector<double> milliseconds) {
    if (milliseconds.empty())
        return {};
    std::sort(milliseconds.begin(), milliseconds.end());
    const size_t count = milliseconds.size();
    return {milliseconds[count / 2], milliseconds[std::min(count - 1, count * 95 / 100)], milliseconds.back(),
            int(count)};
}

Json jsonOf(const Times& times, double target) {
    return {{"median", times.median},
            {"p95", times.p95},
            {"worst", times.worst},
            {"count", times.count},
            {"target", target}};
}

Json benchThumbnails(const std::filesystem::path& folder, int repeats) {
    std::vector<double> cold, warm;
    qsizetype pictures = 0;
    for (int repeat = 0; repeat < 2 * repeats; ++repeat) {
        const bool first = repeat % 2 == 0;
        static std::unique_ptr<testing::TemporaryFolder> cache;
        if (first)
            cache = std::make_unique<testing::TemporaryFolder>();
        ::setenv("VITRINE_CACHE_DIR", cache->path().c_str(), 1);
        Window window;
        auto* gallery = window.inspect->findChild<GalleryView*>("galleryView");
        const auto shown = [&] {
            const GalleryModel& model = *window.inspect->gallery();
            if (model.rowCount() == 0)
                return false;
            const auto [from, to] = gallery->visibleRows();
            for (int row = from; row <= to; ++row)
                if (!gallery->hasThumbnail(row))
                    return false;
            return true;
        };
        const QString path = QString::fromStdString(folder.string());
        QElapsedTimer timer;
        timer.start();
        window.window->openPaths({path});
        Window::timeUntil(shown);
        gallery->viewport()->repaint();
        (first ? cold : warm).push_back(double(timer.nsecsElapsed()) / 1e6);
        pictures = window.inspect->gallery()->rowCount();
        window.waitUntilIdle();
    }
    return {{"pictures", pictures},
            {"decodedMs", jsonOf(timesOf(cold), 500)},
            {"cachedMs", jsonOf(timesOf(warm), 500)}};
}

Json benchHover(const std::filesystem::path& picture, const std::filesystem::path& model, int repeats) {
    Window window;
    InspectController& controller = window.inspect->controller();
    CommandCenter& commands = window.window->commands();
    window.window->openPaths(
        {QString::fromStdString(picture.string()), QString::fromStdString(model.string())});
    window.waitUntilIdle();
    const int64_t layers = controller.models().empty() ? 0 : controller.models().front().info.layerCount;
    const Json panels[] = {{{"upsampler", "bilinear"}},
                           {{"upsampler", "bicubic"}},
                           {{"upsampler", "bilinear"}, {"layer", std::max<int64_t>(0, layers / 2)}},
                           {{"upsampler", "jbu"}}};
    commands.run("inspect.probe", {{"x", 300}, {"y", 300}});
    Json settings = Json::array();
    for (int index = 0; index < 4; ++index) {
        Json panel = panels[index];
        panel["panel"] = index + 1;
        panel["kind"] = "similarity";
        commands.run("inspect.panel", panel);
        settings.push_back(panel);
    }
    window.waitUntilIdle();
    std::vector<TileView*> views;
    std::vector<int> swapped(4, 0);
    for (int index = 0; index < 4; ++index) {
        views.push_back(window.inspect->findChild<TileView*>(QStringLiteral("view%1").arg(index + 1)));
        QObject::connect(views.back(), &QOpenGLWidget::frameSwapped, views.back(),
                         [&swapped, index] { ++swapped[size_t(index)]; });
    }
    std::vector<double> times, making;  // making: what the engine says, of all four maps
    ImageSize mapSize;
    std::fill(swapped.begin(), swapped.end(), 0);
    for (int repeat = 0; repeat < repeats; ++repeat) {
        const double x = 40 + (repeat * 211) % 940, y = 40 + (repeat * 467) % 940;
        std::vector<const MapResult*> before;
        for (int index = 0; index < 4; ++index)
            before.push_back(controller.content(index).result.get());
        std::vector<int> drawnAt(4, -1);
        commands.run("inspect.probe", {{"x", x}, {"y", y}});
        times.push_back(Window::timeUntil([&] {
            bool all = true;
            for (int index = 0; index < 4; ++index) {
                const PanelContent& content = controller.content(index);
                const bool made =
                    !content.busy && content.result && content.result.get() != before[size_t(index)];
                if (made && drawnAt[size_t(index)] < 0)
                    drawnAt[size_t(index)] = swapped[size_t(index)];  // the next frame holds it
                all = all && made && swapped[size_t(index)] > drawnAt[size_t(index)];
            }
            return all;
        }));
        mapSize = controller.content(0).result->values->size();
        making.push_back(0);
        for (int index = 0; index < 4; ++index)
            making.back() += controller.content(index).result->milliseconds;
        Window::settle(0.03);
    }
    for (std::vector<double>* list : {&times, &making})
        list->erase(list->begin(),
                    list->begin() + std::min<std::ptrdiff_t>(3, std::ptrdiff_t(list->size()) - 1));
    return {{"model", model.filename().string()},
            {"map", {mapSize.width, mapSize.height}},
            {"panels", settings},
            {"framesOfEachPanel", double(std::accumulate(swapped.begin(), swapped.end(), 0)) / 4 / repeats},
            {"makingMs", jsonOf(timesOf(making), 0)},
            {"hoverMs", jsonOf(timesOf(times), 50)}};
}

Json benchStart(const std::filesystem::path& program, int repeats) {
    testing::TemporaryFolder folder;
    std::ofstream(folder / "start.json") << R"({"name": "start", "steps": [
        {"do": "key", "keys": "Ctrl+K"}, {"do": "assert", "widget": "paletteEdit", "visible": true},
        {"do": "mark", "name": "usable"}]})";
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert("VITRINE_STATE_DIR", QString::fromStdString((folder / "state").string()));
    environment.insert("VITRINE_CACHE_DIR", QString::fromStdString((folder / "cache").string()));
    std::vector<double> usable;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        QProcess process;
        process.setProcessEnvironment(environment);
        process.setProcessChannelMode(QProcess::MergedChannels);
        QElapsedTimer timer;
        timer.start();
        process.start(QString::fromStdString(program.string()),
                      {"--tour", QString::fromStdString((folder / "start.json").string()), "--screenshots",
                       QString::fromStdString((folder / "out").string())});
        QByteArray output;
        while (process.waitForReadyRead(20'000)) {
            output += process.readAll();
            if (output.contains("mark: usable")) {
                usable.push_back(double(timer.nsecsElapsed()) / 1e6);
                break;
            }
        }
        process.waitForFinished(20'000);
        if (usable.size() != size_t(repeat) + 1)
            return {{"error", (output + process.readAll()).toStdString()}};
    }
    return jsonOf(timesOf(usable), 1500);
}

}  // namespace vitrine
