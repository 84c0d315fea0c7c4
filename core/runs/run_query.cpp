#include "core/runs/run_query.h"

#include "core/runs/run_filter.h"

#include <algorithm>
#include <map>

namespace vitrine {
namespace {

const char* trashCondition(TrashFilter trash) {
    switch (trash) {
        case TrashFilter::Without:
            return "r.deleted_at IS NULL";
        case TrashFilter::Only:
            return "r.deleted_at IS NOT NULL";
        default:
            return "1";
    }
}

void bindValues(Statement& statement, const std::vector<SqlValue>& values) {
    int index = 0;
    for (const SqlValue& value : values)
        statement.bind(++index, value);
}

SqlValue cellOfJson(const Json& value) {
    if (value.is_null())
        return std::monostate{};
    if (value.is_number_integer())
        return value.get<int64_t>();
    if (value.is_number())
        return value.get<double>();
    return value.is_string() ? value.get<std::string>() : value.dump();
}

// "params.KEY" or "metrics.KEY" apart; anything else is an error.
Result<std::pair<std::string, std::string>> splitColumn(const std::string& column) {
    for (const char* kind : {"params", "metrics"})
        if (column.starts_with(std::string(kind) + "."))
            return std::pair{std::string(kind), column.substr(std::string(kind).size() + 1)};
    return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is no column", column), {},
                "Columns are params.KEY and metrics.KEY");
}

}  // namespace

Result<std::vector<int64_t>> filterRuns(const Project& project, const std::string& filter,
                                        TrashFilter trash) {
    VITRINE_TRY(const SqlCondition condition, parseFilter(project, filter));
    VITRINE_TRY(Statement rows,
                project.database().prepare(fmt::format("SELECT r.number FROM runs r WHERE {} AND {}",
                                                       trashCondition(trash), condition.sql)));
    bindValues(rows, condition.values);
    std::vector<int64_t> out;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        out.push_back(rows.integer(0));
    }
}

Result<std::vector<RunRow>> listRuns(const Project& project, const RunListOptions& options) {
    VITRINE_TRY(const SqlCondition condition, parseFilter(project, options.filter));
    VITRINE_TRY(const SqlCondition sort, fieldExpression(project, options.sort));
    SqlCondition group{"''", {}};
    if (!options.groupBy.empty()) {
        VITRINE_TRY(group, fieldExpression(project, options.groupBy));
    }
    const char* direction = options.descending ? "DESC" : "ASC";
    const std::string sql = fmt::format(
        "SELECT {}, {} FROM runs r WHERE {} AND {} ORDER BY {}{} {} NULLS LAST, r.number {} LIMIT {} OFFSET "
        "{}",
        kRunColumns, group.sql, trashCondition(options.trash), condition.sql,
        options.groupBy.empty() ? "" : group.sql + " NULLS LAST, ", sort.sql, direction, direction,
        options.limit > 0 ? options.limit : -1, std::max<int64_t>(0, options.offset));
    VITRINE_TRY(Statement rows, project.database().prepare(sql));
    bindValues(rows, condition.values);
    const int groupColumn = rows.columnCount() - 1;
    std::vector<RunRow> out;
    std::unordered_map<int64_t, size_t> rowOf;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            break;
        out.push_back({readRun(rows), std::vector<SqlValue>(options.columns.size()), rows.text(groupColumn)});
        rowOf.emplace(out.back().run.number, out.size() - 1);
    }
    for (size_t c = 0; c < options.columns.size(); ++c) {
        VITRINE_TRY(auto values, columnValues(project, options.columns[c]));
        for (auto& [run, value] : values)
            if (const auto found = rowOf.find(run); found != rowOf.end())
                out[found->second].cells[c] = std::move(value);
    }
    return out;
}

Result<void> checkFilter(const Project& project, const std::string& filter) {
    return parseFilter(project, filter).map([](const auto&) {});
}

Result<std::vector<std::string>> columnNames(const Project& project) {
    VITRINE_TRY(Statement rows,
                project.database().prepare("SELECT kind || 's.' || name FROM keys ORDER BY 1"));
    std::vector<std::string> out;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        out.push_back(rows.text(0));
    }
}

Result<std::unordered_map<int64_t, SqlValue>> columnValues(const Project& project,
                                                           const std::string& column) {
    VITRINE_TRY(const auto split, splitColumn(column));
    VITRINE_TRY(const int64_t key, knownKey(project, split.first, split.second));
    VITRINE_TRY(Statement rows,
                project.database().prepare(split.first == "params"
                                               ? "SELECT run, value FROM param_values WHERE key=?"
                                               : "SELECT run, last_value FROM series WHERE key=?"));
    rows.bindAll(key);
    std::unordered_map<int64_t, SqlValue> out;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        out.emplace(rows.integer(0), rows.value(1));
    }
}

Result<std::vector<ComparedValue>> compareRuns(const Project& project, const std::vector<Run>& runs,
                                               bool onlyDifferences) {
    const RunStore store(project);
    std::map<std::string, std::vector<SqlValue>> table;
    const auto put = [&](size_t column, const std::string& key, SqlValue value) {
        auto& values = table[key];
        values.resize(runs.size());
        values[column] = std::move(value);
    };
    for (size_t i = 0; i < runs.size(); ++i) {
        VITRINE_TRY(const Json params, store.params(runs[i]));
        for (const auto& [key, value] : params.items())
            put(i, "params." + key, cellOfJson(value));
        VITRINE_TRY(const Json environment, store.environment(runs[i]));
        for (const auto& [key, value] : flattenParams(environment))
            if (key != "git.diff")  // a file of its own, not a cell
                put(i, "environment." + key, cellOfJson(value));
        VITRINE_TRY(Statement rows,
                    project.database().prepare("SELECT k.name, s.last_value FROM series s JOIN keys "
                                               "k ON k.id=s.key WHERE s.run=?"));
        rows.bindAll(runs[i].number);
        while (true) {
            VITRINE_TRY(const bool row, rows.step());
            if (!row)
                break;
            put(i, "metrics." + rows.text(0), rows.value(1));
        }
    }
    std::vector<ComparedValue> out;
    for (auto& [key, values] : table) {
        const bool differs =
            std::any_of(values.begin(), values.end(),
                        [&first = values[0]](const SqlValue& value) { return value != first; });
        if (differs || !onlyDifferences)
            out.push_back({key, std::move(values), differs});
    }
    return out;
}

}  // namespace vitrine
