#include "app/desktop/compress/compress_workspace.h"

#include "app/desktop/compress/compress_head.h"
#include "app/desktop/compress/compress_layers.h"
#include "app/desktop/compress/compress_masks.h"
#include "app/desktop/compress/compress_texts.h"
#include "app/desktop/compress/compress_view.h"
#include "app/desktop/compress/dependency_desk.h"
#include "app/desktop/compress/structure_desk.h"
#include "app/desktop/compress/sweep_panel.h"
#include "app/desktop/compress/what_if_desk.h"
#include "core/io/language_files.h"
#include "core/runs/project.h"
#include "widgets/compress/model_tree.h"
#include "widgets/compress/results_view.h"
#include "widgets/forms/recipe_editor.h"
#include "widgets/runs/run_choice_list.h"
#include "widgets/shell/main_window.h"

#include <QDir>
#include <QFileInfo>
#include <QMenu>
#include <QTabWidget>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

constexpr int kNarrowestCentre = 640;  // pixels

CompressWorkspace::CompressWorkspace(MainWindow* window)
    : Workspace("compress", tr("Compress"), "sliders"),
      window_(window),
      controller_(new CompressController(this)),
      inspector_(new CompressInspector),
      model_(new ModelTree),
      sweep_(new SweepPanel),
      runs_(new RunChoiceList(tr("model"), {tr("plans"), tr("best")})),
      head_(new CompressHead(controller_)),
      pages_(new QTabWidget),
      results_(new ResultsView),
      maskPanel_(new MaskPanel),
      masks_(new MaskDesk(controller_, inspector_, maskPanel_, this)),
      layersView_(new LayersView),
      layers_(new LayerDesk(controller_, inspector_, layersView_, this)),
      writeView_(new WriteView),
      write_(new WriteDesk(controller_, inspector_, writeView_, this)),
      whatIfView_(new WhatIfView),
      whatIf_(new WhatIfDesk(controller_, inspector_, whatIfView_, this)),
      structures_(new StructureDesk(inspector_)),
      dependencyView_(new DependencyView),
      dependencies_(new DependencyDesk(inspector_, dependencyView_, this)) {
    inspector_->setParent(this);
    pages_->setObjectName("compressPages");
    pages_->setDocumentMode(true);
    pages_->addTab(results_, tr("Results"));
    pages_->addTab(maskPanel_, tr("Masks"));
    pages_->addTab(layersView_, tr("Layers"));
    pages_->addTab(writeView_, tr("Write"));
    pages_->addTab(whatIfView_, tr("What if"));
    pages_->addTab(structures_, tr("Structures"));
    pages_->addTab(dependencyView_, tr("Dependencies"));
    auto* centre = new QWidget;
    auto* layout = new QVBoxLayout(centre);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(head_);
    layout->addWidget(pages_, 1);
    // Pages shrink below what their rows would like rather than force the window wider than a small screen.
    centre->setMinimumWidth(kNarrowestCentre);
    setCentralWidget(centre);
    buildDocks();
    wire();
    wireRuns();
    wireStructures();
    refreshCosts();
}

// The engine's thread must end before what its answers would touch.
CompressWorkspace::~CompressWorkspace() {
    delete inspector_;
}

