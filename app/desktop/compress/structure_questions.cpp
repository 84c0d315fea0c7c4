#include "app/desktop/compress/structure_questions.h"

#include "core/runs/run_query.h"
#include "core/runs/series.h"

#include <QCoreApplication>
#include <algorithm>
#include <cstdio>
#include <limits>

namespace vitrine {
namespace {

const std::vector<std::pair<const char*, StructureKind>> kKinds{{"prune-structures", StructureKind::Prune},
                                                                {"puzzle", StructureKind::Puzzle},
                                                                {"learn-masks", StructureKind::Masks},
                                                                {"train-sparse", StructureKind::Masks},
                                                                {"train-elastic", StructureKind::Elastic}};

std::optional<StructureKind> kindOf(const std::string& name) {
    for (const auto& [kind, which] : kKinds)
        if (name == kind)
            return which;
    return std::nullopt;
}

double numberOf(const Json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_number()
               ? object[key].get<double>()
               : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> numbersOf(const Json& list) {
    std::vector<double> out;
    if (list.is_array())
        for (const Json& each : list)
            out.push_back(each.is_number() ? each.get<double>() : std::numeric_limits<double>::quiet_NaN());
    return out;
}

std::vector<std::vector<double>> tableOf(const Json& lists) {
    std::vector<std::vector<double>> out;
    if (lists.is_array())
        for (const Json& each : lists)
            out.push_back(numbersOf(each));
    return out;
}

QString textOf(const Json& object, const char* key) {
    return object.contains(key) && object[key].is_string()
               ? QString::fromStdString(object[key].get<std::string>())
               : QString();
}

Failure lacks(const char* file, const char* what) {
    return fail(ErrorCode::InvalidFile, fmt::format("there is no \"{}\" in it", what), file,
                "Run the recipe again with this version");
}

std::vector<PuzzleVariant> variantsOf(const Json& list) {
    std::vector<PuzzleVariant> variants;
    const double whole = list.empty() ? 0 : numberOf(list[0], "parameters");
    for (const Json& each : list) {
        PuzzleVariant variant;
        variant.name = textOf(each, "name");
        variant.share = whole > 0 ? numberOf(each, "parameters") / whole : 1;
        variants.push_back(std::move(variant));
    }
    return variants;
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

// Mean over the texts that were held out.
double meanNats(const Json& scores) {
    double sum = 0;
    int64_t count = 0;
    if (scores.is_object())
        for (const Json& each : scores) {  // by name of the text
            sum += numberOf(each, "nats_per_token");
            ++count;
        }
    return count > 0 ? sum / double(count) : std::numeric_limits<double>::quiet_NaN();
}

// What a run that is still at work measured last.
Result<void> readElasticSoFar(const Project& project, StructureRun& out) {
    VITRINE_TRY(const auto names, metricNames(project, out.run));
    std::map<double, ElasticSize, std::greater<>> sizes;
    for (const std::string& name : names) {
        double budget = 0;
        size_t block = 0;
        char what[32] = {};
        const bool size = std::sscanf(name.c_str(), "sizes/budget %lf/%31[a-z ]", &budget, what) == 2;
        const bool route = !size && std::sscanf(name.c_str(), "routes/budget %lf/block %zu %31[a-z]", &budget,
                                                &block, what) == 3;
        if (!size && !route)
            continue;
        VITRINE_TRY(const auto points, readSeries(project, out.run, name));
        if (points.empty())
            continue;
        const double last = points.back().value;
        const std::string_view key = what;
        ElasticSize& one = sizes[budget];
        one.budget = budget;
        if (route) {
            std::vector<double>& shares = key == "heads" ? one.heads : one.neurons;
            shares.resize(std::max(shares.size(), block + 1), 1);
            shares[block] = last;
        } else if (key == "size") {
            one.size = last;
        } else {
            (key == "largest probability" ? one.largestProbability : one.nats) = last;
        }
    }
    for (auto& [budget, size] : sizes) {
        size.heads.resize(size.neurons.size(), 1);
        out.elastic.sizes.push_back(std::move(size));
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
    scores.neurons = tableOf(ranking["neurons"]);
    scores.heads = tableOf(ranking.value("heads", Json::array()));
    scores.streamNorms = numbersOf(ranking.value("stream_norms", Json::array()));
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
        students.push_back(std::move(each));
    }
    return students;
}

Result<PuzzleResults> puzzleOf(const Json& report) {
    if (!report.is_object() || !report.contains("library") || !report.contains("architectures"))
        return lacks("puzzle.json", "library");
    PuzzleResults results;
    for (const Json& layer : report["library"])
        results.layers.push_back({variantsOf(layer.value("attention", Json::array())),
                                  variantsOf(layer.value("feed_forward", Json::array())),
                                  tableOf(layer.value("scores", Json::array()))});
    for (const Json& row : report["architectures"]) {
        PuzzleArchitecture each;
        each.name = textOf(row, "name");
        each.how = textOf(row, "how");
        each.parameters = numberOf(row, "parameters");
        each.bytes = numberOf(row, "bytes");
        each.assembled = numberOf(row, "nats_assembled");
        each.nats = numberOf(row, "nats_per_token");
        const Json choices = row.value("choice", Json::array());
        for (const Json& choice : choices)
            if (choice.is_array() && choice.size() == 2)
                each.choice.emplace_back(choice[0].get<int>(), choice[1].get<int>());
        results.architectures.push_back(std::move(each));
    }
    const Json additivity = report.value("additivity", Json::object());
    if (additivity.is_object()) {
        results.spearman = numberOf(additivity, "spearman");
        results.sums = numbersOf(additivity.value("sums_of_scores", Json::array()));
        results.losses = numbersOf(additivity.value("nats_per_token", Json::array()));
    }
    return results;
}

Result<ElasticResults> elasticOf(const Json& report) {
    if (!report.is_object() || !report.contains("sizes") || !report["sizes"].is_array())
        return lacks("sizes.json", "sizes");
    ElasticResults results;
    results.denseNats = meanNats(report.value("dense", Json::object()));
    for (const Json& row : report["sizes"]) {
        ElasticSize size;
        size.budget = numberOf(row, "budget");
        size.size = numberOf(row, "size");
        size.parameters = numberOf(row, "parameters");
        size.nats = numberOf(row, "nats_per_token");
        size.largestProbability = numberOf(row, "largest_probability");
        size.chosenBy = textOf(row, "chosen_by");
        const Json blocks = row.value("blocks", Json::array());
        for (const Json& block : blocks) {
            size.neurons.push_back(numberOf(block, "neurons"));
            size.heads.push_back(numberOf(block, "heads"));
        }
        if (!results.sizes.empty() && size.neurons.size() != results.sizes[0].neurons.size())
            return fail(ErrorCode::InvalidFile,
                        fmt::format("budget {:g} has {} blocks, the first has {}", size.budget,
                                    size.neurons.size(), results.sizes[0].neurons.size()),
                        "sizes.json", "Run the recipe again");
        results.sizes.push_back(std::move(size));
    }
    return results;
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
            VITRINE_TRY(out->puzzle, puzzleOf(json));
            out->puzzle.run = id;
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
    if (out->kind == StructureKind::Elastic && out->elastic.sizes.empty())
        VITRINE_TRY_VOID(readElasticSoFar(project, *out));
    return std::shared_ptr<const StructureRun>(std::move(out));
}

}  // namespace vitrine
