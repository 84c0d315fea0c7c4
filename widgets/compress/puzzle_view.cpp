#include "widgets/compress/puzzle_view.h"

#include "widgets/compress/architecture_drawing.h"
#include "widgets/compress/batch_view.h"
#include "widgets/compress/cost_stack_view.h"
#include "widgets/compress/model_tree.h"
#include "widgets/compress/puzzle_budget_panel.h"
#include "widgets/compress/puzzle_grid.h"

#include <QComboBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QTabWidget>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace vitrine {

PuzzleView::PuzzleView(QWidget* parent)
    : QWidget(parent),
      grid_(new QComboBox),
      scores_(new HeatMapView),
      front_(new Chart),
      additivity_(new Chart),
      memory_(new CostStackView(PuzzleCostKind::Memory)),
      time_(new CostStackView(PuzzleCostKind::Time)),
      batches_(new BatchView),
      charts_(new QTabWidget),
      panel_(new PuzzleBudgetPanel),
      drawing_(new ArchitectureDrawing),
      solved_(new ArchitectureDrawing),
      facts_(new QLabel),
      solvedFacts_(new QLabel),
      make_(new QPushButton(tr("Make it"))) {
    setObjectName("puzzleView");
    grid_->setObjectName("puzzleGrid");
    grid_->addItems({tr("Scores"), tr("Errors untaught"), tr("Errors taught")});
    grid_->setToolTip(tr("Scores of the whole model, or what blockwise teaching did for each part"));
    scores_->setObjectName("puzzleScores");
    front_->setObjectName("puzzleFront");
    front_->setAxes(tr("MB of weights and cache"), tr("nats per token"));
    front_->setToolTip(tr("Click an architecture to see it layer by layer"));
    additivity_->setObjectName("puzzleAdditivity");
    additivity_->setAxes(tr("sum of scores"), tr("nats per token"));
    additivity_->setToolTip(tr("Random assemblies: what the sum of their scores foretold, and their loss"));
    drawing_->setObjectName("puzzleDrawing");
    solved_->setObjectName("puzzleSolved");
    solved_->setToolTip(tr("What a search under the sliders' budgets gives; framed where it differs"));
    solved_->setTitle(tr("solved again"));
    for (QLabel* label : {facts_, solvedFacts_})
        label->setWordWrap(true);
    facts_->setObjectName("puzzleFacts");
    solvedFacts_->setObjectName("puzzleSolvedFacts");
    make_->setObjectName("puzzleMake");
    make_->setToolTip(tr("A run that searches this library under these budgets and distils what it finds"));
    layOut();
    connect(panel_, &PuzzleBudgetPanel::changed, this, &PuzzleView::budgetsChanged);
    connect(grid_, &QComboBox::activated, this, &PuzzleView::refreshGrid);
    connect(make_, &QPushButton::clicked, this, &PuzzleView::makeRequested);
    connect(front_, &Chart::pointClicked, this, [this](int series, int index) {
        if (size_t(series) < points_.size() && size_t(index) < points_[size_t(series)].size())
            (void)choose(results_.architectures[points_[size_t(series)][size_t(index)]].name);
    });
}

void PuzzleView::layOut() {
    auto* architectures = new QHBoxLayout;
    architectures->addWidget(drawing_, 1);
    architectures->addWidget(solved_, 1);
    auto* search = new QHBoxLayout;
    search->addWidget(solvedFacts_, 1);
    search->addWidget(make_);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->addWidget(facts_, 0, 0, 1, 2);
    grid->addWidget(panel_, 1, 0, 1, 2);
    grid->addLayout(search, 2, 0, 1, 2);
    auto* scores = new QVBoxLayout;
    scores->addWidget(grid_, 0, Qt::AlignLeft);
    scores->addWidget(scores_, 1);
    grid->addLayout(scores, 3, 0);
    grid->addWidget(front_, 3, 1);
    grid->addLayout(architectures, 4, 0);
    charts_->setObjectName("puzzleCharts");
    charts_->setDocumentMode(true);
    charts_->addTab(memory_, tr("Memory"));
    charts_->addTab(time_, tr("Time"));
    charts_->addTab(batches_, tr("Batches"));
    charts_->addTab(additivity_, tr("Additivity"));
    grid->addWidget(charts_, 4, 1);
    for (int index = 0; index < 2; ++index) {
        grid->setRowStretch(index + 3, 1);
        grid->setColumnStretch(index, 1);
    }
}

