#include "core/runs/run_export.h"

#include "core/runs/run_query.h"
#include "core/runs/series.h"

#include <cmath>
#include <map>

namespace vitrine {

Json jsonOf(const SqlValue& value) {
    if (const auto* whole = std::get_if<int64_t>(&value))
        return *whole;
    if (const auto* number = std::get_if<double>(&value))
        return std::isfinite(*number) ? Json(*number) : Json(fmt::format("{}", *number));
    const auto* text = std::get_if<std::string>(&value);
    return text ? Json(*text) : Json(nullptr);
}

Json jsonOf(const Run& run) {
    const auto time = [](double seconds) { return seconds > 0 ? Json(seconds) : Json(nullptr); };
    return {{"id", run.id},
            {"name", run.name},
            {"kind", run.kind},
            {"status", runStatusName(run.status)},
            {"seed", run.seed ? Json(*run.seed) : Json(nullptr)},
            {"device", run.device},
            {"created", time(run.created)},
            {"started", time(run.started)},
            {"ended", time(run.ended)},
            {"host", run.process.host},
            {"pid", run.process.pid},
            {"error", run.error},
            {"notes", run.notes},
            {"tags", run.tags},
            {"starred", run.starred},
            {"deleted_at", time(run.deletedAt)},
            {"parent", run.parent},
            {"sweep", run.sweep},
            {"result_hash", run.resultHash}};
}

Result<std::string> exportTableCsv(const Project& project, const std::vector<Run>& runs) {
    static const std::vector<std::string> kFields{"id",     "name",    "kind",       "status", "seed",
                                                  "device", "created", "started",    "ended",  "starred",
                                                  "notes",  "error",   "result_hash"};
    VITRINE_TRY(const auto table, compareRuns(project, runs, false));
    std::string out = fmt::format("{},tags", fmt::join(kFields, ","));
    std::vector<const ComparedValue*> kept;
    for (const ComparedValue& line : table)
        if (!line.key.starts_with("environment.")) {
            kept.push_back(&line);
            out += "," + csvField(line.key);
        }
    out += "\n";
    for (size_t i = 0; i < runs.size(); ++i) {
        const Json run = jsonOf(runs[i]);
        for (const std::string& field : kFields) {
            const Json& value = run[field];
            out += csvField(value.is_null()     ? ""
                            : value.is_string() ? value.get<std::string>()
                                                : value.dump()) +
                   ",";
        }
        out += csvField(fmt::format("{}", fmt::join(runs[i].tags, " ")));
        for (const ComparedValue* line : kept)
            out += "," + csvField(textOf(line->values[i]));
        out += "\n";
    }
    return out;
}

Result<std::string> exportSeriesCsv(const Project& project, const std::vector<Run>& runs) {
    std::string out = "run,name,metric,step,time,value\n";
    for (const Run& run : runs) {
        VITRINE_TRY(const auto names, metricNames(project, run));
        for (const std::string& name : names) {
            VITRINE_TRY(const auto points, readSeries(project, run, name));
            const std::string prefix = fmt::format("{},{},{}", run.id, csvField(run.name), csvField(name));
            for (const SeriesPoint& point : points)
                out += fmt::format("{},{},{},{}\n", prefix, point.step, point.time, point.value);
        }
    }
    return out;
}

Result<Json> exportRunJson(const Project& project, const Run& run) {
    const RunStore store(project);
    Json out = jsonOf(run);
    VITRINE_TRY(out["recipe"], store.recipe(run));
    VITRINE_TRY(out["params"], store.params(run));
    VITRINE_TRY(out["environment"], store.environment(run));
    out["metrics"] = Json::object();
    VITRINE_TRY(const auto names, metricNames(project, run));
    for (const std::string& name : names) {
        VITRINE_TRY(const auto points, readSeries(project, run, name));
        Json& series = out["metrics"][name] = Json::array();
        for (const SeriesPoint& point : points)
            series.push_back({point.step, point.time, jsonOf(SqlValue(point.value))});
    }
    out["artifacts"] = Json::array();
    VITRINE_TRY(const auto artifacts, store.artifacts(run));
    for (const Artifact& artifact : artifacts)
        out["artifacts"].push_back({{"name", artifact.name},
                                    {"kind", artifact.kind},
                                    {"step", artifact.step},
                                    {"sha256", artifact.sha256},
                                    {"bytes", artifact.bytes},
                                    {"media_type", artifact.mediaType},
                                    {"provenance", artifact.provenance}});
    out["events"] = Json::array();
    VITRINE_TRY(const auto events, store.events(run));
    for (const RunEvent& event : events)
        out["events"].push_back({{"time", event.time}, {"kind", event.kind}, {"data", event.data}});
    return out;
}

}  // namespace vitrine