void CompressWorkspace::wire() {
    const auto run = [this](const char* name, const Json& arguments = Json::object()) {
        window_->commands().run(name, arguments);
    };
    connect(model_, &ModelTree::openRequested, this, &CompressWorkspace::chooseModel);
    connect(model_, &ModelTree::tensorChosen, this, [run](const QString& name) {
        run("compress.mask", {{"tensor", name.toStdString()}});
    });
    connect(model_, &ModelTree::countRequested, this, [run] { run("compress.count"); });
    connect(inspector_, &CompressInspector::progressed, this,
            [this](const QString& lane, const QString& text) {
                if (lane == "tree")
                    model_->setStatus(text, false);
            });
    connect(inspector_, &CompressInspector::failed, this,
            [this](const QString& message) { window_->toasts().show(ToastKind::Error, message); });
    connect(sweep_, &SweepPanel::edited, this, &CompressWorkspace::refreshCosts);
    connect(sweep_, &SweepPanel::queueRequested, this, [run] { run("compress.queue"); });
    connect(sweep_, &SweepPanel::dropRequested, this, [run] { run("compress.drop"); });
    connect(sweep_, &SweepPanel::openRequested, this, [run] { run("compress.openRecipe"); });
    connect(sweep_, &SweepPanel::saveRequested, this, [run] { run("compress.saveRecipe"); });
    connect(sweep_, &SweepPanel::textsRequested, this, &CompressWorkspace::chooseTexts);
    connect(sweep_, &SweepPanel::browseRequested, this, &CompressWorkspace::browse);
    connect(head_, &CompressHead::commandRequested, this,
            [run](const QString& name) { run(("compress." + name).toLatin1().constData()); });
    connect(layersView_, &LayersView::planChosen, this, [run](const QString& plan) {
        run("compress.layers", {{"plan", plan.toStdString()}});
    });
    connect(layersView_, &LayersView::layerChosen, this, [run](const QString& layer) {
        run("compress.layers", {{"layer", layer.toStdString()}});
    });
    connect(layers_, &LayerDesk::failed, this,
            [this](const QString& message) { window_->toasts().show(ToastKind::Error, message); });
    connect(writeView_, &WriteView::writeRequested, this, [run] { run("compress.write"); });
    connect(writeView_, &WriteView::stopRequested, this, [run] { run("compress.stopWriting"); });
    connect(whatIfView_->picture(), &PictureChangeView::chooseRequested, this,
            &CompressWorkspace::choosePicture);
    connect(results_, &ResultsView::chosenChanged, this, &CompressWorkspace::showDetails);
    connect(results_, &ResultsView::picked, this, [this] { followsBest_ = false; });
    connect(results_, &ResultsView::menuRequested, this, [this](QPoint at) {
        auto* menu = new QMenu(this);
        menu->setAttribute(Qt::WA_DeleteOnClose);
        for (const char* name : {"compress.copyResults", "compress.copyPlot", "compress.saveResults"})
            menu->addAction(window_->commands().action(name, menu));
        menu->popup(at);
    });
}

void CompressWorkspace::followProject() {
    controller_->openProject(window_->commands().project());
    structures_->openProject(window_->commands().project());
}

bool CompressWorkspace::isBusy() const {
    return controller_->isBusy() || inspector_->isBusy() || structures_->isBusy();
}

bool CompressWorkspace::openPath(const QString& path) {
    if (Project::exists(path.toStdString()))
        return false;  // of the Runs workspace
    if (path.endsWith(".json", Qt::CaseInsensitive)) {
        const auto recipe = readJsonFile(path.toStdString(), 1 << 22);
        if (!recipe || !recipe->is_object() || recipe->value("kind", Json()) != "compress")
            return false;
        sweep_->setRecipe(*recipe);
        sweepDock_->raise();
        return true;
    }
    const QFileInfo info(path);
    if (isLanguageModelPath(path.toStdString())) {
        openModel(path);
        return true;
    }
    // What other workspaces take as well is only for this one while it is in front.
    if (window_->currentWorkspace() != this)
        return false;
    if (info.isFile() && QStringList{"txt", "jsonl", "text"}.contains(info.suffix().toLower())) {
        sweep_->addTexts("evaluation", {path});
        sweepDock_->raise();
        return true;
    }
    if (info.isFile() && whatIfView_->subject() == WhatIfView::Subject::Picture &&
        QStringList{"jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff"}.contains(info.suffix().toLower())) {
        window_->commands().run("compress.whatIf", {{"picture", path.toStdString()}});
        return true;
    }
    const QStringList weights = QDir(path).entryList({"*.safetensors"}, QDir::Files);
    if (QFileInfo::exists(path + "/config.json") || !weights.isEmpty() || info.suffix() == "safetensors") {
        openModel(path);
        return true;
    }
    return false;
}

void CompressWorkspace::openModel(const QString& path) {
    modelPath_ = QFileInfo(path).absoluteFilePath();
    modelDock_->raise();
    readModel(false);
    showModel();
    sweep_->setModel(modelPath_);
}

void CompressWorkspace::showModel() {
    masks_->setModel(modelPath_);
    write_->setModel(modelPath_);
    whatIf_->setModel(modelPath_);
    dependencies_->setModel(modelPath_);
}

