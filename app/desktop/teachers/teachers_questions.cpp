#include "app/desktop/teachers/teachers_questions.h"

#include "app/desktop/runs/report_values.h"
#include "core/base/csv.h"
#include "core/runs/control_socket.h"
#include "core/runs/run_query.h"

#include <QFileInfo>
#include <charconv>
#include <map>

namespace vitrine {
namespace {

constexpr double kControlSeconds = 1;

Result<double> numberIn(const std::vector<std::string>& record, size_t column, const char* table) {
    double value = 0;
    if (column < record.size()) {
        const std::string& text = record[column];
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc() && end == text.data() + text.size())
            return value;
    }
    return fail(ErrorCode::InvalidFile, fmt::format("column {} holds no number", column + 1), table,
                "The stored table is damaged: collect the statistics again");
}

// Records after the header, which must begin with `header`; the header's fields in `fields`.
Result<std::vector<std::vector<std::string>>> recordsOf(std::string_view csv, const char* table,
                                                        const std::vector<std::string>& header,
                                                        std::vector<std::string>* fields = nullptr) {
    const std::vector<std::string> found = takeCsvRecord(csv);
    if (found.size() < header.size() || !std::equal(header.begin(), header.end(), found.begin()))
        return fail(
            ErrorCode::InvalidFile,
            fmt::format("the columns are {}, expected {}", fmt::join(found, ", "), fmt::join(header, ", ")),
            table);
    std::vector<std::vector<std::string>> records;
    while (!csv.empty()) {
        records.push_back(takeCsvRecord(csv));
        if (records.back().size() != found.size())
            return fail(ErrorCode::InvalidFile,
                        fmt::format("record {} has {} fields, expected {}", records.size(),
                                    records.back().size(), found.size()),
                        table);
    }
    if (fields)
        *fields = found;
    return records;
}

Result<TeacherStatistics> statisticsOf(const Json& row) {
    TeacherStatistics out;
    VITRINE_TRY(const auto teacher, jsonValue<std::string>(row, "teacher", "statistics.json"));
    VITRINE_TRY(const auto stream, jsonValue<std::string>(row, "stream", "statistics.json"));
    VITRINE_TRY(out.channels, jsonValue<int64_t>(row, "channels", "statistics.json"));
    VITRINE_TRY(out.vectors, jsonValue<int64_t>(row, "vectors", "statistics.json"));
    out.teacher = QString::fromStdString(teacher);
    out.stream = QString::fromStdString(stream);
    out.globalStd = numberOf(row, "globalStd");
    out.smallestChannelStd = numberOf(row, "smallestChannelStd");
    out.largestChannelStd = numberOf(row, "largestChannelStd");
    out.phi = numberOf(row, "phi");
    out.largestKurtosis = numberOf(row, "largestKurtosis");
    out.rankMe = numberOf(row, "rankMe");
    out.effectiveRank = numberOf(row, "effectiveRank");
    out.numericalRank = numberOf(row, "numericalRank");
    out.meanNorm = numberOf(row, "meanNorm");
    out.norm99 = numberOf(row, "norm99");
    out.dispersion = numberOf(row, "dispersion");
    const Json remarks = row.value("remarks", Json::array());
    for (const Json& remark : remarks)
        if (remark.is_string())
            out.remarks.append(QString::fromStdString(remark.get<std::string>()));
    return out;
}

QStringList teacherNames(const Json& recipe) {
    QStringList names;
    const Json models = recipe.value("/settings/models"_json_pointer, Json::array());
    for (const Json& model : models)
        if (model.is_string())
            names.append(QFileInfo(QString::fromStdString(model.get<std::string>())).fileName());
    return names;
}

QString captionOf(const Run& run, const Json& recipe, const Json& rows) {
    const int64_t resolution = recipe.value("/settings/resolution"_json_pointer, int64_t(0));
    const QString pixels = resolution > 0 ? QStringLiteral("%1 px").arg(resolution)
                                          : QStringLiteral("each model's own resolution");
    const int64_t leftOut = rows.empty() ? 0 : rows[0].value("leftOut", int64_t(0));
    QString caption = QStringLiteral("Run %1 · %2 · %3")
                          .arg(QString::fromStdString(run.id), teacherNames(recipe).join(", "), pixels);
    if (leftOut > 0)
        caption += QStringLiteral(" · %1 pictures left out").arg(leftOut);
    return caption;
}

}  // namespace

Result<std::vector<StatisticsRun>> statisticsRuns(const Project& project) {
    RunListOptions options;
    options.filter = "kind = teacher-statistics";
    VITRINE_TRY(std::vector<RunRow> rows, listRuns(project, options));
    const RunStore store(project);
    std::vector<StatisticsRun> runs;
    for (RunRow& row : rows) {
        VITRINE_TRY(const Json recipe, store.recipe(row.run));
        runs.push_back({std::move(row.run), teacherNames(recipe),
                        recipe.value("/settings/resolution"_json_pointer, int64_t(0))});
    }
    return runs;
}

