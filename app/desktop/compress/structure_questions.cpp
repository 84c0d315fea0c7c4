#include "app/desktop/compress/structure_questions.h"

#include "app/desktop/compress/elastic_questions.h"
#include "app/desktop/compress/puzzle_questions.h"
#include "app/desktop/compress/removal_questions.h"
#include "app/desktop/compress/training_questions.h"
#include "app/desktop/runs/report_values.h"
#include "core/runs/run_query.h"
#include "core/runs/series.h"

#include <QCoreApplication>
#include <algorithm>
#include <limits>

namespace vitrine {
namespace {

const std::vector<std::pair<const char*, StructureKind>> kKinds{
    {"prune-structures", StructureKind::Prune}, {"puzzle", StructureKind::Puzzle},
    {"learn-masks", StructureKind::Masks},      {"train-sparse", StructureKind::Masks},
    {"train-elastic", StructureKind::Elastic},  {"train-incremental", StructureKind::Incremental}};

std::optional<StructureKind> kindOf(const std::string& name) {
    for (const auto& [kind, which] : kKinds)
        if (name == kind)
            return which;
    return std::nullopt;
}

Failure lacks(const char* file, const char* what) {
    return fail(ErrorCode::InvalidFile, fmt::format("there is no \"{}\" in it", what), file,
                "Run the recipe again with this version");
}

Result<void> readHistory(const Project& project, StructureRun& out) {
    const std::vector<std::string> wanted{"masks/",   "loss",          "density",
                                          "held out", "test/accuracy", "structure/"};
    VITRINE_TRY(const auto names, metricNames(project, out.run));
    for (const std::string& name : names) {
        if (std::none_of(wanted.begin(), wanted.end(),
                         [&](const std::string& front) { return name.starts_with(front); }))
            continue;
        if (std::count(name.begin(), name.end(), '/') > 1)
            continue;  // of one layer
        VITRINE_TRY(const auto points, readSeries(project, out.run, name));
        ChartSeries curve;
        curve.name = QString::fromStdString(name);
        for (const SeriesPoint& point : points) {
            curve.x.append(double(point.step));
            curve.y.append(point.value);
        }
        out.history.curves.push_back(std::move(curve));
    }
    return {};
}

}  // namespace

Result<std::vector<StructureRunLine>> structureRuns(const Project& project) {
    std::vector<StructureRunLine> lines;
    VITRINE_TRY(const auto rows, listRuns(project, {}));
    for (const RunRow& row : rows)
        if (const auto kind = kindOf(row.run.kind))
            lines.push_back(
                {row.run, *kind,
                 QStringLiteral("%1 · %2 · %3")
                     .arg(QString::fromStdString(row.run.name.empty() ? row.run.id : row.run.name),
                          QString::fromStdString(row.run.kind),
                          QString::fromLatin1(runStatusName(row.run.status)))});
    return lines;
}

Result<StructureScores> scoresOf(const Json& ranking) {
    if (!ranking.is_object() || !ranking.contains("neurons") || !ranking.contains("blocks"))
        return lacks("ranking.json", "neurons");
    StructureScores scores;
    scores.channels = numbersOf(ranking.value("channels", Json::array()));
    scores.neurons = numberTableOf(ranking["neurons"]);
    scores.heads = numberTableOf(ranking.value("heads", Json::array()));
    scores.streamNorms = numbersOf(ranking.value("stream_norms", Json::array()));
    scores.streamCosines = numberTableOf(ranking.value("stream_cosines", Json::array()));
    for (const auto& [metric, values] : ranking["blocks"].items())
        scores.blocks[QString::fromStdString(metric)] = numbersOf(values);
    const Json parts = ranking.value("parts", Json::object());
    for (const auto& [metric, values] : parts.items())
        scores.parts[QString::fromStdString(metric)] = numbersOf(values);
    return scores;
}

Result<std::vector<StructureStudent>> studentsOf(const Json& structures) {
    if (!structures.is_object() || !structures.contains("students"))
        return lacks("structures.json", "students");
    std::vector<StructureStudent> students;
    for (const Json& row : structures["students"]) {
        StructureStudent each;
        each.name = textOf(row, "student");
        each.control = row.value("control", false);
        each.candidate = row.value("candidate", false);
        each.parameters = numberOf(row, "parameters");
        each.bytes = numberOf(row, "weight_bytes");
        each.natsAsCut = numberOf(row, "nats_as_cut");
        each.nats = numberOf(row, "nats_per_token");
        each.toDense = numberOf(row, "difference_to_dense");
        readRemoval(row, each);
        students.push_back(std::move(each));
    }
    return students;
}

Result<std::shared_ptr<const StructureRun>> structureRun(const Project& project, const std::string& runId) {
    const RunStore store(project);
    auto out = std::make_shared<StructureRun>();
    VITRINE_TRY(out->run, store.find(runId));
    VITRINE_TRY(out->recipe, store.recipe(out->run));
    out->kind = kindOf(out->run.kind).value_or(StructureKind::Prune);
    const Json settings = out->recipe.value("settings", Json::object());
    if (settings.contains("model") && settings["model"].is_string())
        out->model = settings["model"].get<std::string>();
    const QString id = QString::fromStdString(out->run.id);
    out->structures.run = out->puzzle.run = out->history.run = out->elastic.run = id;
    out->structures.model = QString::fromStdString(out->model);
    VITRINE_TRY(const auto artifacts, store.artifacts(out->run));
    std::map<int64_t, std::filesystem::path> frames;
    for (const Artifact& artifact : artifacts) {
        const auto path = project.artifacts().pathOf(artifact.sha256);
        if (artifact.name == "ranking.json") {
            VITRINE_TRY(const Json json, readJsonFile(path));
            VITRINE_TRY(out->structures.scores, scoresOf(json));
        } else if (artifact.name == "structures.json") {
            VITRINE_TRY(const Json json, readJsonFile(path));
            VITRINE_TRY(out->structures.students, studentsOf(json));
        } else if (artifact.name == "puzzle.json") {
            VITRINE_TRY(const Json json, readJsonFile(path));
            VITRINE_TRY_VOID(readPuzzle(json, *out));
            out->puzzle.run = id;
        } else if (artifact.name == "library.safetensors") {
            out->library = path;
        } else if (artifact.name == "sizes.json") {
            VITRINE_TRY(const Json json, readJsonFile(path));
            VITRINE_TRY(ElasticResults elastic, elasticOf(json));
            elastic.run = id;
            elastic.predicted = std::move(out->elastic.predicted);
            elastic.measured = std::move(out->elastic.measured);
            elastic.surrogateError = out->elastic.surrogateError;
            out->elastic = std::move(elastic);
        } else if (artifact.name == "surrogate.json") {
            VITRINE_TRY(const Json json, readJsonFile(path));
            out->elastic.surrogateError = numberOf(json, "error_on_unseen");
            const Json unseen = json.value("unseen", Json::array());
            for (const Json& each : unseen) {
                out->elastic.predicted.push_back(numberOf(each, "predicted"));
                out->elastic.measured.push_back(numberOf(each, "measured"));
            }
        } else if (artifact.name == "ranking.safetensors") {
            out->ranking = path;
        } else if (artifact.name.starts_with("history/")) {
            frames[artifact.step] = path;
        } else if (artifact.name == "masks.safetensors") {
            frames[std::numeric_limits<int64_t>::max()] = path;
        }
    }
    for (const auto& [step, path] : frames) {
        const bool last = step == std::numeric_limits<int64_t>::max();
        const qint64 shown = last ? (out->history.frames.empty() ? 0 : out->history.frames.back() + 1) : step;
        out->history.frames.push_back(shown);
        out->frames.push_back(
            {last ? QCoreApplication::translate("StructureQuestions", "learnt masks")
                  : QCoreApplication::translate("StructureQuestions", "masks at step %1").arg(step),
             {MaskSource::Kind::File, path, {}}});
    }
    if (out->kind == StructureKind::Masks)
        VITRINE_TRY_VOID(readHistory(project, *out));
    if (out->run.kind == "train-sparse") {
        VITRINE_TRY(out->sparse, sparseResults(project, out->run, out->recipe));
    }
    if (out->kind == StructureKind::Incremental) {
        VITRINE_TRY(out->incremental, incrementalResults(project, out->run, out->recipe));
    }
    if (out->kind == StructureKind::Elastic && out->elastic.sizes.empty()) {
        VITRINE_TRY(out->elastic.sizes, elasticSizesSoFar(project, out->run));
    }
    return std::shared_ptr<const StructureRun>(std::move(out));
}

}  // namespace vitrine
