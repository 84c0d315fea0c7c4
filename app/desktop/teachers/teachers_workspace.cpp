#include "app/desktop/teachers/teachers_workspace.h"

#include "app/desktop/teachers/collect_panel.h"
#include "core/io/language_files.h"
#include "core/runs/project.h"
#include "widgets/shell/main_window.h"

#include <QFileInfo>
#include <QLabel>
#include <QStackedWidget>

namespace vitrine {

constexpr int kPanelWidth = 320;

TeachersWorkspace::TeachersWorkspace(MainWindow* window)
    : Workspace("teachers", tr("Teachers"), "chart"),
      window_(window),
      controller_(new TeachersController(this)),
      pages_(new QStackedWidget),
      message_(new QLabel),
      view_(new StatisticsView) {
    message_->setObjectName("teachersMessage");
    message_->setAlignment(Qt::AlignCenter);
    message_->setWordWrap(true);
    message_->setProperty("role", "secondary");
    message_->setText(
        tr("Tick teachers and pictures on the left and press Collect.\n\nThe scale, spectrum and "
           "channel statistics of their features are kept in the project."));
    pages_->addWidget(message_);
    pages_->addWidget(view_);
    setCentralWidget(pages_);
    auto* panel = new CollectPanel(controller_);
    QDockWidget* dock = addPanel("collectDock", tr("Collect"), panel, Qt::LeftDockWidgetArea);
    resizeDocks({dock}, {kPanelWidth}, Qt::Horizontal);
    connect(panel, &CollectPanel::collectRequested, this,
            [this] { window_->commands().run("teachers.collect"); });
    connect(panel, &CollectPanel::cancelRequested, this,
            [this] { window_->commands().run("teachers.cancel"); });
    connect(panel, &CollectPanel::openRequested, this, [this](const QString& run) {
        window_->commands().run("teachers.open", {{"run", run.toStdString()}});
    });
    connect(panel, &CollectPanel::addRequested, this, &TeachersWorkspace::chooseInput);
    connect(controller_, &TeachersController::shownChanged, this, &TeachersWorkspace::refreshPages);
    connect(controller_, &TeachersController::finished, this, [this](const QString& run) {
        window_->toasts().show(ToastKind::Success, tr("Run %1 is done").arg(run));
    });
    connect(view_, &StatisticsView::normalizerChosen, this, [this](const QString& name) {
        window_->commands().run("teachers.normalizer", {{"name", name.toStdString()}});
    });
    connect(view_, &StatisticsView::normsChosen, view_, &StatisticsView::setShowNorms);
    connect(view_, &StatisticsView::menuRequested, this, &TeachersWorkspace::showMenu);
}

void TeachersWorkspace::followProject() {
    controller_->openProject(window_->commands().project());
}

bool TeachersWorkspace::isBusy() const {
    return controller_->isBusy();
}

void TeachersWorkspace::refreshPages() {
    const auto shown = controller_->shown();
    if (shown)
        view_->setStatistics(shown->list, shown->caption);
    pages_->setCurrentWidget(shown ? static_cast<QWidget*>(view_) : message_);
}

bool TeachersWorkspace::openPath(const QString& path) {
    if (Project::exists(path.toStdString()) || isLanguageModelPath(path.toStdString()))
        return false;  // of the Runs and the Compress workspace
    const bool model = looksLikeModel(path);
    if (!model && !QFileInfo(path).isDir())
        return false;
    CollectSettings settings = controller_->settings();
    settings.add(path, model);
    controller_->setSettings(settings);
    return true;
}

void TeachersWorkspace::offer(const QStringList& models, const QStringList& folders) {
    CollectSettings settings = controller_->settings();
    for (const bool model : {true, false})
        for (const QString& path : model ? models : folders) {
            const auto& known = model ? settings.models : settings.pictures;
            if (std::none_of(known.begin(), known.end(), [&](const auto& each) { return each.path == path; }))
                settings.add(path, model);
        }
    controller_->setSettings(settings);
}

Json TeachersWorkspace::saveSession() const {
    const auto shown = controller_->shown();
    return {{"settings", controller_->settings().toJson()},
            {"run", shown ? shown->runId : std::string()},
            {"normalizer", view_->normalizer().toStdString()},
            {"norms", view_->showsNorms()}};
}

void TeachersWorkspace::restoreSession(const Json& session) {
    if (!session.is_object())
        return;
    controller_->setSettings(CollectSettings::fromJson(session.value("settings", Json::object())));
    if (session.contains("norms") && session["norms"].is_boolean())
        view_->setShowNorms(session["norms"]);
    view_->preferNormalizer(QString::fromStdString(session.value("normalizer", std::string("phi-s"))));
    if (const std::string run = session.value("run", std::string()); !run.empty())
        controller_->open(run);
}

}  // namespace vitrine