Result<RunProgress> runProgress(const Project& project, const std::string& runId) {
    VITRINE_TRY(const Json answer,
                sendControl(controlSocketPath(project, runId), {{"command", "status"}}, kControlSeconds));
    VITRINE_TRY(const Json progress, jsonValue<Json>(answer, "progress", "the job's answer"));
    VITRINE_TRY(const auto text, jsonValue<std::string>(progress, "text", "the job's answer"));
    return RunProgress{QString::fromStdString(text), numberOf(progress, "done"), numberOf(progress, "total")};
}

Result<LoadedStatistics> loadStatistics(const Project& project, const std::string& runId) {
    const RunStore store(project);
    VITRINE_TRY(const Run run, store.find(runId));
    VITRINE_TRY(const Json recipe, store.recipe(run));
    VITRINE_TRY(const std::vector<Artifact> artifacts, store.artifacts(run));
    std::map<std::string, std::string> contents;
    for (const Artifact& artifact : artifacts)
        contents[artifact.name] = artifact.sha256;
    const auto read = [&](const std::string& name) -> Result<std::string> {
        const auto found = contents.find(name);
        if (found == contents.end())
            return fail(ErrorCode::NotFound,
                        fmt::format("the run stored no {} (it is {})", name, runStatusName(run.status)),
                        run.id, run.error.empty() ? "Resume it in Runs, or collect again" : run.error);
        return project.artifacts().read(found->second);
    };
    VITRINE_TRY(const std::string text, read("statistics.json"));
    VITRINE_TRY(const Json report, parseJson(text, "statistics.json"));
    VITRINE_TRY(const Json rows, jsonValue<Json>(report, "teachers", "statistics.json"));
    LoadedStatistics loaded{run.id, captionOf(run, recipe, rows), {}, {}};
    const auto fileOf = [&](const std::string& name) {
        const auto found = contents.find(name);
        return found == contents.end() ? std::filesystem::path() : project.artifacts().pathOf(found->second);
    };
    for (const Json& row : rows) {
        VITRINE_TRY(TeacherStatistics statistics, statisticsOf(row));
        const std::string folder =
            fmt::format("{}/{}/", statistics.teacher.toStdString(), statistics.stream.toStdString());
        VITRINE_TRY(const std::string spectrum, read(folder + "spectrum.csv"));
        VITRINE_TRY_VOID(readSpectrumCsv(spectrum, statistics));
        VITRINE_TRY(const std::string channels, read(folder + "channels.csv"));
        VITRINE_TRY_VOID(readChannelCsv(channels, statistics));
        VITRINE_TRY(const std::string histograms, read(folder + "histograms.csv"));
        VITRINE_TRY_VOID(readHistogramCsv(histograms, statistics));
        loaded.list.push_back(std::move(statistics));
        loaded.files.push_back(
            {fileOf(folder + "moments.safetensors"), fileOf(folder + "sample.safetensors")});
    }
    return loaded;
}

Result<void> readSpectrumCsv(std::string_view csv, TeacherStatistics& statistics) {
    constexpr const char* kTable = "spectrum.csv";
    VITRINE_TRY(const auto records, recordsOf(csv, kTable, {"index", "eigenvalue"}));
    for (const auto& record : records) {
        VITRINE_TRY(const double eigenvalue, numberIn(record, 1, kTable));
        statistics.eigenvalues.append(eigenvalue);
    }
    return {};
}

Result<void> readChannelCsv(std::string_view csv, TeacherStatistics& statistics) {
    constexpr const char* kTable = "channels.csv";
    const std::vector<std::string> header{"channel", "mean", "low", "high", "kurtosis", "variance"};
    std::vector<std::string> fields;
    VITRINE_TRY(const auto records, recordsOf(csv, kTable, header, &fields));
    for (size_t column = header.size(); column < fields.size(); ++column)
        statistics.normalized.emplace_back(QString::fromStdString(fields[column]), QVector<double>());
    for (const auto& record : records) {
        VITRINE_TRY(const double variance, numberIn(record, header.size() - 1, kTable));
        statistics.variances.append(variance);
        for (size_t column = header.size(); column < fields.size(); ++column) {
            VITRINE_TRY(const double after, numberIn(record, column, kTable));
            statistics.normalized[column - header.size()].second.append(after);
        }
    }
    return {};
}

Result<void> readHistogramCsv(std::string_view csv, TeacherStatistics& statistics) {
    constexpr const char* kTable = "histograms.csv";
    VITRINE_TRY(const auto records, recordsOf(csv, kTable, {"what", "low", "high", "count"}));
    for (const auto& record : records) {
        TeacherHistogram& histogram = record[0] == "norms" ? statistics.norms : statistics.values;
        VITRINE_TRY(const double low, numberIn(record, 1, kTable));
        VITRINE_TRY(const double high, numberIn(record, 2, kTable));
        VITRINE_TRY(const double count, numberIn(record, 3, kTable));
        histogram.low.append(low);
        histogram.high.append(high);
        histogram.counts.append(count);
    }
    return {};
}

}  // namespace vitrine
