#include "core/runs/sqlite.h"

#include "core/base/file.h"

#include <sqlite3.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <thread>
#include <unordered_map>
#include <vector>

namespace vitrine {

struct SqliteConnection {
    sqlite3* handle = nullptr;
    std::filesystem::path path;
    // Idle statements; a statement in use twice at once is simply compiled twice.
    std::unordered_map<std::string, std::vector<sqlite3_stmt*>> idle;
    int transactionDepth = 0;

    ~SqliteConnection() {
        for (auto& entry : idle)
            for (sqlite3_stmt* statement : entry.second)
                sqlite3_finalize(statement);
        sqlite3_close_v2(handle);
    }
};

namespace {

constexpr int kBusyTimeoutMs = 5000;
constexpr int kTransactionAttempts = 5;

Error busyError(const SqliteConnection& connection) {
    const std::string holders = lockHolders(connection.path);
    return Error{ErrorCode::Busy,
                 holders.empty() ? "the database is locked by another process"
                                 : fmt::format("the database is locked by {}", holders),
                 connection.path.string(), "Wait until it has finished, or close it, and try again"};
}

Error errorOf(const SqliteConnection& connection) {
    const int code = sqlite3_extended_errcode(connection.handle);
    const std::string where = connection.path.string();
    const std::string message = sqlite3_errmsg(connection.handle);
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return busyError(connection);
        case SQLITE_NOTADB:
            return Error{ErrorCode::InvalidFile, "the file is not a database", where,
                         "Restore it from a copy, or move it away to start anew"};
        case SQLITE_CORRUPT:
            return Error{ErrorCode::InvalidFile, fmt::format("the database is damaged: {}", message), where,
                         "Restore it from a copy; `sqlite3 vitrine.db .recover` may save what is readable"};
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return Error{ErrorCode::PermissionDenied, fmt::format("cannot write: {}", message), where,
                         "Check the permissions of the project folder"};
        case SQLITE_CANTOPEN: {
            const int saved = sqlite3_system_errno(connection.handle);
            if (saved)
                return errorFromErrno(saved, "open the database", connection.path);
            return Error{ErrorCode::PermissionDenied, "cannot open the database", where,
                         "Check the permissions of the project folder"};
        }
        case SQLITE_FULL:
            return errorFromErrno(ENOSPC, "write the database", connection.path);
        case SQLITE_IOERR: {
            const int saved = sqlite3_system_errno(connection.handle);
            if (saved == ENOSPC || saved == EDQUOT)
                return errorFromErrno(saved, "write the database", connection.path);
            return Error{ErrorCode::IoFailure, message, where, "Check the disk"};
        }
        case SQLITE_NOMEM:
            return Error{ErrorCode::OutOfMemory, "not enough memory", where, {}};
        case SQLITE_INTERRUPT:
            return Error{ErrorCode::Cancelled, "the query was stopped", where, {}};
        default:
            return Error{ErrorCode::InvalidArgument, message, where, {}};
    }
}

int openFlags(Database::Mode mode) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
    if (mode == Database::Mode::ReadWrite)
        return flags | SQLITE_OPEN_READWRITE;
    if (mode == Database::Mode::Create)
        return flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    return flags | SQLITE_OPEN_READONLY;
}

// A path as a file: URI; SQLite decodes %XX.
std::string uriOf(const std::filesystem::path& path, const char* query) {
    std::string out = "file:";
    for (const char c : std::filesystem::absolute(path).string())
        out += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02x}", unsigned(c)) : std::string(1, c);
    return out + query;
}

}  // namespace

Statement::Statement(std::shared_ptr<SqliteConnection> connection, std::string sql, sqlite3_stmt* handle)
    : connection_(std::move(connection)), sql_(std::move(sql)), handle_(handle) {}

Statement::Statement(Statement&& other) noexcept
    : connection_(std::move(other.connection_)),
      sql_(std::move(other.sql_)),
      handle_(std::exchange(other.handle_, nullptr)) {}

Statement::~Statement() {
    if (!handle_)
        return;
    sqlite3_reset(handle_);
    sqlite3_clear_bindings(handle_);
    connection_->idle[sql_].push_back(handle_);
}

void Statement::bind(int index, std::monostate) {
    sqlite3_bind_null(handle_, index);
}
void Statement::bind(int index, int64_t value) {
    sqlite3_bind_int64(handle_, index, value);
}
void Statement::bind(int index, double value) {
    sqlite3_bind_double(handle_, index, value);
}
void Statement::bind(int index, std::string_view value) {
    sqlite3_bind_text64(handle_, index, value.data() ? value.data() : "", value.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
}
void Statement::bind(int index, const SqlValue& value) {
    std::visit([&](const auto& held) { bind(index, held); }, value);
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW)
        return true;
    if (code == SQLITE_DONE)
        return false;
    return fail(errorOf(*connection_));
}

