#include "core/runs/sql_console.h"

#include <sqlite3.h>

#include <array>
#include <chrono>
#include <string_view>

namespace vitrine {
namespace {

using Clock = std::chrono::steady_clock;

int authorize(void*, int action, const char* first, const char* second, const char*, const char*) {
    switch (action) {
        case SQLITE_SELECT:
        case SQLITE_READ:
        case SQLITE_RECURSIVE:
            return SQLITE_OK;
        case SQLITE_FUNCTION:
            return second && std::string_view(second) == "load_extension" ? SQLITE_DENY : SQLITE_OK;
        case SQLITE_PRAGMA: {
            constexpr std::array<std::string_view, 6> kReading{
                "table_info", "table_list", "table_xinfo", "index_list", "index_info", "foreign_key_list"};
            return first && std::find(kReading.begin(), kReading.end(), first) != kReading.end()
                       ? SQLITE_OK
                       : SQLITE_DENY;
        }
        default:
            return SQLITE_DENY;
    }
}

// When a query has to end.
struct End {
    Clock::time_point deadline;
    std::stop_token stop;
};

int isOver(void* end) {
    const End& wanted = *static_cast<const End*>(end);
    return wanted.stop.stop_requested() || Clock::now() > wanted.deadline;
}

Result<Database> openReader(const Project& project) {
    auto database = Database::open(project.databasePath(), Database::Mode::ReadOnly);
    if (database && database->scalar("SELECT count(*) FROM sqlite_master"))
        return database;
    return Database::open(project.databasePath(),
                          project.readOnly() ? Database::Mode::Immutable : Database::Mode::ReadOnly);
}

int64_t bytesOf(const SqlValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text ? int64_t(text->size()) : 8;
}

Error readableError(Error error, const SqlLimits& limits) {
    if (error.code == ErrorCode::Cancelled && limits.stop.stop_requested())
        return {ErrorCode::Cancelled, "the query was stopped", {}, {}};
    if (error.code == ErrorCode::Cancelled)
        return {ErrorCode::Busy, fmt::format("the query took more than {} s and was stopped", limits.seconds),
                "SQL", "Narrow it down with WHERE or LIMIT"};
    if (error.code == ErrorCode::PermissionDenied ||
        error.message.find("not authorized") != std::string::npos)
        return {ErrorCode::PermissionDenied, "only reading is allowed here", "SQL",
                "Use SELECT; runs are changed with `vitrine runs tag`, `note`, `delete`, ..."};
    error.where = "SQL";
    return error;
}

// A second statement after the first would silently not run.
Result<void> checkSingle(const Database& database, const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    const int code =
        sqlite3_prepare_v2(database.handle(), sql.c_str(), int(sql.size()) + 1, &statement, &rest);
    const bool empty = !statement;
    sqlite3_finalize(statement);
    if (code != SQLITE_OK)
        return fail(database.lastError());
    if (empty)
        return fail(ErrorCode::InvalidArgument, "there is no statement");
    if (std::string_view(rest).find_first_not_of(" \t\r\n;") != std::string_view::npos)
        return fail(ErrorCode::InvalidArgument, "one statement at a time");
    return {};
}

Result<SqlTable> readTable(Database& database, const std::string& sql, const SqlLimits& limits) {
    VITRINE_TRY_VOID(checkSingle(database, sql));
    VITRINE_TRY(Statement statement, database.prepare(sql));
    SqlTable table;
    for (int c = 0; c < statement.columnCount(); ++c)
        table.columns.push_back(statement.columnName(c));
    int64_t bytes = 0;
    while (true) {
        VITRINE_TRY(const bool row, statement.step());
        if (!row)
            return table;
        if (int64_t(table.rows.size()) >= limits.rows || bytes > limits.bytes) {
            table.truncated = true;
            return table;
        }
        auto& cells = table.rows.emplace_back();
        for (int c = 0; c < statement.columnCount(); ++c) {
            cells.push_back(statement.value(c));
            bytes += bytesOf(cells.back());
        }
    }
}

}  // namespace

Result<SqlTable> querySql(const Project& project, const std::string& sql, const SqlLimits& limits) {
    VITRINE_TRY(Database database, openReader(project));
    const auto start = Clock::now();
    End end{
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limits.seconds)),
        limits.stop};
    sqlite3_limit(database.handle(), SQLITE_LIMIT_LENGTH, int(std::min<int64_t>(limits.bytes, 1 << 30)));
    sqlite3_set_authorizer(database.handle(), authorize, nullptr);
    sqlite3_progress_handler(database.handle(), 1000, isOver, &end);
    auto table = readTable(database, sql, limits);
    sqlite3_progress_handler(database.handle(), 0, nullptr, nullptr);
    if (!table)
        return fail(readableError(table.error(), limits));
    table->seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return table;
}

}  // namespace vitrine
