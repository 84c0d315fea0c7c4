// SQLite with values instead of status codes. A Database is one connection and belongs to one thread at a
// time; open a second one for another thread. Statements are compiled once per connection and kept.
#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

struct sqlite3;
struct sqlite3_stmt;

namespace vitrine {

// A value of a database cell: NULL, whole number, number or text.
using SqlValue = std::variant<std::monostate, int64_t, double, std::string>;

struct SqliteConnection;

// A compiled statement lent out by its connection; goes back, reset, when this object ends.
class Statement {
  public:
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    void bind(int index, std::monostate);
    void bind(int index, int64_t value);
    void bind(int index, int value) { bind(index, int64_t(value)); }
    void bind(int index, bool value) { bind(index, int64_t(value)); }
    void bind(int index, double value);  // NaN is stored as NULL
    void bind(int index, std::string_view value);
    void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
    void bind(int index, const char* value) { bind(index, std::string_view(value)); }
    void bind(int index, const SqlValue& value);
    // Binds parameters 1, 2, ... in order.
    template <typename... Values>
    void bindAll(const Values&... values) {
        int index = 0;
        (bind(++index, values), ...);
    }

    // True: a row is there; false: done.
    Result<bool> step();
    // Runs to the end, then makes the statement ready for new values.
    Result<void> run();

    int columnCount() const;
    std::string columnName(int column) const;
    bool isNull(int column) const;
    int64_t integer(int column) const;
    double real(int column) const;  // NULL reads as NaN
    std::string text(int column) const;
    SqlValue value(int column) const;

  private:
    friend class Database;
    Statement(std::shared_ptr<SqliteConnection> connection, std::string sql, sqlite3_stmt* handle);

    std::shared_ptr<SqliteConnection> connection_;
    std::string sql_;
    sqlite3_stmt* handle_ = nullptr;
};

class Database {
  public:
    enum class Mode {
        ReadWrite,
        Create,     // made if absent
        ReadOnly,   // sees what others write meanwhile
        Immutable,  // a folder that cannot be written: no locks, no shared-memory file
    };
    static Result<Database> open(const std::filesystem::path& path, Mode mode);

    Result<Statement> prepare(std::string_view sql);
    template <typename... Values>
    Result<void> execute(std::string_view sql, const Values&... values) {
        VITRINE_TRY(Statement statement, prepare(sql));
        statement.bindAll(values...);
        return statement.run();
    }
    // First cell of the first row; NULL if there is no row.
    template <typename... Values>
    Result<SqlValue> scalar(std::string_view sql, const Values&... values) {
        VITRINE_TRY(Statement statement, prepare(sql));
        statement.bindAll(values...);
        VITRINE_TRY(const bool found, statement.step());
        return found ? statement.value(0) : SqlValue{};
    }
    // Several statements without parameters.
    Result<void> script(const std::string& sql);

    // Runs `body` between BEGIN IMMEDIATE and COMMIT; rolled back if it fails. Waits for other writers and
    // tries again if one of them keeps the database busy. Inside another transaction it simply runs.
    Result<void> transaction(const std::function<Result<void>()>& body);

    int64_t lastInsertId() const;
    int64_t changes() const;
    bool isReadOnly() const;
    const std::filesystem::path& path() const;
    sqlite3* handle() const;

    // The error that the connection's last failed call stands for.
    Error lastError() const;

  private:
    explicit Database(std::shared_ptr<SqliteConnection> connection) : connection_(std::move(connection)) {}
    std::shared_ptr<SqliteConnection> connection_;
};

int64_t integerOr(const SqlValue& value, int64_t fallback);
std::string textOf(const SqlValue& value);  // numbers as text; NULL as ""

// Names of the processes that hold a lock on `path` (or its -wal and -shm files), as "vitrine (pid 123)";
// empty if nobody does or it cannot be told.
std::string lockHolders(const std::filesystem::path& path);

}  // namespace vitrine
