#include "app/desktop/teachers/teachers_workspace.h"

#include "app/desktop/teachers/cloud_style.h"
#include "app/desktop/teachers/collect_panel.h"
#include "core/io/language_files.h"
#include "core/runs/project.h"
#include "widgets/shell/main_window.h"
#include "widgets/teachers/statistics_charts.h"

#include <QFileInfo>
#include <QLabel>
#include <QStackedWidget>
#include <QTabWidget>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

constexpr int kPanelWidth = 320;

TeachersWorkspace::TeachersWorkspace(MainWindow* window)
    : Workspace("teachers", tr("Teachers"), "chart"),
      window_(window),
      controller_(new TeachersController(this)),
      pages_(new QStackedWidget),
      message_(new QLabel),
      bar_(new StreamBar),
      tabs_(new QTabWidget),
      view_(new StatisticsView),
      covariance_(new CovarianceView),
      cloud_(new FeatureCloudView),
      errors_(new ErrorView),
      space_(new FeatureSpace(covariance_, cloud_, errors_, this)) {
    message_->setObjectName("teachersMessage");
    message_->setAlignment(Qt::AlignCenter);
    message_->setWordWrap(true);
    message_->setProperty("role", "secondary");
    message_->setText(
        tr("Tick teachers and pictures on the left and press Collect.\n\nThe scale, spectrum and "
           "channel statistics of their features are kept in the project."));
    pages_->addWidget(message_);
    buildResults();
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
}

void TeachersWorkspace::buildResults() {
    auto* results = new QWidget;
    results->setAttribute(Qt::WA_StyledBackground);
    auto* layout = new QVBoxLayout(results);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    tabs_->setObjectName("teacherPages");
    tabs_->setDocumentMode(true);
    tabs_->addTab(view_, tr("Statistics"));
    tabs_->addTab(covariance_, tr("Covariance"));
    tabs_->addTab(cloud_, tr("Feature cloud"));
    tabs_->addTab(errors_, tr("Errors"));
    layout->addWidget(bar_);
    layout->addWidget(tabs_, 1);
    pages_->addWidget(results);
    bar_->setStreamShown(false);
    connect(tabs_, &QTabWidget::currentChanged, this, [this](int page) {
        bar_->setStreamShown(page != 0);
        space_->setVisible(tabs_->currentWidget());
    });
    const auto run = [this](const char* command, const char* key, const Json& value) {
        window_->commands().run(command, {{key, value}});
    };
    connect(bar_, &StreamBar::normalizerChosen, this,
            [run](const QString& name) { run("teachers.normalizer", "name", name.toStdString()); });
    connect(bar_, &StreamBar::streamChosen, this,
            [run](const QString& name) { run("teachers.stream", "name", name.toStdString()); });
    connect(covariance_, &CovarianceView::correlationChosen, this, [run](bool correlation) {
        run("teachers.covariance", "values", correlation ? "correlation" : "covariance");
    });
    connect(cloud_, &FeatureCloudView::styleChosen, this, [this](const FeatureCloudStyle& style) {
        window_->commands().run("teachers.cloud", cloudStyleToJson(style));
    });
    connect(errors_, &ErrorView::channelsChosen, this, [this](const ErrorChannels& channels) {
        Json arguments = Json::object();
        if (channels.first >= 0)
            arguments["first"] = channels.first;
        if (channels.second >= 0)
            arguments["second"] = channels.second;
        window_->commands().run("teachers.errors", arguments);
    });
    connect(view_, &StatisticsView::normsChosen, view_, &StatisticsView::setShowNorms);
    connect(view_, &StatisticsView::menuRequested, this,
            [this](StatisticsPart part, QPoint at) { showMenu(statisticsPartName(part), at); });
    connect(covariance_, &CovarianceView::menuRequested, this,
            [this](QPoint at) { showMenu("covariance", at); });
    connect(cloud_, &FeatureCloudView::menuRequested, this, [this](QPoint at) { showMenu("cloud", at); });
    connect(errors_, &ErrorView::menuRequested, this, [this](QPoint at) { showMenu("errors", at); });
}

void TeachersWorkspace::followProject() {
    controller_->openProject(window_->commands().project());
}

bool TeachersWorkspace::isBusy() const {
    return controller_->isBusy() || space_->isBusy();
}

QStringList TeachersWorkspace::streamNames() const {
    const auto shown = controller_->shown();
    return shown ? statisticsNames(shown->list) : QStringList();
}

void TeachersWorkspace::refreshPages() {
    const auto shown = controller_->shown();
    pages_->setCurrentIndex(shown ? 1 : 0);
    if (!shown)
        return;
    const QStringList normalizers = normalizersOf(shown->list);
    if (!normalizers.contains(normalizer_) && !normalizers.isEmpty())
        normalizer_ = normalizers.last();
    if (!streamNames().contains(stream_))
        stream_ = streamNames().value(0);
    bar_->setCaption(shown->caption);
    view_->setStatistics(shown->list, normalizer_);
    refreshStream();
}

void TeachersWorkspace::refreshStream() {
    const auto shown = controller_->shown();
    if (!shown)
        return;
    const auto index = qsizetype(std::max<qsizetype>(0, streamNames().indexOf(stream_)));
    bar_->setNormalizers(normalizersOf(shown->list), normalizer_);
    bar_->setStreams(streamNames(), int(index));
    view_->setNormalizer(normalizer_);
    space_->setStream(shown, size_t(index), normalizer_);
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
            {"normalizer", normalizer_.toStdString()},
            {"stream", stream_.toStdString()},
            {"page", tabs_->currentIndex()},
            {"correlation", covariance_->showsCorrelation()},
            {"cloud", cloudStyleToJson(cloud_->style())},
            {"errorChannels", {errors_->channels().first, errors_->channels().second}},
            {"norms", view_->showsNorms()}};
}

void TeachersWorkspace::restoreSession(const Json& session) {
    if (!session.is_object())
        return;
    controller_->setSettings(CollectSettings::fromJson(session.value("settings", Json::object())));
    if (session.contains("norms") && session["norms"].is_boolean())
        view_->setShowNorms(session["norms"]);
    if (session.contains("correlation") && session["correlation"].is_boolean())
        covariance_->setShowCorrelation(session["correlation"]);
    if (const auto style = cloudStyleFromJson(session.value("cloud", Json::object()), cloud_->style()))
        space_->setCloudStyle(*style);
    const Json channels = session.value("errorChannels", Json::array());
    if (channels.size() == 2 && channels[0].is_number_integer() && channels[1].is_number_integer())
        space_->setErrorChannels({channels[0].get<int>(), channels[1].get<int>()});
    if (session.contains("page") && session["page"].is_number_integer())
        tabs_->setCurrentIndex(std::clamp(session["page"].get<int>(), 0, tabs_->count() - 1));
    normalizer_ = QString::fromStdString(session.value("normalizer", std::string("phi-s")));
    stream_ = QString::fromStdString(session.value("stream", std::string()));
    if (const std::string run = session.value("run", std::string()); !run.empty())
        controller_->open(run);
}

}  // namespace vitrine
