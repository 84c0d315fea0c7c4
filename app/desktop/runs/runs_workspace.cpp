#include "app/desktop/runs/runs_workspace.h"

#include "core/runs/project.h"
#include "widgets/shell/main_window.h"

#include <QFileDialog>
#include <QTabBar>

namespace vitrine {

RunsWorkspace::RunsWorkspace(QWidget* parent)
    : Workspace("runs", "Runs", "runs", parent), controller_(new RunsController(this)) {
    setCentralWidget(controller_->table());
    addPanel("runsDetails", "Run", controller_->details(), Qt::RightDockWidgetArea);
    QDockWidget* charts = addPanel("runsCharts", "Charts", controller_->charts(), Qt::BottomDockWidgetArea);
    QDockWidget* media = addPanel("runsMedia", "Media", controller_->media(), Qt::BottomDockWidgetArea);
    QDockWidget* compare =
        addPanel("runsCompare", "Compare", controller_->compare(), Qt::BottomDockWidgetArea);
    QDockWidget* lineage =
        addPanel("runsLineage", "Lineage", controller_->lineage(), Qt::BottomDockWidgetArea);
    QDockWidget* sql = addPanel("runsSql", "SQL", controller_->sql(), Qt::BottomDockWidgetArea);
    for (QDockWidget* dock : {media, compare, lineage, sql})
        tabifyDockWidget(charts, dock);
    charts->raise();
    setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
}

void RunsWorkspace::showEvent(QShowEvent* event) {
    if (!shown_) {
        shown_ = true;
        // Shares of the window, which is known only now.
        resizeDocks({findChild<QDockWidget*>("runsCharts")}, {height() * 52 / 100}, Qt::Vertical);
        resizeDocks({findChild<QDockWidget*>("runsDetails")}, {std::max(340, width() / 4)}, Qt::Horizontal);
        for (QTabBar* bar : findChildren<QTabBar*>())
            bar->setDrawBase(false);
    }
    Workspace::showEvent(event);
}

bool RunsWorkspace::isBusy() const {
    return controller_->isBusy();
}

void RunsWorkspace::followProject() {
    controller_->openProject(commands_->project());
}

bool RunsWorkspace::openPath(const QString& path) {
    if (!Project::exists(path.toStdString()))
        return false;
    if (auto* main = qobject_cast<MainWindow*>(window()))
        main->setProject(path.toStdString());
    return true;
}

Result<void> RunsWorkspace::openProject(const Json& arguments) {
    if (!arguments.contains("path")) {
        auto* dialog = new QFileDialog(this, tr("Open or make a project"));
        dialog->setFileMode(QFileDialog::Directory);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) {
            commands_->run("file.openProject", {{"path", path.toStdString()}});
        });
        dialog->open();
        return {};
    }
    openOrMake(std::filesystem::absolute(arguments["path"].get<std::string>()));
    return {};
}

// A database may be large, old or locked: it is opened away from the interface thread. Of several wishes the
// last one counts.
void RunsWorkspace::openOrMake(const std::filesystem::path& folder) {
    auto* main = qobject_cast<MainWindow*>(window());
    const int wish = ++openingWish_;
    const int job = main->jobs().begin(
        tr("Opening %1").arg(QString::fromStdString(folder.filename().string())), [this] { ++openingWish_; });
    openings_.emplace_back([this, main, folder, wish, job] {
        const auto opened = Project::openOrCreate(folder);
        const QString problem = opened ? QString() : QString::fromStdString(opened.error().text());
        QMetaObject::invokeMethod(
            this,
            [this, main, folder, wish, job, problem] {
                main->jobs().end(job);
                if (wish != openingWish_)
                    return;
                if (problem.isEmpty())
                    main->setProject(folder);
                else
                    main->toasts().show(ToastKind::Error, problem);
            },
            Qt::QueuedConnection);
    });
}

// Jobs of the project in the status bar, whoever started them. They outlive the window.
void RunsWorkspace::showLiveRuns(const std::vector<LiveRun>& runs) {
    auto* main = qobject_cast<MainWindow*>(window());
    if (!main)
        return;
    std::map<std::string, int> shown;
    for (const LiveRun& live : runs) {
        const std::string& id = live.run.id;
        const auto known = liveJobs_.find(id);
        const int job = known != liveJobs_.end() ? known->second
                                                 : main->jobs().begin(
                                                       QString::fromStdString(live.run.name),
                                                       [this, id] { controller_->stop(id); }, true);
        Progress progress = live.progress;
        if (live.paused || live.stopping)
            progress.stage = live.paused ? "paused" : "stopping";
        main->jobs().update(job, progress);
        shown[id] = job;
    }
    for (const auto& [id, job] : liveJobs_)
        if (!shown.contains(id))
            main->jobs().end(job);
    liveJobs_ = std::move(shown);
}

void RunsWorkspace::showPanel(const QString& objectName) {
    if (auto* dock = findChild<QDockWidget*>(objectName)) {
        dock->show();
        dock->raise();
        if (auto* main = qobject_cast<MainWindow*>(window()))
            main->showWorkspace(name());
        dock->widget()->setFocus();
    }
}

}  // namespace vitrine