Result<void> Statement::run() {
    while (true) {
        VITRINE_TRY(const bool row, step());
        if (!row)
            break;
    }
    sqlite3_reset(handle_);
    return {};
}

int Statement::columnCount() const {
    return sqlite3_column_count(handle_);
}
std::string Statement::columnName(int column) const {
    const char* name = sqlite3_column_name(handle_, column);
    return name ? name : "";
}
bool Statement::isNull(int column) const {
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}
int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(handle_, column);
}
double Statement::real(int column) const {
    return isNull(column) ? std::numeric_limits<double>::quiet_NaN() : sqlite3_column_double(handle_, column);
}
std::string Statement::text(int column) const {
    const void* bytes = sqlite3_column_blob(handle_, column);
    return bytes ? std::string(static_cast<const char*>(bytes), size_t(sqlite3_column_bytes(handle_, column)))
                 : std::string();
}

SqlValue Statement::value(int column) const {
    switch (sqlite3_column_type(handle_, column)) {
        case SQLITE_INTEGER:
            return integer(column);
        case SQLITE_FLOAT:
            return real(column);
        case SQLITE_NULL:
            return std::monostate{};
        default:
            return text(column);
    }
}

Result<Database> Database::open(const std::filesystem::path& path, Mode mode) {
    auto connection = std::make_shared<SqliteConnection>();
    connection->path = path;
    const std::string name = uriOf(path, mode == Mode::Immutable ? "?immutable=1" : "");
    if (sqlite3_open_v2(name.c_str(), &connection->handle, openFlags(mode), nullptr) != SQLITE_OK)
        return fail(errorOf(*connection));
    sqlite3_busy_timeout(connection->handle, kBusyTimeoutMs);
    // Defensive: a hostile project file must not be able to alter the schema table or hide SQL in views.
    sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    Database database(std::move(connection));
    VITRINE_TRY_VOID(
        database.script("PRAGMA foreign_keys=ON; PRAGMA synchronous=NORMAL;"
                        "PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY;"));
    return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
    std::string key(sql);
    auto& idle = connection_->idle[key];
    if (!idle.empty()) {
        sqlite3_stmt* handle = idle.back();
        idle.pop_back();
        return Statement(connection_, std::move(key), handle);
    }
    sqlite3_stmt* handle = nullptr;
    if (sqlite3_prepare_v3(connection_->handle, key.data(), int(key.size()), SQLITE_PREPARE_PERSISTENT,
                           &handle, nullptr) != SQLITE_OK)
        return fail(errorOf(*connection_));
    if (!handle)
        return fail(ErrorCode::InvalidArgument, "empty SQL statement");
    return Statement(connection_, std::move(key), handle);
}

Result<void> Database::script(const std::string& sql) {
    if (sqlite3_exec(connection_->handle, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        return fail(errorOf(*connection_));
    return {};
}

Result<void> Database::transaction(const std::function<Result<void>()>& body) {
    if (connection_->transactionDepth > 0)
        return body();
    Result<void> result;
    for (int attempt = 0; attempt < kTransactionAttempts; ++attempt) {
        result = script("BEGIN IMMEDIATE");
        if (result) {
            ++connection_->transactionDepth;
            result = body();
            --connection_->transactionDepth;
            if (result)
                result = script("COMMIT");
            if (result)
                return result;
            if (sqlite3_get_autocommit(connection_->handle) == 0)
                sqlite3_exec(connection_->handle, "ROLLBACK", nullptr, nullptr, nullptr);
        }
        if (result.error().code != ErrorCode::Busy)
            return result;
        std::this_thread::sleep_for(std::chrono::milliseconds(20 << attempt));
    }
    return result;
}

int64_t Database::lastInsertId() const {
    return sqlite3_last_insert_rowid(connection_->handle);
}
int64_t Database::changes() const {
    return sqlite3_changes64(connection_->handle);
}
bool Database::isReadOnly() const {
    return sqlite3_db_readonly(connection_->handle, "main") == 1;
}
const std::filesystem::path& Database::path() const {
    return connection_->path;
}
sqlite3* Database::handle() const {
    return connection_->handle;
}
Error Database::lastError() const {
    return errorOf(*connection_);
}

int64_t integerOr(const SqlValue& value, int64_t fallback) {
    if (const auto* whole = std::get_if<int64_t>(&value))
        return *whole;
    if (const auto* number = std::get_if<double>(&value))
        return int64_t(*number);
    return fallback;
}

std::string textOf(const SqlValue& value) {
    if (const auto* whole = std::get_if<int64_t>(&value))
        return std::to_string(*whole);
    if (const auto* number = std::get_if<double>(&value))
        return fmt::format("{}", *number);
    const auto* text = std::get_if<std::string>(&value);
    return text ? *text : std::string();
}

}  // namespace vitrine
