#include "core/runs/run_import.h"

#include "core/base/csv.h"
#include "core/base/file.h"
#include "core/runs/metric_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace vitrine {
namespace fs = std::filesystem;

namespace {

bool isEventFile(const fs::path& path) {
    return path.filename().string().find("tfevents") != std::string::npos;
}

// Event files below `path`, by the folder that holds them.
Result<std::map<fs::path, std::vector<fs::path>>> findEventFiles(const fs::path& path) {
    std::map<fs::path, std::vector<fs::path>> out;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error))
        if (isEventFile(entry->path()) && entry->is_regular_file(error))
            out[entry->path().parent_path()].push_back(entry->path());
    if (error)
        return fail(errorFromErrno(error.value(), "look through the folder", path));
    if (out.empty())
        return fail(ErrorCode::NotFound, "there are no TensorBoard event files (events.out.tfevents...)",
                    path.string());
    for (auto& group : out)
        std::sort(group.second.begin(), group.second.end());
    return out;
}

Result<Run> createImported(const Project& project, const std::string& name, const fs::path& source) {
    NewRun fresh;
    fresh.name = name.empty() ? source.stem().string() : name;
    fresh.kind = "import";
    fresh.tags = {"imported"};
    fresh.recipe = {{"kind", "import"}, {"inputs", {{"path", fs::absolute(source).string()}}}};
    return RunStore(project).create(fresh);
}

// Marks the run as what it is: made elsewhere, between `first` and `last`.
Result<Run> finishImported(const Project& project, const Run& run, double first, double last) {
    VITRINE_TRY_VOID(project.database().execute(
        "UPDATE runs SET status='finished', started=?, ended=? WHERE number=?",
        first > 0 ? first : run.created, last > 0 ? last : run.created, run.number));
    return RunStore(project).find(run.id);
}

const char* mediaTypeOf(const std::string& picture) {
    return picture.starts_with("\xff\xd8\xff") ? "image/jpeg"
           : picture.starts_with("GIF8")       ? "image/gif"
                                               : "image/png";
}

Result<Run> importEvents(const Project& project, const std::string& name, const fs::path& source,
                         const std::vector<fs::path>& files) {
    std::vector<TensorboardFile> parsed;  // all read before anything is stored
    for (const fs::path& file : files) {
        VITRINE_TRY(parsed.emplace_back(), readTensorboardFile(file));
    }
    VITRINE_TRY(const Run run, createImported(project, name, source));
    VITRINE_TRY(auto metrics, MetricWriter::open(project, run));
    RunStore store(project);
    double first = 0;
    double last = 0;
    for (const TensorboardFile& file : parsed)
        for (const TensorboardValue& value : file.values) {
            first = first > 0 ? std::min(first, value.time) : value.time;
            last = std::max(last, value.time);
            if (value.image.empty()) {
                metrics->add(value.tag, value.step, value.scalar, value.time);
                continue;
            }
            VITRINE_TRY(const StoredFile stored, project.artifacts().putBytes(value.image));
            VITRINE_TRY_VOID(
                store.addArtifact(run, {0, value.tag, "image", value.step, stored.sha256, stored.bytes,
                                        mediaTypeOf(value.image), Json::object(), value.time}));
        }
    VITRINE_TRY_VOID(metrics->flush());
    return finishImported(project, run, first, last);
}

std::optional<double> numberOf(std::string_view text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
        return {};
    return value;
}

Result<size_t> findStepColumn(const std::vector<std::string>& header, const std::string& wanted,
                              const std::string& where) {
    const std::vector<std::string> candidates =
        wanted.empty() ? std::vector<std::string>{"step", "global_step", "iteration", "iter", "epoch"}
                       : std::vector<std::string>{wanted};
    for (const std::string& candidate : candidates)
        for (size_t c = 0; c < header.size(); ++c) {
            std::string name = header[c];
            if (wanted.empty())
                std::transform(name.begin(), name.end(), name.begin(),
                               [](unsigned char l) { return std::tolower(l); });
            if (name == candidate)
                return c;
        }
    return fail(
        ErrorCode::InvalidFile,
        wanted.empty() ? "no column is called step, iteration or epoch"
                       : fmt::format("there is no column \"{}\"", wanted),
        where,
        fmt::format("Name the step column (--step-column); the columns are: {}", fmt::join(header, ", ")));
}