// First what the headers say, then, on request and by itself for small models, what the weights say.
void CompressWorkspace::readModel(bool count) {
    constexpr double kCountedAtOnce = 64e6;  // bytes: read in less than a second
    model_->setStatus(count ? tr("Reading the weights …") : tr("Opening …"), false);
    inspector_->ask<ModelContent>(
        "tree",
        [path = modelPath_.toStdString(), pattern = modelPattern_, count](CompressEngine&, JobContext& job) {
            return modelContent(path, pattern, count, job);
        },
        [this, count](Result<ModelContent> content) {
            if (!content) {
                model_->setStatus(QString::fromStdString(content.error().text()), true);
                window_->toasts().show(ToastKind::Error, QString::fromStdString(content.error().text()));
                return;
            }
            model_->setStatus({}, false);
            model_->setContent(std::move(*content));
            if (!count && model_->content().bytes <= kCountedAtOnce)
                readModel(true);
        },
        EnginePriority::Background);
}

void CompressWorkspace::refreshCosts() {
    const Json& recipe = sweep_->recipe();
    const QString model = modelOf(recipe);
    const Json settings = recipe.is_object() ? recipe.value("settings", Json::object()) : Json::object();
    if (model.isEmpty() || !settings.is_object() || !settings.contains("plans")) {
        inspector_->cancel("costs");
        sweep_->setCostProblem(tr("Costs appear once a model is open."));
        return;
    }
    const Json type = settings.value("dtype", Json("float32"));
    inspector_->ask<PlanCosts>(
        "costs",
        [path = model.toStdString(), plans = settings["plans"],
         dtype = type.is_string() ? type.get<std::string>() : "float32"](
            CompressEngine& engine, JobContext&) { return engine.costs(path, plans, dtype); },
        [this, model](Result<PlanCosts> costs) {
            costs ? sweep_->setCost(sweepCost(*costs, model.toStdString(), controller_->measured()))
                  : sweep_->setCostProblem(QString::fromStdString(costs.error().text()));
        });
}

void CompressWorkspace::refreshShown() {
    results_->setResults(planResults(controller_->shown()));
    if (followsBest_ || !results_->chosen())
        if (const auto run = controller_->run(); run && !run->bestPlan.empty())
            (void)results_->choose(QString::fromStdString(run->run.id),
                                   QString::fromStdString(run->bestPlan));
    showDetails();
    refreshRuns();
}

void CompressWorkspace::showDetails() {
    const PlanResult* chosen = results_->chosen();
    for (const auto& run : controller_->shown())
        if (chosen && run->run.id == chosen->runId.toStdString())
            return results_->setDetails(planDetails(*run, *chosen));
    results_->setDetails(controller_->run()
                             ? tr("Click a plan in the table or a point of the plot.")
                             : tr("Choose methods and settings under Sweep and press Queue.<br><br>Each plan "
                                  "compresses the dense model anew; the dense model and a random mask run "
                                  "beside them on the same text or pictures."));
}

Json CompressWorkspace::saveSession() const {
    const auto run = controller_->run();
    return {{"model", modelPath_.toStdString()},     {"recipe", sweep_->recipe()},
            {"json", sweep_->editor()->showsJson()}, {"page", pages_->currentIndex()},
            {"axis", int(results_->axis())},         {"run", run ? run->run.id : std::string()}};
}

void CompressWorkspace::restoreSession(const Json& session) {
    if (!session.is_object())
        return;
    if (session.contains("recipe") && session["recipe"].is_object() && !session["recipe"].empty())
        sweep_->setRecipe(session["recipe"]);
    sweep_->editor()->showJson(session.value("json", Json()) == true);
    if (session.contains("axis") && session["axis"].is_number_integer())
        results_->setAxis(CostAxis(std::clamp(session["axis"].get<int>(), 0, int(CostAxis::Operations))));
    if (session.contains("page") && session["page"].is_number_integer())
        pages_->setCurrentIndex(session["page"].get<int>());
    if (const Json run = session.value("run", Json()); run.is_string())
        controller_->showAtFirst(run.get<std::string>());
    const Json model = session.value("model", Json());
    if (model.is_string() && QFileInfo::exists(QString::fromStdString(model.get<std::string>()))) {
        modelPath_ = QString::fromStdString(model.get<std::string>());
        readModel(false);
        showModel();
    }
}

}  // namespace vitrine
