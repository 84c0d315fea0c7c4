#include "core/commands/runs_commands.h"

#include "core/base/file.h"
#include "core/commands/runs_commands_support.h"
#include "core/commands/text_table.h"
#include "core/runs/run_export.h"
#include "core/runs/run_query.h"
#include "core/runs/sql_console.h"

namespace vitrine {

namespace {

Result<CommandOutput> createProject(const Json& arguments, CommandContext&) {
    VITRINE_TRY(const Project project, Project::create(arguments["folder"].get<std::string>(),
                                                       arguments.value("name", std::string())));
    return CommandOutput{
        {{"folder", project.folder().string()}, {"name", project.name()}},
        fmt::format("made the project \"{}\" in {}\n", project.name(), project.folder().string())};
}

Result<CommandOutput> showProject(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    Json statuses = Json::object();
    VITRINE_TRY(Statement rows,
                project.database().prepare("SELECT status, count(*) FROM runs WHERE deleted_at IS "
                                           "NULL GROUP BY status ORDER BY status"));
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            break;
        statuses[rows.text(0)] = rows.integer(1);
    }
    VITRINE_TRY(const SqlValue artifacts,
                project.database().scalar("SELECT count(DISTINCT sha256) FROM artifacts"));
    VITRINE_TRY(const SqlValue version, project.database().scalar("PRAGMA user_version"));
    std::error_code ignored;
    const auto bytes = std::filesystem::file_size(project.databasePath(), ignored);
    CommandOutput out;
    out.data = {
        {"folder", project.folder().string()}, {"name", project.name()},  {"read_only", project.readOnly()},
        {"schema_version", jsonOf(version)},   {"database_bytes", bytes}, {"runs", statuses},
        {"artifacts", jsonOf(artifacts)}};
    out.text = fmt::format("{}{}\n  folder    {}\n  database  {}, schema version {}\n  files     {}\n",
                           project.name(), project.readOnly() ? " (read-only)" : "",
                           project.folder().string(), bytesText(bytes), textOf(version), textOf(artifacts));
    for (const auto& [status, number] : statuses.items())
        out.text += fmt::format("  {:<11} {}\n", status, number.get<int64_t>());
    if (arguments["check"].get<bool>()) {
        VITRINE_TRY(const auto problems, project.checkIntegrity());
        out.data["problems"] = problems;
        out.text += problems.empty() ? "  the database is whole\n"
                                     : fmt::format("  damaged: {}\n", fmt::join(problems, "; "));
        out.exitCode = problems.empty() ? 0 : 1;
    }
    return out;
}

Result<CommandOutput> listCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    RunListOptions options;
    options.filter = arguments.value("filter", std::string());
    options.sort = arguments["sort"];
    options.descending = !arguments["ascending"].get<bool>();
    options.groupBy = arguments.value("group", std::string());
    options.columns = arguments["columns"].get<std::vector<std::string>>();
    options.limit = arguments["limit"];
    options.trash = arguments["trash"].get<bool>() ? TrashFilter::Only : TrashFilter::Without;
    VITRINE_TRY(const auto rows, listRuns(project, options));
    TextTable table{{"id", "name", "kind", "status", "created", "took", "tags"}, {}, {}};
    if (!options.groupBy.empty())
        table.header.insert(table.header.begin(), options.groupBy);
    table.rightAligned.resize(table.header.size());
    for (const std::string& column : options.columns) {
        table.header.push_back(column.substr(column.find('.') + 1));
        table.rightAligned.push_back(true);
    }
    CommandOutput out;
    out.data["runs"] = Json::array();
    const double now = nowSeconds();
    for (const RunRow& row : rows) {
        const Run& run = row.run;
        std::vector<std::string> line{run.id,
                                      (run.starred ? "* " : "") + run.name,
                                      run.kind,
                                      runStatusName(run.status),
                                      timeText(run.created),
                                      run.started > 0 ? durationText(run.durationSeconds(now)) : "",
                                      fmt::format("{}", fmt::join(run.tags, " "))};
        Json entry = jsonOf(run);
        if (!options.groupBy.empty()) {
            line.insert(line.begin(), row.group);
            entry["group"] = row.group;
        }
        for (size_t c = 0; c < row.cells.size(); ++c) {
            line.push_back(cellText(row.cells[c]));
            entry["columns"][options.columns[c]] = jsonOf(row.cells[c]);
        }
        table.rows.push_back(std::move(line));
        out.data["runs"].push_back(std::move(entry));
    }
    out.text = rows.empty() ? "no runs\n" : table.text();
    return out;
}

