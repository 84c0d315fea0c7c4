#include "app/desktop/runs/run_questions.h"

#include "core/base/hash.h"
#include "widgets/runs/run_columns.h"

#include <QImageReader>
#include <algorithm>

namespace vitrine {
namespace {

constexpr int64_t kMaxPixels = 64'000'000;

// Runs `sql` with one list of run numbers (as a JSON text) and gives the first column.
Result<std::vector<std::string>> firstColumn(const Project& project, const std::string& sql,
                                             const std::string& numbers, int64_t count) {
    VITRINE_TRY(Statement rows, project.database().prepare(sql));
    rows.bindAll(numbers, count);
    std::vector<std::string> out;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        out.push_back(rows.text(0));
    }
}

std::string jsonList(const std::vector<int64_t>& numbers) {
    return Json(numbers).dump();
}

bool isPicture(const Artifact& artifact) {
    return artifact.kind == "image" || artifact.mediaType.starts_with("image/");
}

}  // namespace

Result<RunTableAnswer> tableRuns(const Project& project, bool trash) {
    RunListOptions options;
    options.trash = trash ? TrashFilter::Only : TrashFilter::Without;
    VITRINE_TRY(std::vector<RunRow> rows, listRuns(project, options));
    auto runs = std::make_shared<std::vector<Run>>();
    runs->reserve(rows.size());
    for (RunRow& row : rows)
        runs->push_back(std::move(row.run));
    VITRINE_TRY(std::vector<std::string> columns, columnNames(project));
    return RunTableAnswer{std::move(runs), std::move(columns)};
}

Result<std::set<std::string>> differingColumns(const Project& project, const std::vector<int64_t>& numbers,
                                               const std::vector<Run>& runs) {
    std::set<std::string> out;
    for (const std::string& key : fixedRunColumns()) {
        const auto value = [&](const Run& run) { return fixedRunValue(run, key, 0); };
        if (std::any_of(runs.begin(), runs.end(),
                        [&](const Run& run) { return value(run) != value(runs.front()); }))
            out.insert(key);
    }
    // Every run of the project: no look-up per value is needed, which is most of the work.
    VITRINE_TRY(const SqlValue total, project.database().scalar("SELECT COUNT(*) FROM runs"));
    const bool all = integerOr(total, -1) == int64_t(numbers.size());
    const std::string where = all ? "?1 IS NOT NULL" : "v.run IN (SELECT value FROM json_each(?1))";
    for (const auto& [table, column] : {std::pair{"param_values", "v.value"}, {"series", "v.last_value"}}) {
        const std::string sql = fmt::format(
            "SELECT k.kind || 's.' || k.name FROM {} v JOIN keys k ON k.id = v.key WHERE {} GROUP BY v.key "
            "HAVING "
            "MIN({}) IS NOT MAX({}) OR COUNT(*) < ?2",
            table, where, column, column);
        VITRINE_TRY(const auto keys, firstColumn(project, sql, jsonList(numbers), int64_t(numbers.size())));
        out.insert(keys.begin(), keys.end());
    }
    return out;
}

Result<RunDetails> runDetails(const Project& project, int64_t number, const std::string& id) {
    const RunStore store(project);
    RunDetails details;
    VITRINE_TRY(details.run, store.find(id));
    VITRINE_TRY(details.params, store.params(details.run));
    VITRINE_TRY(details.environment, store.environment(details.run));
    VITRINE_TRY(details.events, store.events(details.run));
    VITRINE_TRY(details.artifacts, store.artifacts(details.run));
    for (const Artifact& artifact : details.artifacts)
        details.artifactPaths.push_back(project.artifacts().pathOf(artifact.sha256).string());
    VITRINE_TRY(Statement rows,
                project.database().prepare(
                    "SELECT k.name, s.last_value, s.last_step FROM series s JOIN keys k ON k.id = "
                    "s.key WHERE s.run = ? ORDER BY k.name"));
    rows.bindAll(number);
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return details;
        details.metrics.push_back({rows.text(0), rows.value(1), rows.integer(2)});
    }
}