void PuzzleView::setResults(PuzzleResults results) {
    const bool other = results.run != results_.run;
    results_ = std::move(results);
    panel_->setWhole(results_.whole);
    panel_->setEnabled(results_.searchProblem.isEmpty());
    if (other) {
        panel_->reset();
        solution_ = {};
    }
    refreshGrid();
    ChartSeries assemblies;
    assemblies.name = tr("random assemblies");
    assemblies.line = false;
    assemblies.points = true;
    assemblies.x = QVector<double>(results_.sums.begin(), results_.sums.end());
    assemblies.y = QVector<double>(results_.losses.begin(), results_.losses.end());
    additivity_->setSeries(assemblies.x.isEmpty() ? std::vector<ChartSeries>()
                                                  : std::vector<ChartSeries>{assemblies});
    const bool known = std::any_of(results_.architectures.begin(), results_.architectures.end(),
                                   [this](const auto& each) { return each.name == chosen_; });
    if (!known) {
        chosen_.clear();
        for (const PuzzleArchitecture& each : results_.architectures)
            if (chosen_.isEmpty() && each.how == "puzzle")
                chosen_ = each.name;
    }
    refresh();
}

Result<void> PuzzleView::choose(const QString& name) {
    const bool known = std::any_of(results_.architectures.begin(), results_.architectures.end(),
                                   [&](const auto& each) { return each.name == name; });
    if (!known)
        return fail(ErrorCode::NotFound, fmt::format("there is no architecture \"{}\"", name.toStdString()),
                    "architecture", "Click a point of the front");
    chosen_ = name;
    refresh();
    return {};
}

PuzzleBudgets PuzzleView::budgets() const {
    return panel_->budgets();
}

void PuzzleView::setBudgets(const PuzzleBudgets& budgets) {
    panel_->setBudgets(budgets);
}

void PuzzleView::setSolution(PuzzleSolution solution) {
    solution_ = std::move(solution);
    refreshSolution();
}

const PuzzleArchitecture* PuzzleView::chosen() const {
    for (const PuzzleArchitecture& each : results_.architectures)
        if (each.name == chosen_)
            return &each;
    return nullptr;
}

void PuzzleView::refresh() {
    refreshFront();
    const PuzzleArchitecture* now = chosen();
    drawing_->show(results_.layers, now ? now->choice : PuzzleChoice());
    drawing_->setTitle(now ? now->name : QString());
    drawing_->setToolTip(now ? now->name : QString());
    facts_->setText(now ? tr("%1: %2 M parameters, %3 MB, %4 nats a token%5%6")
                              .arg(now->name)
                              .arg(now->parameters / 1e6, 0, 'f', 2)
                              .arg(now->bytes / 1e6, 0, 'f', 2)
                              .arg(now->nats, 0, 'f', 4)
                              .arg(std::isfinite(now->copyingGain)
                                       ? tr(" · a passage far in front saves %1 nats a token")
                                             .arg(now->copyingGain, 0, 'f', 3)
                                       : QString())
                              .arg(std::isfinite(results_.spearman)
                                       ? tr(" · sums of scores foretell losses with Spearman's ρ %1")
                                             .arg(results_.spearman, 0, 'f', 2)
                                       : QString())
                        : tr("No architecture yet"));
    refreshSolution();
}

void PuzzleView::refreshGrid() {
    scores_->setMap(puzzleGrid(results_, PuzzleGrid(grid_->currentIndex())));
}

