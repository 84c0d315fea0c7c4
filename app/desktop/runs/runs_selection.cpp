// What the panels beside the table show for the selected runs.
#include "app/desktop/runs/run_questions.h"
#include "app/desktop/runs/runs_controller.h"
#include "widgets/runs/filter_edit.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_table_view.h"

#include <QApplication>

namespace vitrine {

constexpr size_t kMaxCharted = 60;
constexpr size_t kMaxCompared = 20;
constexpr size_t kMaxMedia = 24;

namespace {

std::vector<Run> firstRuns(const std::vector<Run>& runs, size_t count) {
    return {runs.begin(), runs.begin() + int64_t(std::min(runs.size(), count))};
}

}  // namespace

void RunsController::setFilter(const QString& filter) {
    table_->filter()->setText(filter);
    askFilter();
}

void RunsController::selectRuns(const QStringList& ids) {
    std::vector<int64_t> numbers;
    for (const int64_t number : table_->model()->shownNumbers())
        if (const Run* run = table_->model()->runAt(table_->model()->rowOf(number)))
            if (ids.contains(QString::fromStdString(run->id)) ||
                ids.contains(QString::fromStdString(run->name)))
                numbers.push_back(number);
    if (numbers.empty())
        wantedSelection_ = ids;
    else
        table_->view()->selectRuns(numbers);
}

QStringList RunsController::selectedIds() const {
    QStringList out;
    for (const Run& run : selected_)
        out.append(QString::fromStdString(run.id));
    return out;
}

std::vector<Run> RunsController::chartedRuns() const {
    return firstRuns(selected_, kMaxCharted);
}

QColor RunsController::colorOf(int64_t run) const {
    return colors_.value(run, seriesColor(0, QApplication::palette()));
}

void RunsController::selectionChanged() {
    selected_ = table_->view()->selectedRuns();
    // A run keeps its colour as long as it stays selected.
    QHash<qint64, QColor> colors;
    QList<QColor> used;
    for (const Run& run : chartedRuns())
        if (colors_.contains(run.number)) {
            colors[run.number] = colors_[run.number];
            used.append(colors_[run.number]);
        }
    int next = 0;
    for (const Run& run : chartedRuns())
        if (!colors.contains(run.number)) {
            while (next < 40 && used.contains(seriesColor(next, QApplication::palette())))
                ++next;
            colors[run.number] = seriesColor(next++, QApplication::palette());
        }
    colors_ = colors;
    table_->model()->setRunColors(colors_);
    askDetails();
    askCharts();
    askMedia();
    askCompare();
    askLineage();
}

void RunsController::askDetails() {
    if (selected_.empty()) {
        details_->clear();
        return;
    }
    service_.ask<RunDetails>(
        "details",
        [run = selected_.front()](const Project& project) { return runDetails(project, run.number, run.id); },
        [this](Result<RunDetails> answer) { answer ? details_->setDetails(*answer) : details_->clear(); });
}

void RunsController::askCharts() {
    charts_->setNotice(
        selected_.empty() ? "Select runs in the table to draw their metrics."
        : selected_.size() > kMaxCharted
            ? QString("The first %1 of %2 selected runs are drawn.").arg(kMaxCharted).arg(selected_.size())
            : QString());
    service_.ask<QStringList>(
        "metrics", [runs = chartedRuns()](const Project& project) { return metricsOf(project, runs); },
        [this](const Result<QStringList>& metrics) {
            // What cannot be read is not left on show, as if it were still true.
            charts_->setMetrics(metrics.value_or(QStringList()));
            askSeries(charts_->chosen());
        });
}

void RunsController::askSeries(const QStringList& metrics) {
    for (const QString& metric : metrics)
        slow_.ask<std::vector<MetricSeries>>(
            "series " + metric.toStdString(),
            [runs = chartedRuns(), metric](const Project& project) {
                return metricSeries(project, runs, metric.toStdString());
            },
            [this, metric](Result<std::vector<MetricSeries>> series) {
                if (!series) {
                    emit failed(QString::fromStdString(series.error().text()));
                    return;
                }
                for (MetricSeries& one : *series)
                    one.color = colorOf(one.run);
                charts_->setSeries(metric, std::move(*series));
            });
}

void RunsController::askMedia() {
    service_.ask<std::vector<MediaItem>>(
        "media",
        [runs = firstRuns(selected_, kMaxMedia)](const Project& project) { return mediaOf(project, runs); },
        [this, runs = firstRuns(selected_, kMaxMedia)](Result<std::vector<MediaItem>> items) {
            if (!items)
                return media_->setMedia({}, {});
            std::vector<MediaRun> columns;
            for (const Run& run : runs)
                if (std::any_of(items->begin(), items->end(),
                                [&](const MediaItem& item) { return item.run == run.number; }))
                    columns.push_back({run.number, QString::fromStdString(run.name), colorOf(run.number)});
            media_->setMedia(std::move(columns), *items);
        });
}

void RunsController::askCompare() {
    const std::vector<Run> runs = firstRuns(selected_, kMaxCompared);
    compare_->setNotice(selected_.size() < 2 ? "Select two or more runs to compare them."
                        : selected_.size() > kMaxCompared
                            ? QString("The first %1 are compared.").arg(kMaxCompared)
                            : QString());
    slow_.ask<std::vector<ComparedValue>>(
        "compare",
        [runs](const Project& project) -> Result<std::vector<ComparedValue>> {
            if (runs.size() < 2)
                return std::vector<ComparedValue>();
            return compareRuns(project, runs, false);
        },
        [this, runs](Result<std::vector<ComparedValue>> lines) {
            if (!lines || runs.size() < 2)
                return compare_->setComparison({}, {});
            compare_->setComparison(runs, std::move(*lines));
        });
}

void RunsController::askLineage() {
    if (selected_.empty()) {
        lineage_->setGraph({}, {});
        return;
    }
    service_.ask<LineageGraph>(
        "lineage", [run = selected_.front()](const Project& project) { return lineageOf(project, run); },
        [this, id = selected_.front().id](Result<LineageGraph> graph) {
            if (graph)
                lineage_->setGraph(*graph, id);
        });
}

void RunsController::askImage(const QString& path) {
    images_.ask<LoadedImage>(
        "image " + path.toStdString(),
        [path](const Project&) -> Result<LoadedImage> { return loadImage(path); },
        [this](Result<LoadedImage> loaded) {
            if (!loaded)
                return;
            media_->setImage(loaded->path, loaded->image, loaded->error);
            details_->setImage(loaded->path, loaded->image, loaded->error);
        });
}

Json RunsController::saveSession() const {
    const RunTableModel* model = table_->model();
    Json session{{"filter", table_->filter()->text().toStdString()},
                 {"group_by", model->groupBy()},
                 {"sort", model->sortKey()},
                 {"descending", model->sortOrder() == Qt::DescendingOrder},
                 {"only_differences", model->onlyDifferences()},
                 {"hidden_columns", model->hiddenColumns()},
                 {"pinned_columns", model->pinnedColumns()},
                 {"charts", charts_->save()},
                 {"sql", sql_->sql().toStdString()}};
    for (const QString& id : selectedIds().mid(0, 100))
        session["selected"].push_back(id.toStdString());
    for (const QString& sql : sql_->history().mid(0, 50))
        session["sql_history"].push_back(sql.toStdString());
    return session;
}

void RunsController::restoreSession(const Json& session) {
    const auto text = [&](const char* key, const char* fallback) {
        return jsonValueOr<std::string>(session, key, fallback, "runs").value_or(fallback);
    };
    const auto flag = [&](const char* key) {
        return jsonValueOr<bool>(session, key, false, "runs").value_or(false);
    };
    const auto list = [&](const char* key) {
        using Texts = std::vector<std::string>;
        return jsonValueOr<Texts>(session, key, Texts(), "runs").value_or(Texts());
    };
    RunTableModel* model = table_->model();
    if (session.contains("hidden_columns")) {
        const auto hidden = list("hidden_columns");
        model->setHiddenColumns(std::set<std::string>(hidden.begin(), hidden.end()));
        model->setPinnedColumns(list("pinned_columns"));
    }
    if (session.contains("sort"))
        model->setSort(text("sort", "created"),
                       flag("descending") ? Qt::DescendingOrder : Qt::AscendingOrder);
    table_->setGroupBy(QString::fromStdString(text("group_by", "")));
    if (flag("only_differences"))
        table_->setOnlyDifferences(true);
    if (session.contains("charts"))
        charts_->restore(session["charts"]);
    setFilter(QString::fromStdString(text("filter", "")));
    sql_->setSql(QString::fromStdString(text("sql", "")));
    QStringList ids, history;
    for (const std::string& id : list("selected"))
        ids.append(QString::fromStdString(id));
    for (const std::string& sql : list("sql_history"))
        history.append(QString::fromStdString(sql));
    sql_->setHistory(history);
    if (!ids.isEmpty())
        selectRuns(ids);
}

}  // namespace vitrine
