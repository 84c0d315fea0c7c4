#include "app/desktop/runs/runs_controller.h"

#include "app/desktop/runs/run_questions.h"
#include "core/commands/runs_commands.h"
#include "widgets/base/theme.h"
#include "widgets/runs/filter_edit.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_table_view.h"

#include <QApplication>
#include <algorithm>

namespace vitrine {

constexpr int kSelectionDelayMs = 60;
constexpr int kChangeDelayMs = 150;
constexpr int kLiveMs = 1000;

RunsController::RunsController(QObject* parent)
    : QObject(parent),
      service_(true),
      slow_(false),
      images_(false),
      live_(false),
      sqlService_(false),
      table_(new RunsTablePanel),
      details_(new RunDetailPanel),
      charts_(new ChartsPanel),
      media_(new MediaPanel),
      compare_(new CompareView),
      sql_(new SqlConsole),
      lineage_(new LineageView) {
    declareRunsCommands(registry_);
    bindRunsCommands(registry_);
    for (QTimer* timer : {&selectionDelay_, &changeDelay_})
        timer->setSingleShot(true);
    selectionDelay_.setInterval(kSelectionDelayMs);
    changeDelay_.setInterval(kChangeDelayMs);
    liveTimer_.setInterval(kLiveMs);
    connect(&liveTimer_, &QTimer::timeout, this, &RunsController::askLive);
    wireServices();
    wireTable();
    wirePanels();
}

RunsController::~RunsController() {
    sqlStop_.request_stop();
}

void RunsController::wireServices() {
    connect(&service_, &RunService::opened, this, [this](const QString& name, bool readOnly) {
        readOnly_ = readOnly;
        problem_.clear();
        table_->setProblem(
            readOnly ? tr("The project %1 can only be read, because its folder is not writable: notes, tags "
                          "and new runs are off.")
                           .arg(name)
                     : QString(),
            false);
    });
    connect(&service_, &RunService::openFailed, this, &RunsController::showProblem);
    // Several commits in a row are one refresh.
    connect(&service_, &RunService::changed, this, [this] {
        if (!changeDelay_.isActive())
            changeDelay_.start();
    });
    connect(&changeDelay_, &QTimer::timeout, this, &RunsController::refresh);
    // Colours of lines depend on the theme.
    connect(&Theme::instance(), &Theme::changed, this, [this] {
        colors_.clear();
        selectionDelay_.start();
    });
    connect(&processes_, &RunProcesses::failedEarly, this, &RunsController::failed);
}

void RunsController::wireTable() {
    connect(table_->filter(), &FilterEdit::filterChanged, this, &RunsController::askFilter);
    connect(table_->model(), &RunTableModel::columnsWanted, this, &RunsController::askColumns);
    connect(table_, &RunsTablePanel::trashShown, this, &RunsController::askTable);
    connect(table_, &RunsTablePanel::onlyDifferencesChanged, this, &RunsController::askDifferences);
    connect(table_, &RunsTablePanel::editRequested, this, &RunsController::carryOut);
    connect(table_, &RunsTablePanel::actionRequested, this, &RunsController::control);
    connect(table_, &RunsTablePanel::failed, this, &RunsController::failed);
    connect(table_, &RunsTablePanel::csvExported, this,
            [this](const QString& path) { emit notice("Saved " + path); });
    connect(table_->view(), &RunTableView::selectionEdited, &selectionDelay_, qOverload<>(&QTimer::start));
    connect(&selectionDelay_, &QTimer::timeout, this, &RunsController::selectionChanged);
}

void RunsController::wirePanels() {
    charts_->setNotice("Select runs in the table to draw their metrics.");
    connect(details_, &RunDetailPanel::imageWanted, this, &RunsController::askImage);
    connect(details_, &RunDetailPanel::notesEdited, this,
            [this](const Run& run, const QString& notes) { carryOut(RunEdit::Notes, {run}, notes); });
    connect(details_, &RunDetailPanel::nameEdited, this,
            [this](const Run& run, const QString& name) { carryOut(RunEdit::Rename, {run}, name); });
    connect(charts_, &ChartsPanel::chosenChanged, this, &RunsController::askSeries);
    connect(charts_, &ChartsPanel::failed, this, &RunsController::failed);
    connect(media_, &MediaPanel::imageWanted, this, &RunsController::askImage);
    connect(sql_, &SqlConsole::runRequested, this, &RunsController::runSql);
    connect(sql_, &SqlConsole::stopRequested, this, [this] { sqlStop_.request_stop(); });
    connect(sql_, &SqlConsole::savedChanged, this, &RunsController::saveQueries);
    connect(sql_, &SqlConsole::failed, this, &RunsController::failed);
    connect(lineage_, &LineageView::runActivated, this, [this](const QString& id) { selectRuns({id}); });
}

// The window goes on with an empty table; the service tries again by itself.
void RunsController::showProblem(const QString& problem) {
    problem_ = problem;
    table_->setProblem(problem);
    table_->model()->setRuns(std::make_shared<std::vector<Run>>());
    table_->setTotal(0);
    if (!selected_.empty())
        wantedSelection_ = selectedIds();  // selected again when the database is back
    selectionChanged();
    emit failed(problem);
}

void RunsController::openProject(const std::filesystem::path& folder) {
    if (folder == folder_)
        return;
    folder_ = folder;
    sqlStop_.request_stop();
    sql_->setError({});  // no answer of the project before will come
    for (RunService* service : {&service_, &slow_, &images_, &live_, &sqlService_})
        service->open(folder);
    selected_.clear();
    details_->clear();
    table_->model()->setRuns(std::make_shared<std::vector<Run>>());
    problem_.clear();
    readOnly_ = false;
    table_->setProblem({});
    loadQueries();
    if (folder.empty())
        return liveTimer_.stop();
    liveTimer_.start();
    refresh();
}

void RunsController::refresh() {
    if (folder_.empty())
        return;
    askTable();
}

bool RunsController::isBusy() const {
    return service_.isBusy() || slow_.isBusy() || sqlService_.isBusy() || images_.isBusy() ||
           selectionDelay_.isActive() || changeDelay_.isActive();
}

void RunsController::askTable() {
    const bool trash = table_->showsTrash();
    service_.ask<RunTableAnswer>(
        "table", [trash](const Project& project) { return tableRuns(project, trash); },
        [this](Result<RunTableAnswer> answer) {
            if (!answer) {
                // Why the project cannot be opened is said once.
                if (const QString text = QString::fromStdString(answer.error().text());
                    text != problem_ && problem_.isEmpty())
                    emit failed(text);
                return;
            }
            table_->setColumns(answer->columns);
            table_->model()->setRuns(answer->runs);
            table_->setTotal(int(answer->runs->size()));
            askFilter();
            if (!wantedSelection_.isEmpty())
                selectRuns(std::exchange(wantedSelection_, {}));
            else if (!selected_.empty())
                selectionDelay_.start();
            emit refreshed();
        });
}

void RunsController::askFilter() {
    const std::string filter = table_->filter()->text().trimmed().toStdString();
    if (filter.empty()) {
        table_->filter()->setError({});
        table_->model()->setFilter(std::nullopt);
        askDifferences();
        return;
    }
    service_.ask<std::vector<int64_t>>(
        "filter", [filter](const Project& project) { return filterRuns(project, filter, TrashFilter::With); },
        [this](Result<std::vector<int64_t>> numbers) {
            if (!numbers) {
                Error error = numbers.error();
                table_->filter()->setError(QString::fromStdString(error.text()));
                return;
            }
            table_->filter()->setError({});
            table_->model()->setFilter(std::unordered_set<int64_t>(numbers->begin(), numbers->end()));
            askDifferences();
        });
}

void RunsController::askColumns(const QStringList& keys) {
    using Columns = std::vector<std::pair<std::string, RunTableModel::ColumnValues>>;
    // Each column is wanted once: the question must not be replaced by the next one.
    static uint64_t number = 0;
    service_.ask<Columns>(
        fmt::format("columns {}", ++number),
        [keys](const Project& project) -> Result<Columns> {
            Columns out;
            for (const QString& key : keys) {
                // A key that vanished with its last run is an empty column.
                using Values = std::unordered_map<int64_t, SqlValue>;
                auto values = columnValues(project, key.toStdString()).value_or(Values());
                out.emplace_back(key.toStdString(), std::make_shared<const Values>(std::move(values)));
            }
            return out;
        },
        [this](Result<Columns> columns) {
            if (columns)
                for (auto& [key, values] : *columns)
                    table_->model()->setColumnValues(key, values);
        });
}

void RunsController::askDifferences() {
    if (!table_->model()->onlyDifferences())
        return;
    const std::vector<int64_t> numbers = table_->model()->shownNumbers();
    std::vector<Run> runs;
    for (const int64_t number : numbers)
        if (const Run* run = table_->model()->runAt(table_->model()->rowOf(number)))
            runs.push_back(*run);
    slow_.ask<std::set<std::string>>(
        "differences",
        [numbers, runs](const Project& project) { return differingColumns(project, numbers, runs); },
        [this](Result<std::set<std::string>> keys) {
            keys ? table_->model()->setDifferingColumns(std::move(*keys))
                 : emit failed(QString::fromStdString(keys.error().text()));
        });
}

void RunsController::askLive() {
    if (live_.isBusy())
        return;
    live_.ask<std::vector<LiveRun>>(
        "live", [](const Project& project) { return liveRuns(project); },
        [this](const Result<std::vector<LiveRun>>& runs) {
            const std::vector<LiveRun> now = runs.value_or(std::vector<LiveRun>());
            if (!now.empty() || hadLive_)
                emit liveRunsChanged(now);
            hadLive_ = !now.empty();
        });
}

}  // namespace vitrine
