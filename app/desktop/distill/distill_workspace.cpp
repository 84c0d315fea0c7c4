#include "app/desktop/distill/distill_workspace.h"

#include "app/desktop/distill/cockpit_view.h"
#include "app/desktop/distill/recipe_estimate.h"
#include "app/desktop/distill/recipe_panel.h"
#include "app/desktop/distill/run_panel.h"
#include "core/io/language_files.h"
#include "core/runs/project.h"
#include "widgets/forms/recipe_editor.h"
#include "widgets/runs/run_choice_list.h"
#include "widgets/shell/main_window.h"

#include <QFileInfo>
#include <QLabel>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace vitrine {

constexpr int kProbeSide = 132;

DistillWorkspace::DistillWorkspace(MainWindow* window)
    : Workspace("distill", tr("Distill"), "model"),
      window_(window),
      controller_(new DistillController(this)),
      recipe_(new RecipePanel),
      estimate_(new RecipeEstimate(this)),
      head_(new RunPanel(controller_)),
      pages_(new QStackedWidget),
      message_(new QLabel),
      charts_(new LinkedCharts),
      probes_(new MediaPanel),
      running_(new SchemaForm),
      apply_(new QPushButton(tr("Apply"))),
      runningNote_(new QLabel),
      runs_(new RunChoiceList(tr("teachers"), {tr("step"), tr("loss")})),
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

void DistillWorkspace::wireRecipe() {
    const auto run = [this](const char* name) { window_->commands().run(name); };
    connect(recipe_, &RecipePanel::startRequested, this, [run] { run("distill.start"); });
    connect(recipe_, &RecipePanel::openRequested, this, [run] { run("distill.openRecipe"); });
    connect(recipe_, &RecipePanel::saveRequested, this, [run] { run("distill.saveRecipe"); });
    connect(recipe_, &RecipePanel::addRequested, this, &DistillWorkspace::chooseInput);
    connect(recipe_, &RecipePanel::browseRequested, this, [this](const QString& path, const QString& format) {
        browse(recipe_->editor()->form(), path, format);
    });
    connect(recipe_, &RecipePanel::estimateRequested, this, [run] { run("distill.estimate"); });
    connect(estimate_, &RecipeEstimate::stateChanged, this, [this] {
        recipe_->setCost(estimate_->isAsking() ? tr("Loading the teachers and measuring a step…") : QString(),
                         estimate_->isAsking());
    });
    connect(estimate_, &RecipeEstimate::told, this, [this](const Json& estimate) {
        recipe_->setCost(QString::fromStdString(estimate.value("text", std::string())), false);
    });
    connect(estimate_, &RecipeEstimate::failed, this,
            [this](const QString& message) { recipe_->setCost(message, false, true); });
    connect(recipe_, &RecipePanel::recipeReplaced, this, [this] {
        estimate_->cancel();
        recipe_->setCost({}, estimate_->isAsking());
    });
}

void DistillWorkspace::wire() {
    const auto run = [this](const char* name, const Json& arguments = Json::object()) {
        window_->commands().run(name, arguments);
    };
    wireRecipe();
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
    connect(runs_, &RunChoiceList::runChosen, this, [this](const QString& id) {
        window_->commands().run("distill.open", {{"run", id.toStdString()}});
    });
    connect(runs_, &RunChoiceList::comparedChanged, this, [this](const QStringList& ids) {
        Json runs = Json::array();
        for (const QString& id : ids)
            runs.push_back(id.toStdString());
        window_->commands().run("distill.compare", {{"runs", runs}});
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

bool DistillWorkspace::openPath(const QString& path) {
    if (Project::exists(path.toStdString()) || isLanguageModelPath(path.toStdString()))
        return false;  // of the Runs and the Compress workspace
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
    if (const Json run = session.value("run", Json()); run.is_string())
        controller_->showAtFirst(run.get<std::string>());
}

}  // namespace vitrine
