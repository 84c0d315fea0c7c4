#include "app/desktop/runs/runs_controller.h"

#include "app/desktop/runs/run_edits.h"
#include "app/desktop/runs/run_questions.h"
#include "core/base/file.h"
#include "core/commands/runs_commands.h"
#include "core/runs/control_socket.h"
#include "core/runs/sql_console.h"
#include "widgets/base/theme.h"
#include "widgets/runs/filter_edit.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_table_view.h"

#include <QApplication>
#include <algorithm>

namespace vitrine {

constexpr int kSelectionDelayMs = 60;
constexpr int kChangeDelayMs = 150;
constexpr double kSqlSeconds = 60;
constexpr int64_t kSqlRows = 100'000;

RunsController::RunsController(QObject* parent)
    : QObject(parent),
      service_(true),
      slow_(false),
      images_(false),
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
    wireServices();
    wireTable();
    wirePanels();
}

RunsController::~RunsController() = default;

void RunsController::wireServices() {
    connect(&service_, &RunService::opened, this, [this](const QString& name, bool readOnly) {
        readOnly_ = readOnly;
        if (readOnly)
            emit notice(QString("Project %1 can only be read").arg(name));
    });
    connect(&service_, &RunService::openFailed, this, &RunsController::failed);
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
    connect(sql_, &SqlConsole::savedChanged, this, &RunsController::saveQueries);
    connect(sql_, &SqlConsole::failed, this, &RunsController::failed);
    connect(lineage_, &LineageView::runActivated, this, [this](const QString& id) { selectRuns({id}); });
}

void RunsController::openProject(const std::filesystem::path& folder) {
    if (folder == folder_)
        return;
    folder_ = folder;
    for (RunService* service : {&service_, &slow_, &images_})
        service->open(folder);
    selected_.clear();
    details_->clear();
    table_->model()->setRuns(std::make_shared<std::vector<Run>>());
    loadQueries();
    if (!folder.empty())
        refresh();
}

void RunsController::refresh() {
    if (folder_.empty())
        return;
    askTable();
}

bool RunsController::isBusy() const {
    return service_.isBusy() || slow_.isBusy() || images_.isBusy() || selectionDelay_.isActive() ||
           changeDelay_.isActive();
}

void RunsController::askTable() {
    const bool trash = table_->showsTrash();
    service_.ask<RunTableAnswer>(
        "table", [trash](const Project& project) { return tableRuns(project, trash); },
        [this](Result<RunTableAnswer> answer) {
            if (!answer) {
                emit failed(QString::fromStdString(answer.error().text()));
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

void RunsController::carryOut(RunEdit edit, const std::vector<Run>& runs, const QString& text) {
    if (readOnly_) {
        emit failed("The project can only be read: its folder is not writable");
        return;
    }
    if (edit == RunEdit::Rename) {
        service_.ask<bool>(
            "rename " + runs.front().id,
            [run = runs.front(), name = text.toStdString()](const Project& project) -> Result<bool> {
                VITRINE_TRY_VOID(RunStore(project).setName(run, name));
                return true;
            },
            [this](Result<bool> done) {
                done ? refresh() : emit failed(QString::fromStdString(done.error().text()));
            });
        return;
    }
    const auto commands = commandsOf(edit, runs, text);
    if (execute_) {
        execute_(*commands);
        return;
    }
    slow_.ask<CommandOutput>(
        "edit " + commands->forward.name,
        [this, command = commands->forward, folder = folder_](const Project&) {
            CommandContext context;
            context.project = folder;
            return registry_.execute(command.name, command.arguments, context);
        },
        [this](Result<CommandOutput> done) {
            done ? refresh() : emit failed(QString::fromStdString(done.error().text()));
        });
}

void RunsController::control(RunAction action, const Run& run) {
    if (action == RunAction::Resume || action == RunAction::Reproduce) {
        slow_.ask<Json>(
            "recipe", [run](const Project& project) { return RunStore(project).recipe(run); },
            [this, run, action](Result<Json> recipe) {
                Result<void> started = !recipe ? Result<void>(Failure(recipe.error()))
                                       : action == RunAction::Resume
                                           ? processes_.resume(folder_, run.id)
                                           : processes_.reproduce(folder_, run.id, recipe->dump(2));
                started ? emit notice(action == RunAction::Resume
                                          ? "The run goes on in a process of its own"
                                          : "The recipe runs again in a process of its own")
                        : emit failed(QString::fromStdString(started.error().text()));
            });
        return;
    }
    const char* command = action == RunAction::Pause      ? "pause"
                          : action == RunAction::Continue ? "resume"
                                                          : "stop";
    slow_.ask<Json>(
        "control " + run.id,
        [run, command](const Project& project) {
            return sendControl(controlSocketPath(project, run.id), Json{{"command", command}});
        },
        [this](Result<Json> answer) {
            answer ? refresh() : emit failed(QString::fromStdString(answer.error().text()));
        });
}

void RunsController::runSql(const QString& sql) {
    slow_.ask<SqlTable>(
        "sql",
        [sql](const Project& project) {
            return querySql(project, sql.toStdString(), {.seconds = kSqlSeconds, .rows = kSqlRows});
        },
        [this](Result<SqlTable> table) {
            table ? sql_->setResult(std::move(*table))
                  : sql_->setError(QString::fromStdString(table.error().text()));
        });
}

void RunsController::loadQueries() {
    QList<SavedQuery> queries;
    const auto json =
        folder_.empty() ? Result<Json>(Json::array()) : readJsonFile(folder_ / "queries.json", 1 << 20);
    if (json && json->is_array())
        for (const Json& query : *json) {
            const auto name = jsonValue<std::string>(query, "name", "queries.json");
            const auto sql = jsonValue<std::string>(query, "sql", "queries.json");
            if (name && sql)
                queries.append({QString::fromStdString(*name), QString::fromStdString(*sql)});
        }
    sql_->setSaved(queries);
}

void RunsController::saveQueries() {
    Json json = Json::array();
    for (const SavedQuery& query : sql_->saved())
        json.push_back({{"name", query.name.toStdString()}, {"sql", query.sql.toStdString()}});
    const auto written = writeFileAtomically(folder_ / "queries.json", json.dump(2) + "\n");
    if (!written)
        emit failed(QString::fromStdString(written.error().text()));
}

}  // namespace vitrine