struct CsvTable {
    std::vector<std::string> header;
    size_t stepColumn = 0;
    std::vector<std::pair<int64_t, std::vector<std::optional<double>>>> rows;
};

Result<CsvTable> parseCsv(std::string_view text, const std::string& stepColumn, const std::string& where) {
    if (text.starts_with("\xef\xbb\xbf"))
        text.remove_prefix(3);
    CsvTable table;
    table.header = takeCsvRecord(text);
    VITRINE_TRY(table.stepColumn, findStepColumn(table.header, stepColumn, where));
    for (int64_t line = 2; !text.empty(); ++line) {
        const auto fields = takeCsvRecord(text);
        if (fields.size() == 1 && fields[0].empty())
            continue;
        if (fields.size() != table.header.size())
            return fail(ErrorCode::InvalidFile,
                        fmt::format("record {} has {} fields, the header has {}", line, fields.size(),
                                    table.header.size()),
                        where);
        const auto step = numberOf(fields[table.stepColumn]);
        if (!step || *step != std::floor(*step) || std::abs(*step) > 9e15)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("record {}: the step \"{}\" is not a whole number", line,
                                    fields[table.stepColumn]),
                        where);
        auto& row = table.rows.emplace_back(int64_t(*step), std::vector<std::optional<double>>());
        for (const std::string& field : fields)
            row.second.push_back(numberOf(field));
    }
    return table;
}

}  // namespace

Result<std::vector<Run>> importTensorboard(const Project& project, const fs::path& path) {
    std::vector<Run> out;
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
        VITRINE_TRY(out.emplace_back(),
                    importEvents(project, path.parent_path().filename().string(), path, {path}));
        return out;
    }
    VITRINE_TRY(const auto groups, findEventFiles(path));
    for (const auto& [folder, files] : groups) {
        const std::string relative = fs::relative(folder, path, ignored).string();
        const std::string name =
            relative == "." ? fs::absolute(path).lexically_normal().filename().string() : relative;
        VITRINE_TRY(out.emplace_back(), importEvents(project, name, folder, files));
    }
    return out;
}

Result<Run> importCsv(const Project& project, const fs::path& path, const std::string& stepColumn,
                      const std::string& name) {
    VITRINE_TRY(const std::string text, readFile(path, size_t(1) << 30));
    VITRINE_TRY(const CsvTable table, parseCsv(text, stepColumn, path.string()));
    VITRINE_TRY(const Run run, createImported(project, name, path));
    VITRINE_TRY(auto metrics, MetricWriter::open(project, run));
    for (const auto& [step, cells] : table.rows)
        for (size_t c = 0; c < cells.size(); ++c)
            if (c != table.stepColumn && cells[c])
                metrics->add(table.header[c], step, *cells[c]);
    VITRINE_TRY_VOID(metrics->flush());
    return finishImported(project, run, 0, 0);
}

Result<std::vector<Run>> importRuns(const Project& project, const fs::path& path,
                                    const std::string& stepColumn) {
    std::error_code error;
    if (!fs::exists(path, error))
        return fail(errorFromErrno(ENOENT, "import", path));
    if (path.extension() == ".csv") {
        VITRINE_TRY(Run run, importCsv(project, path, stepColumn));
        return std::vector<Run>{std::move(run)};
    }
    if (fs::is_directory(path, error) || isEventFile(path))
        return importTensorboard(project, path);
    return fail(ErrorCode::InvalidArgument,
                "only CSV files, TensorBoard event files and folders of them can be imported", path.string());
}

}  // namespace vitrine
