// The window: vitrine-desktop [folder|picture|model]… Only wiring; nothing heavy is loaded before it is
// shown.
#include "app/desktop/compress/compress_workspace.h"
#include "app/desktop/distill/distill_workspace.h"
#include "app/desktop/inspect/inspect_workspace.h"
#include "app/desktop/runs/claims_workspace.h"
#include "app/desktop/runs/runs_workspace.h"
#include "app/desktop/teachers/teachers_workspace.h"
#include "app/desktop/tour/tour.h"
#include "core/base/log.h"
#include "core/base/paths.h"
#include "core/claims/claim_commands.h"
#include "core/commands/core_commands.h"
#include "core/engine/engine_loader.h"
#include "core/engine/thread_waits.h"
#include "core/plugins/plugin_manager.h"
#include "widgets/base/stall_detector.h"
#include "widgets/base/theme.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/shell/main_window.h"

#include <CLI/CLI.hpp>

#include <QFileInfo>
#include <QSurfaceFormat>
#include <chrono>
#include <iostream>

namespace {

using namespace vitrine;

struct Options {
    std::vector<std::string> paths;
    std::string project, tour, screenshots = "screenshots", screenshot;
    bool fresh = false, keepSession = false;
};

QList<PluginLine> pluginLines() {
    PluginManager plugins(userStateFolder() / "plugins.json");
    plugins.discover(PluginManager::searchFolders());
    QList<PluginLine> lines;
    for (const PluginStatus& plugin : plugins.plugins()) {
        QStringList authors;
        for (const std::string& author : plugin.manifest.authors)
            authors.append(QString::fromStdString(author));
        lines.append({QString::fromStdString(plugin.manifest.name),
                      QString::fromStdString(plugin.manifest.kind),
                      QStringLiteral("API %1").arg(plugin.manifest.apiVersion), authors.join(", "),
                      QString::fromStdString(plugin.problem.empty() ? pluginStateName(plugin.state)
                                                                    : plugin.problem)});
    }
    return lines;
}

QList<QPair<QString, QString>> facts() {
    return {{"Version", QCoreApplication::applicationVersion()},
            {"Qt", qVersion()},
            {"Platform", QGuiApplication::platformName()},
            {"Program", QString::fromStdString(executableFolder().string())},
            {"Session", QString::fromStdString(userStateFolder().string())}};
}

// What Inspect has open is offered in a workspace that takes models and folders of pictures.
template <typename Taker>
void offerTo(InspectWorkspace& inspect, Taker& taker) {
    const auto offer = [&inspect, &taker] {
        QStringList models, folders;
        for (const LoadedModel& model : inspect.controller().models())
            models.append(QString::fromStdString(model.path));
        for (const QString& picture : inspect.gallery()->allPaths())
            if (const QString folder = QFileInfo(picture).path(); !folders.contains(folder))
                folders.append(folder);
        taker.offer(models, folders);
    };
    QObject::connect(&inspect.controller(), &InspectController::modelsChanged, &taker, offer);
    QObject::connect(inspect.gallery(), &QAbstractItemModel::modelReset, &taker, offer);
}

int runScripted(MainWindow& window, const Options& options) {
    Tour tour(window, options.tour.empty() ? std::filesystem::path(options.screenshot).parent_path()
                                           : std::filesystem::path(options.screenshots));
    Result<void> done = options.tour.empty() ? tour.waitUntilIdle(120) : tour.run(options.tour);
    if (done && !options.screenshot.empty())
        done = tour.screenshot(std::filesystem::path(options.screenshot).stem().string());
    if (!done) {
        std::cerr << "vitrine-desktop: " << done.error().text() << "\n";
        return 1;
    }
    std::cout << "the walk is done, every check holds\n";
    return 0;
}

}  // namespace

int main(int argumentCount, char** arguments) {
    shortenThreadWaits(arguments);
    const auto start = std::chrono::steady_clock::now();
    Options options;
    CLI::App parser{"Vitrine: looks inside vision encoders", "vitrine-desktop"};
    parser.set_version_flag("--version", "vitrine-desktop " VITRINE_VERSION);
    parser.add_option("paths", options.paths, "Folders, pictures or model folders to open");
    parser.add_option("--project", options.project, "Project folder (experiment database)");
    parser.add_option("--tour", options.tour, "Walk through the window by this script and check it");
    parser.add_option("--screenshots", options.screenshots, "Folder for the walk's screenshots");
    parser.add_option("--screenshot", options.screenshot,
                      "Open, wait until all is shown, save the window as PNG, quit");
    parser.add_flag("--fresh", options.fresh, "Start without the last session");
    parser.add_flag("--keep-session", options.keepSession,
                    "With --tour: start from the last session and keep what the walk changes");
    CLI11_PARSE(parser, argumentCount, arguments);

    setUpLogging("vitrine-desktop");
    QCoreApplication::setAttribute(Qt::AA_ShareOpenGLContexts);
    QSurfaceFormat format;
    format.setVersion(3, 3);
    format.setProfile(QSurfaceFormat::CoreProfile);
    format.setDepthBufferSize(24);
    format.setSwapInterval(0);  // the view is drawn when something changed, never in a loop
    QSurfaceFormat::setDefaultFormat(format);
    Application application(argumentCount, arguments);
    QCoreApplication::setApplicationName("Vitrine");
    QCoreApplication::setApplicationVersion(VITRINE_VERSION);
    const bool scripted = !options.tour.empty() || !options.screenshot.empty();
    Theme::instance().apply(true, QColor());

    CommandRegistry registry;
    declareCoreCommands(registry);
    declareClaimCommands(registry);
    declareEngineCommands(registry);
    bindCoreCommands(registry);
    bindClaimCommands(registry);
    MainWindow window(registry);
    window.setAboutFacts(facts);
    window.setPlugins(pluginLines);
    auto* inspect = new InspectWorkspace(&window);
    auto* teachers = new TeachersWorkspace(&window);
    window.addWorkspace(inspect);
    window.addWorkspace(new RunsWorkspace);
    window.addWorkspace(teachers);
    auto* distill = new DistillWorkspace(&window);
    window.addWorkspace(distill);
    window.addWorkspace(new CompressWorkspace(&window));
    window.addWorkspace(new ClaimsWorkspace(&window));
    offerTo(*inspect, *teachers);
    offerTo(*inspect, *distill);
    QObject::connect(&application, &Application::handlerFailed, &window,
                     [&](const QString& text) { window.toasts().show(ToastKind::Error, text); });
    if (!options.project.empty())
        window.setProject(std::filesystem::absolute(options.project));
    if (!scripted || options.keepSession)
        window.setSessionFile(userStateFolder() / "session.json");
    window.show();
    window.restoreSession(!options.fresh && options.paths.empty());
    log::info("window shown after {:.2f} s",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    QStringList paths;
    for (const std::string& path : options.paths)
        paths.append(QFileInfo(QString::fromStdString(path)).absoluteFilePath());
    window.openPaths(paths);
    return scripted ? runScripted(window, options) : QApplication::exec();
}