std::string showText(const Json& all, const Run& run) {
    std::string out =
        fmt::format("{}  {}  ({}, {})\n", run.id, run.name, run.kind, runStatusName(run.status));
    const auto line = [&](const char* label, const std::string& value) {
        if (!value.empty())
            out += fmt::format("  {:<12} {}\n", label, value);
    };
    line("created", timeText(run.created));
    line("took", run.started > 0 ? durationText(run.durationSeconds(nowSeconds())) : "");
    line("device", run.device);
    line("host", run.process.host);
    line("tags", fmt::format("{}", fmt::join(run.tags, " ")));
    line("notes", run.notes);
    line("error", run.error);
    line("parent", run.parent);
    line("result hash", run.resultHash);
    const Json& environment = all["environment"];
    line("command", environment.value("command", ""));
    if (environment.contains("git"))
        line("git", environment["git"].value("commit", "") +
                        (environment["git"].value("dirty", false) ? " with changes" : ""));
    TextTable params{{"parameter", "value"}, {}, {}};
    for (const auto& [key, value] : all["params"].items())
        params.rows.push_back({key, value.is_string() ? value.get<std::string>() : value.dump()});
    TextTable metrics{{"metric", "step", "newest", "points"}, {}, {false, true, true, true}};
    for (const auto& [key, points] : all["metrics"].items())
        if (!points.empty())
            metrics.rows.push_back(
                {key, points.back()[0].dump(), points.back()[2].dump(), std::to_string(points.size())});
    TextTable files{{"file", "kind", "size", "sha256"}, {}, {false, false, true, false}};
    for (const Json& artifact : all["artifacts"])
        files.rows.push_back({artifact["name"], artifact["kind"],
                              bytesText(artifact["bytes"].get<uint64_t>()),
                              artifact["sha256"].get<std::string>().substr(0, 12)});
    for (const TextTable* table : {&params, &metrics, &files})
        if (!table->rows.empty())
            out += "\n" + table->text();
    return out;
}

Result<CommandOutput> showCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const Run run, RunStore(project).find(arguments["run"]));
    VITRINE_TRY(Json all, exportRunJson(project, run));
    std::string text = showText(all, run);
    return CommandOutput{std::move(all), std::move(text)};
}

Result<CommandOutput> compareCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const auto runs, selectRuns(project, arguments));
    VITRINE_TRY(const auto lines, compareRuns(project, runs, !arguments["all"].get<bool>()));
    TextTable table{{"key"}, {}, {}};
    CommandOutput out;
    out.data = {{"runs", Json::array()}, {"keys", Json::array()}};
    for (const Run& run : runs) {
        table.header.push_back(run.name + " " + run.id);
        out.data["runs"].push_back(jsonOf(run));
    }
    for (const ComparedValue& line : lines) {
        std::vector<std::string> cells{line.key};
        Json values = Json::array();
        for (const SqlValue& value : line.values) {
            cells.push_back(cellText(value));
            values.push_back(jsonOf(value));
        }
        table.rows.push_back(std::move(cells));
        out.data["keys"].push_back(
            {{"key", line.key}, {"values", std::move(values)}, {"differs", line.differs}});
    }
    out.text = lines.empty() ? "no differences\n" : table.text();
    return out;
}

Result<std::string> exportText(const Project& project, const std::vector<Run>& runs,
                               const std::string& format) {
    if (format == "csv")
        return exportTableCsv(project, runs);
    if (format == "series-csv")
        return exportSeriesCsv(project, runs);
    std::string lines;
    Json all = Json::array();
    for (const Run& run : runs) {
        VITRINE_TRY(Json one, exportRunJson(project, run));
        if (format == "jsonl")
            lines += one.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        else
            all.push_back(std::move(one));
    }
    return format == "jsonl" ? lines : all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<CommandOutput> exportCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    Json chosen = arguments;
    if (arguments["runs"].empty() && !arguments.contains("filter"))
        chosen["filter"] = "";  // everything
    VITRINE_TRY(const auto runs, selectRuns(project, chosen));
    VITRINE_TRY(std::string content, exportText(project, runs, arguments["format"]));
    if (!arguments.contains("output"))
        return CommandOutput{{{"runs", runs.size()}, {"content", content}}, content};
    const std::string output = arguments["output"];
    VITRINE_TRY_VOID(writeFileAtomically(output, content));
    return CommandOutput{{{"runs", runs.size()}, {"output", output}},
                         fmt::format("wrote {} runs to {}\n", runs.size(), output)};
}

Result<CommandOutput> sqlCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    SqlLimits limits;
    limits.rows = arguments["rows"];
    limits.seconds = arguments["seconds"];
    VITRINE_TRY(const SqlTable answer, querySql(project, arguments["query"], limits));
    TextTable table{answer.columns, {}, {}};
    CommandOutput out;
    out.data = {{"columns", answer.columns}, {"rows", Json::array()}, {"truncated", answer.truncated}};
    for (const auto& row : answer.rows) {
        std::vector<std::string> cells;
        Json values = Json::array();
        for (const SqlValue& value : row) {
            cells.push_back(cellText(value));
            values.push_back(jsonOf(value));
        }
        table.rows.push_back(std::move(cells));
        out.data["rows"].push_back(std::move(values));
    }
    out.text = table.text();
    if (answer.truncated)
        out.text += fmt::format("(the first {} rows)\n", answer.rows.size());
    return out;
}

}  // namespace

void bindRunsCommands(CommandRegistry& registry) {
    registry.bind("project.create", createProject);
    registry.bind("project.info", showProject);
    registry.bind("runs.list", listCommand);
    registry.bind("runs.show", showCommand);
    registry.bind("runs.compare", compareCommand);
    registry.bind("runs.export", exportCommand);
    registry.bind("runs.sql", sqlCommand);
    bindRunsEditCommands(registry);
}

}  // namespace vitrine