Result<QStringList> metricsOf(const Project& project, const std::vector<Run>& runs) {
    std::set<std::string> names;
    for (const Run& run : runs) {
        VITRINE_TRY(const auto metrics, metricNames(project, run));
        names.insert(metrics.begin(), metrics.end());
    }
    QStringList out;
    for (const std::string& name : names)
        out.append(QString::fromStdString(name));
    return out;
}

Result<std::vector<MetricSeries>> metricSeries(const Project& project, const std::vector<Run>& runs,
                                               const std::string& metric) {
    const RunStore store(project);
    std::map<std::string, QString> groupOf;
    std::vector<MetricSeries> out;
    for (const Run& run : runs) {
        VITRINE_TRY(std::vector<SeriesPoint> points, readSeries(project, run, metric));
        if (points.empty())
            continue;
        VITRINE_TRY(Json params, store.params(run));
        for (const char* key : {"seed", "name", "notes", "tags"})
            params.erase(key);
        const QString name = QString::fromStdString(run.name);
        const auto group = groupOf.try_emplace(params.dump(), name).first;
        MetricSeries series;
        series.run = run.number;
        series.label = run.seed ? QString("%1 · seed %2").arg(name).arg(*run.seed) : name;
        series.seedGroup = group->second;
        series.points = std::make_shared<const std::vector<SeriesPoint>>(std::move(points));
        out.push_back(std::move(series));
    }
    return out;
}

Result<std::vector<MediaItem>> mediaOf(const Project& project, const std::vector<Run>& runs) {
    const RunStore store(project);
    std::vector<MediaItem> out;
    for (const Run& run : runs) {
        VITRINE_TRY(const auto artifacts, store.artifacts(run));
        for (const Artifact& artifact : artifacts)
            if (isPicture(artifact))
                out.push_back({run.number, QString::fromStdString(artifact.name), artifact.step,
                               QString::fromStdString(project.artifacts().pathOf(artifact.sha256).string()),
                               QString::fromStdString(artifact.mediaType)});
    }
    return out;
}

Result<LineageGraph> lineageOf(const Project& project, const Run& run) {
    const RunStore store(project);
    VITRINE_TRY(std::vector<LineageEdge> edges, store.lineage(run));
    // What the run stored belongs to its lineage even if nothing else refers to it yet.
    VITRINE_TRY(const auto artifacts, store.artifacts(run));
    std::set<std::string> known;
    for (const LineageEdge& edge : edges)
        known.insert(edge.reference);
    std::map<std::string, const Artifact*> newest;
    for (const Artifact& artifact : artifacts)
        if (const auto entry = newest.try_emplace(artifact.name, &artifact).first;
            entry->second->step < artifact.step)
            entry->second = &artifact;
    for (const auto& [name, artifact] : newest)
        if (known.insert(artifact->sha256).second)
            edges.push_back({run.id, "output", "artifact", artifact->sha256, name});
    if (!run.parent.empty() && known.insert(run.parent).second)
        edges.push_back({run.id, "input", "run", run.parent, {}});
    std::map<std::string, std::string> names{{run.id, run.name}};
    for (const LineageEdge& edge : edges)
        for (const std::string& id : {edge.run, edge.kind == "run" ? edge.reference : std::string()})
            if (!id.empty() && !names.contains(id))
                if (const auto other = store.find(id))
                    names[id] = other->name;
    return layoutLineage(edges, run.id, names);
}

LoadedImage loadImage(const QString& path) {
    LoadedImage out{path, {}, {}};
    QImageReader reader(path);
    reader.setDecideFormatFromContent(true);
    reader.setAutoTransform(true);
    const QSize size = reader.size();
    if (size.isValid() && int64_t(size.width()) * size.height() > kMaxPixels) {
        out.error = QString("%1 × %2 pixels are too many to show here").arg(size.width()).arg(size.height());
        return out;
    }
    out.image = reader.read();
    if (out.image.isNull())
        out.error = "The picture cannot be shown: " + reader.errorString();
    return out;
}

}  // namespace vitrine
