#include "app/desktop/distill/distill_workspace.h"

#include "app/desktop/distill/cockpit_view.h"
#include "app/desktop/distill/recipe_panel.h"
#include "app/desktop/distill/run_panel.h"
#include "core/engine/distill_schema.h"
#include "core/runs/project.h"
#include "widgets/forms/recipe_editor.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"
#include "widgets/shell/main_window.h"

#include <QFileInfo>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalBlocker>
#include <QSplitter>
#include <QStackedWidget>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <cmath>

namespace vitrine {

constexpr int kPanelWidth = 390;
constexpr int kLogHeight = 120;
constexpr int kProbeSide = 132;
constexpr int kIdRole = Qt::UserRole;

DistillWorkspace::DistillWorkspace(MainWindow* window)
    : Workspace("distill", tr("Distill"), "model"),
      window_(window),
      controller_(new DistillController(this)),
      recipe_(new RecipePanel),
      head_(new RunPanel(controller_)),
      pages_(new QStackedWidget),
      message_(new QLabel),
      charts_(new LinkedCharts),
      probes_(new MediaPanel),
      running_(new SchemaForm),
      apply_(new QPushButton(tr("Apply"))),
      runningNote_(new QLabel),
      runs_(new QTreeWidget),
      log_(new QTreeWidget) {
    buildCockpit();
    buildDocks();
    wire();
    refreshShown();
}

void DistillWorkspace::buildCockpit() {
    message_->setObjectName("distillMessage");
    message_->setAlignment(Qt::AlignCenter);
    message_->setWordWrap(true);
    message_->setProperty("role", "secondary");
    message_->setText(
        tr("Tick two or more teachers and a folder of pictures on the left, choose a recipe and press Start."
           "\n\nThe student learns in a process of its own; its losses, its pace and the maps of a few fixed "
           "pictures appear here, and everything is kept in the project."));
    probes_->setObjectName("distillProbes");
    probes_->grid()->setCellSide(kProbeSide);
    auto* split = new QSplitter(Qt::Horizontal);
    split->setChildrenCollapsible(false);
    split->addWidget(charts_);
    split->addWidget(probes_);
    split->setStretchFactor(0, 5);
    split->setStretchFactor(1, 6);
    auto* cockpit = new QWidget;
    auto* layout = new QVBoxLayout(cockpit);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(head_);
    layout->addWidget(split, 1);
    pages_->addWidget(message_);
    pages_->addWidget(cockpit);
    setCentralWidget(pages_);
}

void DistillWorkspace::buildDocks() {
    auto* running = new QWidget;
    running->setAttribute(Qt::WA_StyledBackground);
    auto* layout = new QVBoxLayout(running);
    layout->setContentsMargins(8, 6, 8, 6);
    runningNote_->setObjectName("distillRunningNote");
    runningNote_->setWordWrap(true);
    runningNote_->setProperty("role", "secondary");
    apply_->setObjectName("distillApply");
    apply_->setToolTip(
        tr("Takes effect after the step at hand; becomes an event of the run and a mark on its charts"));
    running_->setObjectName("distillRunning");
    running_->setSchema(distillSettingsSchema());
    running_->setOnlyLive(true);
    layout->addWidget(runningNote_);
    layout->addWidget(running_, 1);
    layout->addWidget(apply_);

    runs_->setObjectName("distillRuns");
    runs_->setRootIsDecorated(false);
    runs_->setUniformRowHeights(true);
    runs_->setHeaderLabels({tr("run"), tr("teachers"), tr("state"), tr("step"), tr("loss"), tr("started")});
    runs_->setToolTip(tr("Click a run to show it; tick others to lay their curves and maps beside it"));
    log_->setObjectName("distillLog");
    log_->setRootIsDecorated(false);
    log_->setUniformRowHeights(true);
    log_->setHeaderLabels({tr("time"), tr("step"), tr("what happened")});
    log_->header()->setStretchLastSection(true);

    recipeDock_ = addPanel("distillRecipeDock", tr("Recipe"), recipe_, Qt::LeftDockWidgetArea);
    runningDock_ = addPanel("distillRunningDock", tr("While it runs"), running, Qt::LeftDockWidgetArea);
    runsDock_ = addPanel("distillRunsDock", tr("Runs"), runs_, Qt::LeftDockWidgetArea);
    QDockWidget* log = addPanel("distillLogDock", tr("Log"), log_, Qt::BottomDockWidgetArea);
    setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
    tabifyDockWidget(recipeDock_, runningDock_);
    tabifyDockWidget(runningDock_, runsDock_);
    recipeDock_->raise();
    resizeDocks({recipeDock_}, {kPanelWidth}, Qt::Horizontal);
    resizeDocks({log}, {kLogHeight}, Qt::Vertical);
}

void DistillWorkspace::wire() {
    const auto run = [this](const char* name, const Json& arguments = Json::object()) {
        window_->commands().run(name, arguments);
    };
    connect(recipe_, &RecipePanel::startRequested, this, [run] { run("distill.start"); });
    connect(recipe_, &RecipePanel::openRequested, this, [run] { run("distill.openRecipe"); });
    connect(recipe_, &RecipePanel::saveRequested, this, [run] { run("distill.saveRecipe"); });
    connect(recipe_, &RecipePanel::addRequested, this, &DistillWorkspace::chooseInput);
    connect(recipe_, &RecipePanel::browseRequested, this, [this](const QString& path, const QString& format) {
        browse(recipe_->editor()->form(), path, format);
    });
    connect(running_, &SchemaForm::browseRequested, this,
            [this](const QString& path, const QString& format) { browse(running_, path, format); });
    connect(running_, &SchemaForm::edited, this, &DistillWorkspace::refreshRunning);
    connect(apply_, &QPushButton::clicked, this, &DistillWorkspace::applyRunning);
    connect(head_, &RunPanel::commandRequested, this,
            [run](const QString& name) { run(("distill." + name).toLatin1().constData()); });
    connect(controller_, &DistillController::shownChanged, this, &DistillWorkspace::refreshShown);
    connect(controller_, &DistillController::runsChanged, this, &DistillWorkspace::refreshRuns);
    connect(controller_, &DistillController::stateChanged, this,
            [this] { recipe_->setStarting(controller_->isStarting(), controller_->error()); });
    connect(controller_, &DistillController::started, this, [this] { runningDock_->raise(); });
    connect(controller_, &DistillController::finished, this, [this](const QString& id) {
        window_->toasts().show(ToastKind::Success, tr("Run %1 is done").arg(id));
    });
    connect(controller_, &DistillController::failed, this,
            [this](const QString& message) { window_->toasts().show(ToastKind::Error, message); });
    connect(controller_, &DistillController::settingRefused, this,
            [this](const QString& path, const QString& message) {
                running_->setProblem(path.toStdString(), message);
            });
    connect(controller_, &DistillController::exported, this, [this](const QString& folder) {
        window_->toasts().show(ToastKind::Success, tr("The student is in %1").arg(folder));
        if (std::exchange(inspectAfterExport_, false)) {
            window_->showWorkspace("inspect");
            window_->openPaths({folder});
        }
    });
    connect(controller_, &DistillController::imageLoaded, probes_, &MediaPanel::setImage);
    connect(probes_, &MediaPanel::stepChanged, this,
            [this](qint64 step) { probes_->setAccessibleName(tr("Probe pictures at step %1").arg(step)); });
    connect(probes_, &MediaPanel::imageWanted, controller_, &DistillController::loadImage);
    for (const auto signal : {&LinkedCharts::failed, &LinkedCharts::saved})
        connect(charts_, signal, this, [this, signal](const QString& text) {
            const bool bad = signal == &LinkedCharts::failed;
            window_->toasts().show(bad ? ToastKind::Error : ToastKind::Success,
                                   bad ? text : tr("Saved %1").arg(text));
        });
    connect(runs_, &QTreeWidget::itemClicked, this, [run](QTreeWidgetItem* item, int column) {
        if (column > 0)
            run("distill.open", {{"run", item->data(0, kIdRole).toString().toStdString()}});
    });
    connect(runs_, &QTreeWidget::itemChanged, this, [this](QTreeWidgetItem*, int column) {
        if (column == 0)
            runsEdited();
    });
}

void DistillWorkspace::followProject() {
    controller_->openProject(window_->commands().project());
}

bool DistillWorkspace::isBusy() const {
    return controller_->isBusy();
}

void DistillWorkspace::refreshShown() {
    pages_->setCurrentIndex(controller_->run() ? 1 : 0);
    refreshCharts();
    refreshLog();
    refreshRunning();
    refreshRuns();
}

void DistillWorkspace::refreshCharts() {
    const auto& runs = controller_->shown();
    charts_->setGroups(cockpitCharts(runs, palette()));
    charts_->setMarks(runs.empty() ? std::vector<ChartMark>() : cockpitMarks(*runs.front(), palette()));
    ProbeBoard board = probeBoard(runs, palette());
    QStringList labels, contents;
    for (const MediaRun& column : board.columns) {
        labels.append(column.label);
        contents.append(column.label + column.color.name());
    }
    for (const MediaItem& item : board.items)
        contents.append(item.path);
    // A run writes curves every second and pictures now and then.
    if (contents == shownProbes_)
        return;
    shownProbes_ = contents;
    probes_->setMedia(std::move(board.columns), board.items);
    probes_->setAccessibleDescription(labels.join(", "));
}

void DistillWorkspace::refreshLog() {
    const auto run = controller_->run();
    const std::vector<EventLine> lines = run ? eventLines(*run) : std::vector<EventLine>();
    if (log_->topLevelItemCount() > int(lines.size()))
        log_->clear();
    const bool atEnd = log_->verticalScrollBar()->value() >= log_->verticalScrollBar()->maximum() - 2;
    QStringList texts;
    for (int row = 0; row < int(lines.size()); ++row) {
        const EventLine& line = lines[size_t(row)];
        QTreeWidgetItem* item = log_->topLevelItem(row);
        if (!item)
            item = new QTreeWidgetItem(log_);
        const QStringList cells{timeText(line.time), QString::number(line.step), line.text};
        for (int column = 0; column < cells.size(); ++column)
            item->setText(column, cells[column]);
        item->setToolTip(2, line.text);
        item->setForeground(2, line.bad ? QBrush(errorColor(palette())) : QBrush());
        texts.append(line.text);
    }
    for (int column = 0; column < 2; ++column)
        log_->resizeColumnToContents(column);
    log_->setAccessibleName(tr("Log"));
    log_->setAccessibleDescription(texts.join("; "));
    if (atEnd)
        log_->scrollToBottom();
}

// The form of the settings in force; what is typed and not yet applied stays.
void DistillWorkspace::refreshRunning() {
    const auto run = controller_->run();
    const bool live = run && isLive(run->run.status);
    const bool ended = run && !live && run->run.status != RunStatus::Finished;
    running_->setEnabled(live || ended);
    if (run && (runningOf_ != run->run.id || runningSettings_ != run->settings)) {
        const auto pending =
            runningOf_ == run->run.id ? running_->changes() : std::vector<std::pair<std::string, Json>>();
        runningOf_ = run->run.id;
        runningSettings_ = run->settings;
        running_->setBaseline(run->settings);
        Json value = run->settings;
        for (const auto& [path, changed] : pending)
            if (value.contains(pointerOfPath(path)))
                value[pointerOfPath(path)] = changed;
        running_->setValue(value);
    }
    const size_t changes = run ? running_->changes().size() : 0;
    apply_->setEnabled((live || ended) && changes > 0 && running_->isValid());
    apply_->setText(ended         ? tr("Resume with these changes")
                    : changes > 1 ? tr("Apply %1 changes").arg(changes)
                                  : tr("Apply"));
    runningNote_->setText(!run   ? tr("No run is shown.")
                          : live ? tr("What may change while the job runs. Each change is kept in the log "
                                      "and marked on the charts.")
                          : ended
                              ? tr("The job has ended: what is changed here goes with it when it is resumed.")
                              : tr("The run has finished: these were its last settings."));
}

void DistillWorkspace::applyRunning() {
    Json changes = Json::object();
    for (const auto& [path, value] : running_->changes())
        changes[path] = value;
    const auto run = controller_->run();
    window_->commands().run(run && !isLive(run->run.status) ? "distill.resume" : "distill.set",
                            {{"changes", changes}});
}

void DistillWorkspace::refreshRuns() {
    const QSignalBlocker blocked(runs_);
    const auto shown = controller_->run();
    const auto& list = controller_->runs();
    while (runs_->topLevelItemCount() > int(list.size()))
        delete runs_->takeTopLevelItem(runs_->topLevelItemCount() - 1);
    QStringList lines;
    for (int row = 0; row < int(list.size()); ++row) {
        const DistillRun& each = list[size_t(row)];
        QTreeWidgetItem* item = runs_->topLevelItem(row);
        if (!item)
            item = new QTreeWidgetItem(runs_);
        const QString id = QString::fromStdString(each.run.id);
        const bool current = shown && shown->run.id == each.run.id;
        const QStringList cells{QString::fromStdString(each.run.name),
                                each.teachers.join(", "),
                                QString::fromLatin1(runStatusName(each.run.status)),
                                tr("%1 of %2").arg(each.step).arg(each.steps),
                                std::isfinite(each.loss) ? QString::number(each.loss, 'g', 4) : QString(),
                                timeText(each.run.created)};
        for (int column = 0; column < cells.size(); ++column) {
            item->setText(column, cells[column]);
            QFont font = this->font();
            font.setBold(current);
            item->setFont(column, font);
        }
        item->setData(0, kIdRole, id);
        item->setCheckState(0, controller_->compared().contains(id) || current ? Qt::Checked : Qt::Unchecked);
        item->setForeground(2, statusColor(each.run.status, palette()));
        item->setToolTip(0, tr("Run %1: tick to compare").arg(id));
        lines.append(cells.join(" "));
    }
    runs_->setAccessibleName(tr("Distillation runs"));
    runs_->setAccessibleDescription(lines.join("; "));
}

void DistillWorkspace::runsEdited() {
    Json ids = Json::array();
    for (int row = 0; row < runs_->topLevelItemCount(); ++row)
        if (runs_->topLevelItem(row)->checkState(0) == Qt::Checked)
            ids.push_back(runs_->topLevelItem(row)->data(0, kIdRole).toString().toStdString());
    window_->commands().run("distill.compare", {{"runs", ids}});
}

bool DistillWorkspace::openPath(const QString& path) {
    if (Project::exists(path.toStdString()))
        return false;  // of the Runs workspace
    if (path.endsWith(".json", Qt::CaseInsensitive)) {
        const auto recipe = readJsonFile(path.toStdString(), 1 << 22);
        if (!recipe || !recipe->is_object() || recipe->value("kind", Json()) != "distill")
            return false;
        recipe_->setRecipe(*recipe);
        recipeDock_->raise();
        return true;
    }
    const QStringList models = modelsBelow(path);
    if (models.isEmpty() && !QFileInfo(path).isDir())
        return false;
    models.isEmpty() ? recipe_->offer({}, {path}, true) : recipe_->offer(models, {}, models.size() == 1);
    return true;
}

void DistillWorkspace::offer(const QStringList& models, const QStringList& folders) {
    recipe_->offer(models, folders, false);
}

Json DistillWorkspace::saveSession() const {
    Json models = Json::array(), folders = Json::array();
    for (const QString& each : recipe_->offeredModels())
        models.push_back(each.toStdString());
    for (const QString& each : recipe_->offeredFolders())
        folders.push_back(each.toStdString());
    const auto run = controller_->run();
    return {{"recipe", recipe_->recipe()},
            {"models", models},
            {"folders", folders},
            {"json", recipe_->editor()->showsJson()},
            {"run", run ? run->run.id : std::string()},
            {"axis", int(charts_->options().axis)},
            {"smoothing", charts_->options().smoothing},
            {"logarithmic", charts_->options().logY}};
}

void DistillWorkspace::restoreSession(const Json& session) {
    if (!session.is_object())
        return;
    const auto texts = [&](const char* key) {
        QStringList out;
        if (session.contains(key) && session[key].is_array())
            for (const Json& each : session[key])
                if (each.is_string())
                    out.append(QString::fromStdString(each.get<std::string>()));
        return out;
    };
    recipe_->offer(texts("models"), texts("folders"), false);
    if (session.contains("recipe") && session["recipe"].is_object() && !session["recipe"].empty())
        recipe_->setRecipe(session["recipe"]);
    recipe_->editor()->showJson(session.value("json", Json()) == true);
    ChartOptions options;
    if (session.contains("axis") && session["axis"].is_number_integer())
        options.axis = ChartAxis(std::clamp(session["axis"].get<int>(), 0, 2));
    if (session.contains("smoothing") && session["smoothing"].is_number())
        options.smoothing = std::clamp(session["smoothing"].get<double>(), 0.0, 0.99);
    options.logY = session.value("logarithmic", Json()) == true;
    charts_->setOptions(options);
}

}  // namespace vitrine
