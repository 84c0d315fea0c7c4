#include "app/desktop/compress/structure_desk.h"

#include "app/desktop/compress/puzzle_questions.h"
#include "widgets/compress/model_tree.h"

#include <QComboBox>
#include <QLabel>
#include <QSignalBlocker>
#include <QStackedWidget>
#include <QTabWidget>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

StructureDesk::StructureDesk(CompressInspector* inspector, QWidget* parent)
    : QWidget(parent),
      inspector_(inspector),
      service_(true),
      list_(new QComboBox),
      pages_(new QStackedWidget),
      cutViews_(new QTabWidget),
      maskViews_(new QTabWidget),
      structures_(new StructuresView),
      depth_(new DepthView),
      removal_(new RemovalView),
      puzzle_(new PuzzleView),
      history_(new MaskHistoryView),
      sparse_(new SparseView),
      flow_(new FlowView),
      elastic_(new ElasticView),
      incremental_(new IncrementalView) {
    layOut();
    connect(&service_, &RunService::changed, this, &StructureDesk::refresh);
    connect(&processes_, &RunProcesses::failedEarly, this,
            [this](const QString& message) { emit failed(message); });
    connect(list_, &QComboBox::activated, this, [this](int index) {
        if (size_t(index) < runs_.size())
            (void)open(runs_[size_t(index)].run.id);
    });
    connect(structures_, &StructuresView::cutChanged, this, &StructureDesk::askCost);
    connect(structures_, &StructuresView::queueRequested, this, &StructureDesk::cutRequested);
    connect(puzzle_, &PuzzleView::budgetsChanged, this, &StructureDesk::solveAgain);
    connect(puzzle_, &PuzzleView::makeRequested, this, &StructureDesk::searchRequested);
    connect(elastic_, &ElasticView::budgetChosen, this, &StructureDesk::budgetRequested);
    connect(incremental_, &IncrementalView::chunkChosen, this, &StructureDesk::chunkRequested);
    connect(sparse_, &SparseView::layerChosen, this, &StructureDesk::unitLayerRequested);
    connect(flow_, &FlowView::layerChosen, this, &StructureDesk::unitLayerRequested);
    connect(history_, &MaskHistoryView::frameChosen, this, [this](int frame) {
        if (run_ && size_t(frame) < run_->frames.size())
            emit maskWanted(QString::fromStdString(run_->model), run_->frames[size_t(frame)],
                            frame > 0 ? run_->frames[size_t(frame) - 1] : MaskChoice());
    });
}