void PuzzleView::refreshFront() {
    std::vector<ChartSeries> series;
    points_.clear();
    QStringList kinds;
    for (const PuzzleArchitecture& each : results_.architectures)
        if (!kinds.contains(each.how))
            kinds.append(each.how);
    for (qsizetype kind = 0; kind < kinds.size(); ++kind) {
        ChartSeries one;
        one.name = kinds[kind];
        one.color = chartColor(size_t(kind));
        one.line = false;
        one.points = true;
        points_.emplace_back();
        for (size_t index = 0; index < results_.architectures.size(); ++index) {
            const PuzzleArchitecture& each = results_.architectures[index];
            if (each.how != kinds[kind])
                continue;
            one.x.append(each.bytes / 1e6);
            one.y.append(each.nats);
            points_.back().push_back(index);
        }
        series.push_back(std::move(one));
    }
    front_->setSeries(std::move(series));
    front_->setAccessibleName(tr("Architectures by size and loss"));
    front_->setAccessibleDescription(front_->toCsv());
}

// Of what was solved again, as long as there is such a thing.
void PuzzleView::refreshCosts() {
    const PuzzleArchitecture* now = chosen();
    const bool again = !solution_.choice.empty();
    const QString why =
        !now && !again ? tr("No architecture yet")
        : now && !again && now->choice.empty() && now->how != "parent"
            ? tr("%1 is not made of the library's blocks").arg(now->name)
            : tr("An earlier version kept no weights apart from the cache: run the recipe again");
    static const PuzzleStack kNone;
    const PuzzleStack& stack = again ? solution_.stack : now ? now->stack : kNone;
    const PuzzleStack& parent = again ? solution_.parent : now ? now->parent : kNone;
    for (CostStackView* view : {memory_, time_})
        view->show(again ? tr("solved again, ") : QString(), stack, parent, why);
    batches_->show(again ? solution_.batches : now ? now->batches : std::vector<PuzzleBatch>());
}

void PuzzleView::refreshSolution() {
    refreshCosts();
    const PuzzleArchitecture* now = chosen();
    solved_->show(results_.layers, solution_.choice, now ? now->choice : PuzzleChoice());
    make_->setEnabled(!solution_.choice.empty() && panel_->budgets().any());
    if (!results_.searchProblem.isEmpty())
        return solvedFacts_->setText(tr("Cannot be searched again: %1").arg(results_.searchProblem));
    if (!solution_.problem.isEmpty())
        return solvedFacts_->setText(tr("No architecture: %1").arg(solution_.problem));
    if (solution_.choice.empty())
        return solvedFacts_->setText(tr("Move a budget: the architecture is searched again at once"));
    const PuzzleWhole& whole = results_.whole;
    QString text = tr("Solved again in %1 ms: %2 of parameters (%3 %), %4 (%5 %)")
                       .arg(1000 * solution_.seconds, 0, 'f', 0)
                       .arg(countText(solution_.parameters))
                       .arg(100 * solution_.parameters / std::max(1.0, whole.parameters), 0, 'f', 1)
                       .arg(sizeText(solution_.bytes))
                       .arg(100 * solution_.bytes / std::max(1.0, whole.bytes), 0, 'f', 1);
    if (whole.tokensPerSecond > 0)
        text += tr(", prompt %1 ms, %2 tokens a second")
                    .arg(1000 * solution_.promptSeconds, 0, 'f', 2)
                    .arg(solution_.tokensPerSecond, 0, 'f', 0);
    if (solution_.batches.size() > 1)
        for (const PuzzleBatch& each : solution_.batches)
            if (each.kept)
                text += tr(" · %1 sequences at once are the best of %2 numbers")
                            .arg(each.batch)
                            .arg(solution_.batches.size());
    text += tr(" · sum of scores %1").arg(solution_.score, 0, 'f', 4);
    if (!solution_.proven)
        text += tr(", none has less than %1").arg(solution_.bound, 0, 'f', 4);
    if (now && !now->choice.empty())
        text += tr(" · differs from %1 in %2 of %3 layers")
                    .arg(now->name)
                    .arg(layersThatDiffer(solution_.choice, now->choice))
                    .arg(now->choice.size());
    solvedFacts_->setText(text);
}

}  // namespace vitrine
