// Questions in SQL, and those that the project keeps in queries.json.
#include "app/desktop/runs/runs_controller.h"
#include "core/base/file.h"
#include "core/runs/sql_console.h"

#include <algorithm>

namespace vitrine {

constexpr double kSqlSeconds = 60;
constexpr int64_t kSqlRows = 100'000;

void RunsController::runSql(const QString& sql) {
    sqlStop_ = std::stop_source();
    SqlLimits limits;
    limits.seconds = kSqlSeconds;
    limits.rows = kSqlRows;
    limits.stop = sqlStop_.get_token();
    sqlService_.ask<SqlTable>(
        "sql", [sql, limits](const Project& project) { return querySql(project, sql.toStdString(), limits); },
        [this](Result<SqlTable> table) {
            table ? sql_->setResult(std::move(*table))
                  : sql_->setError(QString::fromStdString(table.error().text()));
        });
}

QList<SavedQuery> RunsController::storedQueries() const {
    QList<SavedQuery> queries;
    const auto json =
        folder_.empty() ? Result<Json>(Json::array()) : readJsonFile(folder_ / "queries.json", 1 << 20);
    if (json && json->is_array())
        for (const Json& query : *json) {
            const auto name = jsonValue<std::string>(query, "name", "queries.json");
            const auto sql = jsonValue<std::string>(query, "sql", "queries.json");
            if (name && sql)
                queries.append({QString::fromStdString(*name), QString::fromStdString(*sql)});
        }
    return queries;
}

void RunsController::loadQueries() {
    loadedQueries_ = storedQueries();
    sql_->setSaved(loadedQueries_);
}

// Another window may have saved some meanwhile: only what changed here is changed in the file.
void RunsController::saveQueries() {
    const auto named = [](const QList<SavedQuery>& list, const QString& name) {
        return std::find_if(list.begin(), list.end(),
                            [&](const SavedQuery& each) { return each.name == name; });
    };
    const QList<SavedQuery> ours = sql_->saved();
    QList<SavedQuery> all = storedQueries();
    for (const SavedQuery& before : loadedQueries_)
        if (named(ours, before.name) == ours.end())
            all.removeIf([&](const SavedQuery& each) { return each.name == before.name; });
    for (const SavedQuery& query : ours) {
        const auto before = named(loadedQueries_, query.name);
        if (before != loadedQueries_.end() && before->sql == query.sql)
            continue;
        all.removeIf([&](const SavedQuery& each) { return each.name == query.name; });
        all.append(query);
    }
    Json json = Json::array();
    for (const SavedQuery& query : all)
        json.push_back({{"name", query.name.toStdString()}, {"sql", query.sql.toStdString()}});
    loadedQueries_ = all;
    sql_->setSaved(all);
    const auto written = writeFileAtomically(folder_ / "queries.json", json.dump(2) + "\n");
    if (!written)
        emit failed(QString::fromStdString(written.error().text()));
}

}  // namespace vitrine