void StructureDesk::layOut() {
    setObjectName("compressStructures");
    list_->setObjectName("structuresRun");
    list_->setToolTip(
        tr("Runs of prune-structures, puzzle, learn-masks, train-sparse, train-elastic and train-incremental "
           "in this project"));
    list_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    auto* message = new QLabel(tr(
        "Runs of the recipes minitron, depth_pruning, puzzle, puzzle_chain, maskllm, flextron, iee and ckca "
        "appear here:\nimportance with a cut that moves, blocks that can go, block variants and "
        "their front, masks as they settle, one model's sizes,\nweights that leave and enter, what "
        "new data makes a network forget.\n\nvitrine run "
        "resources/recipes/minitron.json --set settings.model=MODEL"));
    message->setObjectName("structuresMessage");
    message->setAlignment(Qt::AlignCenter);
    message->setProperty("role", "secondary");
    cutViews_->setObjectName("structuresCutViews");
    cutViews_->addTab(structures_, tr("Cut"));
    cutViews_->addTab(depth_, tr("Depth"));
    cutViews_->addTab(removal_, tr("Removal"));
    maskViews_->setObjectName("structuresMaskViews");
    maskViews_->addTab(history_, tr("Curves"));
    maskViews_->addTab(sparse_, tr("Units"));
    maskViews_->addTab(flow_, tr("Flow"));
    for (QTabWidget* views : {cutViews_, maskViews_})
        views->setDocumentMode(true);
    // In the order of StructureKind.
    for (QWidget* page :
         std::initializer_list<QWidget*>{cutViews_, puzzle_, maskViews_, elastic_, incremental_, message})
        pages_->addWidget(page);
    pages_->setCurrentWidget(message);
    auto* top = new QHBoxLayout;
    top->addWidget(new QLabel(tr("Run")));
    top->addWidget(list_, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->addLayout(top);
    layout->addWidget(pages_, 1);
}

Result<void> StructureDesk::showView(const std::string& title) {
    std::vector<std::string> known;
    for (QTabWidget* views : {cutViews_, maskViews_, puzzle_->charts()})
        for (int index = 0; index < views->count(); ++index) {
            known.push_back(views->tabText(index).toLower().toStdString());
            if (known.back() == title) {
                views->setCurrentIndex(index);
                return {};
            }
        }
    return fail(ErrorCode::NotFound, fmt::format("there is no view \"{}\"", title), "view",
                fmt::format("One of: {}", fmt::join(known, ", ")));
}

Result<void> StructureDesk::chooseUnitLayer(const QString& name) {
    const Result<void> flow = flow_->chooseLayer(name);
    return name.isEmpty() ? flow : sparse_->chooseLayer(name);
}

bool StructureDesk::isBusy() const {
    return service_.isBusy();
}

void StructureDesk::openProject(const std::filesystem::path& folder) {
    if (folder == folder_)
        return;
    folder_ = folder;
    service_.open(folder);
    runs_.clear();
    wanted_.clear();
    run_ = nullptr;
    show();
    if (!folder.empty())
        refresh();
}

void StructureDesk::refresh() {
    using Runs = std::vector<StructureRunLine>;
    service_.ask<Runs>(
        "runs", [](const Project& project) { return structureRuns(project); },
        [this](Result<Runs> runs) {
            if (!runs) {
                emit failed(QString::fromStdString(runs.error().text()));
                return;
            }
            runs_ = std::move(*runs);
            if (wanted_.empty() && !runs_.empty())
                wanted_ = runs_.front().run.id;
            const QSignalBlocker blocked(list_);
            list_->clear();
            for (const StructureRunLine& each : runs_) {
                list_->addItem(each.title);
                if (each.run.id == wanted_)
                    list_->setCurrentIndex(list_->count() - 1);
            }
            if (!wanted_.empty())
                read();
        });
}

Result<void> StructureDesk::open(const std::string& run) {
    const auto found = std::find_if(runs_.begin(), runs_.end(), [&](const StructureRunLine& each) {
        return each.run.id == run || each.run.name == run;
    });
    if (found == runs_.end())
        return fail(ErrorCode::NotFound, "this project has no such run", run,
                    runs_.empty() ? "Run one of the recipes minitron, puzzle, maskllm" : "See the list");
    wanted_ = found->run.id;
    refresh();
    return {};
}

void StructureDesk::read() {
    using Shown = std::shared_ptr<const StructureRun>;
    service_.ask<Shown>(
        "run", [id = wanted_](const Project& project) { return structureRun(project, id); },
        [this](Result<Shown> run) {
            if (!run) {
                emit failed(QString::fromStdString(run.error().text()));
                return;
            }
            run_ = std::move(*run);
            show();
        });
}

void StructureDesk::show() {
    if (!run_) {
        pages_->setCurrentIndex(pages_->count() - 1);
        emit runChanged();
        return;
    }
    structures_->setResults(run_->structures);
    depth_->setScores(run_->structures.scores);
    removal_->setResults(run_->structures);
    puzzle_->setResults(run_->puzzle);
    solveAgain();
    history_->setHistory(run_->history);
    sparse_->setResults(run_->sparse);
    flow_->setResults(run_->sparse);
    for (QWidget* view : std::initializer_list<QWidget*>{sparse_, flow_})
        maskViews_->setTabVisible(maskViews_->indexOf(view), run_->run.kind == "train-sparse");
    elastic_->setResults(run_->elastic);
    incremental_->setResults(run_->incremental);
    pages_->setCurrentIndex(int(run_->kind));
    emit runChanged();
}

void StructureDesk::askCost() {
    if (!run_ || run_->kind != StructureKind::Prune || run_->model.empty())
        return;
    const StructureCut cut = structures_->cut();
    inspector_->ask<SizesCost>(
        "sizes",
        [model = run_->model, cut](CompressEngine& engine, JobContext&) {
            return engine.sizesCost(model, {cut.width, cut.heads, cut.intermediate, cut.depth});
        },
        [this](Result<SizesCost> cost) {
            if (!cost)
                return structures_->setCost(QString::fromStdString(cost.error().text()));
            structures_->setCost(
                tr("The cut leaves %1 of %2 parameters (%3 %), %4 of %5, %6FLOP a token of %7")
                    .arg(countText(cost->parameters), countText(cost->denseParameters))
                    .arg(100 * cost->parameters / cost->denseParameters, 0, 'f', 1)
                    .arg(sizeText(cost->bytes), sizeText(cost->denseBytes), countText(cost->operations),
                         countText(cost->denseOperations)));
        });
}

void StructureDesk::solveAgain() {
    if (!run_ || !run_->stored)
        return;
    service_.ask<PuzzleSolution>(
        "solve",
        [library = run_->stored, budgets = puzzle_->budgets()](const Project&) -> Result<PuzzleSolution> {
            return solvePuzzle(*library, budgets);
        },
        [this](Result<PuzzleSolution> solution) {
            if (solution)
                puzzle_->setSolution(std::move(*solution));
            else
                emit failed(QString::fromStdString(solution.error().text()));
        });
}

Result<void> StructureDesk::queueSearch() {
    if (!run_ || run_->kind != StructureKind::Puzzle || run_->library.empty())
        return fail(ErrorCode::InvalidArgument, "no library of blocks is shown", "structures",
                    "Open a finished run of puzzle");
    const PuzzleBudgets budgets = puzzle_->budgets();
    if (!budgets.any())
        return fail(ErrorCode::InvalidArgument, "the budgets limit nothing", "structures",
                    "Move one of the sliders first");
    Json budget = Json::object();
    for (const auto& [key, value] :
         {std::pair("parameters", budgets.parameters), std::pair("bytes", budgets.bytes),
          std::pair("prompt_time", budgets.promptTime), std::pair("speed", budgets.speed)})
        if (value > 0)
            budget[key] = value;
    if (!budgets.batches.empty())
        budget["batches"] = budgets.batches;
    Json recipe = run_->recipe;
    recipe["settings"]["library"] = run_->library.string();
    recipe["settings"]["budgets"] = Json::array({budget});
    recipe["name"] = "blocks " + budget.dump();
    VITRINE_TRY([[maybe_unused]] const int64_t process, processes_.begin(folder_, recipe));
    emit said(tr("The search is at work; it appears here and in Runs"));
    return {};
}

Result<void> StructureDesk::queueCut() {
    if (!run_ || run_->kind != StructureKind::Prune)
        return fail(ErrorCode::InvalidArgument, "no ranking is shown", "structures",
                    "Open a run of prune-structures");
    const StructureCut cut = structures_->cut();
    if (cut == StructureCut{})
        return fail(ErrorCode::InvalidArgument, "the cut keeps everything", "structures",
                    "Move one of the sliders first");
    Json recipe = run_->recipe;
    Json& settings = recipe["settings"];
    Json plan = Json::object();
    for (const auto& [key, value] :
         {std::pair("width", cut.width), std::pair("heads", cut.heads),
          std::pair("intermediate", cut.intermediate), std::pair("depth", cut.depth)})
        if (value > 0)
            plan[key] = value;
    settings["plans"] = Json::array({plan});
    settings["search_parameters"] = 0;
    if (!run_->ranking.empty())
        settings["ranking"] = run_->ranking.string();
    if (const std::string metric = structures_->metric().toStdString(); !metric.empty())
        settings["block_metric"] = metric;
    recipe["name"] = "cut " + plan.dump();
    VITRINE_TRY([[maybe_unused]] const int64_t process, processes_.begin(folder_, recipe));
    emit said(tr("The cut is at work; it appears here and in Runs"));
    return {};
}

}  // namespace vitrine
