#include "core/runs/run_store.h"

#include <sys/random.h>

#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr std::array<const char*, 7> kStatusNames{"queued", "running",   "paused",     "finished",
                                                  "failed", "cancelled", "interrupted"};

// Six base-32 digits of the second since 2020 (they sort by time until 2054) and four random ones.
std::string newRunId(double now) {
    constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    constexpr double kEpoch2020 = 1577836800;
    auto seconds = uint64_t(std::max(0.0, now - kEpoch2020));
    std::string id(10, '0');
    for (int i = 5; i >= 0; --i, seconds /= 32)
        id[size_t(i)] = kDigits[seconds % 32];
    std::array<unsigned char, 4> random{};
    if (::getrandom(random.data(), random.size(), 0) != ssize_t(random.size()))
        random.fill(static_cast<unsigned char>(std::fmod(now * 1e6, 251.0)));
    for (size_t i = 0; i < random.size(); ++i)
        id[6 + i] = kDigits[random[i] % 32];
    return id;
}

bool isPlain(const Json& value) {
    return !value.is_object() && !value.is_array();
}

void flattenInto(const Json& value, const std::string& path, std::vector<std::pair<std::string, Json>>& out) {
    if (value.is_object() && !value.empty()) {
        for (const auto& [key, item] : value.items())
            flattenInto(item, path.empty() ? key : path + "." + key, out);
    } else if (value.is_array() && !std::all_of(value.begin(), value.end(), isPlain)) {
        for (size_t i = 0; i < value.size(); ++i)
            flattenInto(value[i], fmt::format("{}[{}]", path, i), out);
    } else if (!path.empty()) {
        out.emplace_back(path, value);
    }
}

SqlValue cellOf(const Json& value) {
    if (value.is_null())
        return std::monostate{};
    if (value.is_number_integer())
        return value.get<int64_t>();
    if (value.is_number())
        return value.get<double>();
    if (value.is_string())
        return value.get<std::string>();
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);  // true, false, lists
}

}  // namespace

const char* const kRunColumns =
    "r.number, r.id, r.name, r.kind, r.status, r.seed, r.device, r.created, r.started, r.ended, r.pid, "
    "r.host, "
    "r.process_start, r.error, r.notes, r.starred, r.deleted_at, r.parent, r.sweep, r.result_hash, "
    "(SELECT group_concat(tag, char(31)) FROM tags WHERE run = r.number)";

const char* runStatusName(RunStatus status) {
    return kStatusNames[size_t(status)];
}

Result<RunStatus> runStatusFromName(std::string_view name) {
    for (size_t i = 0; i < kStatusNames.size(); ++i)
        if (name == kStatusNames[i])
            return RunStatus(i);
    return fail(ErrorCode::InvalidArgument, fmt::format("there is no run status \"{}\"", name), {},
                "One of: queued, running, paused, finished, failed, cancelled, interrupted");
}

double Run::durationSeconds(double now) const {
    if (started <= 0)
        return 0;
    return std::max(0.0, (ended > 0 ? ended : isLive(status) ? now : started) - started);
}

Run readRun(const Statement& row, int c) {
    Run run;
    const auto number = [&](int column) { return row.isNull(column) ? 0.0 : row.real(column); };
    run.number = row.integer(c);
    run.id = row.text(c + 1);
    run.name = row.text(c + 2);
    run.kind = row.text(c + 3);
    run.status = runStatusFromName(row.text(c + 4)).value_or(RunStatus::Interrupted);
    if (!row.isNull(c + 5))
        run.seed = row.integer(c + 5);
    run.device = row.text(c + 6);
    run.created = number(c + 7);
    run.started = number(c + 8);
    run.ended = number(c + 9);
    run.process = {row.integer(c + 10), row.text(c + 11), row.text(c + 12)};
    run.error = row.text(c + 13);
    run.notes = row.text(c + 14);
    run.starred = row.integer(c + 15) != 0;
    run.deletedAt = number(c + 16);
    run.parent = row.text(c + 17);
    run.sweep = row.text(c + 18);
    run.resultHash = row.text(c + 19);
    const std::string tags = row.text(c + 20);
    for (size_t begin = 0; begin < tags.size();) {
        const size_t end = std::min(tags.find('\x1f', begin), tags.size());
        run.tags.push_back(tags.substr(begin, end - begin));
        begin = end + 1;
    }
    return run;
}

std::vector<std::pair<std::string, Json>> flattenParams(const Json& json) {
    std::vector<std::pair<std::string, Json>> out;
    flattenInto(json, "", out);
    return out;
}

Result<int64_t> keyId(Database& database, const char* kind, const std::string& name) {
    VITRINE_TRY(SqlValue id, database.scalar("SELECT id FROM keys WHERE kind = ? AND name = ?", kind, name));
    if (!std::holds_alternative<std::monostate>(id))
        return integerOr(id, 0);
    VITRINE_TRY_VOID(database.execute("INSERT INTO keys(kind, name) VALUES(?, ?)", kind, name));
    return database.lastInsertId();
}

Result<Run> RunStore::create(const NewRun& run) {
    const double created = run.created > 0 ? run.created : nowSeconds();
    std::string id;
    VITRINE_TRY_VOID(database().transaction([&]() -> Result<void> {
        while (true) {
            id = newRunId(created);
            VITRINE_TRY(const SqlValue taken, database().scalar("SELECT 1 FROM runs WHERE id = ?", id));
            if (std::holds_alternative<std::monostate>(taken))
                break;
        }
        const SqlValue seed = run.seed ? SqlValue(*run.seed) : SqlValue();
        VITRINE_TRY_VOID(database().execute(
            "INSERT INTO runs(id, name, kind, status, recipe, seed, device, created, notes, parent, sweep) "
            "VALUES(?,?,?,?,?,?,?,?,?,?,?)",
            id, run.name.empty() ? run.kind : run.name, run.kind, runStatusName(run.status),
            run.recipe.dump(), seed, run.device, created, run.notes, run.parent, run.sweep));
        const int64_t number = database().lastInsertId();
        for (const std::string& tag : run.tags)
            VITRINE_TRY_VOID(database().execute("INSERT OR IGNORE INTO tags VALUES(?,?)", number, tag));
        Json params = run.recipe;
        for (const char* key : {"name", "tags", "notes"})  // stand in the row itself
            if (params.is_object())
                params.erase(key);
        return insertParams(number, params);
    }));
    return find(id);
}

Result<void> RunStore::insertParams(int64_t run, const Json& nested) {
    for (const auto& [name, value] : flattenParams(nested)) {
        VITRINE_TRY(const int64_t key, keyId(database(), "param", name));
        VITRINE_TRY_VOID(
            database().execute("INSERT OR REPLACE INTO param_values VALUES(?,?,?)", key, run, cellOf(value)));
    }
    return {};
}

Result<void> RunStore::setParams(const Run& run, const Json& flat) {
    return database().transaction([&] { return insertParams(run.number, flat); });
}

Result<Run> RunStore::find(const std::string& idOrPrefix) const {
    const bool last = idOrPrefix == "last";
    // A beginning is a range of ids: "ab" <= id < "ab\x7f".
    const std::string order = last ? "WHERE deleted_at IS NULL ORDER BY created DESC, number DESC LIMIT 1"
                                   : "WHERE id >= ?1 AND id < ?1 || char(127) ORDER BY id LIMIT 2";
    VITRINE_TRY(Statement row,
                database().prepare(fmt::format("SELECT {} FROM runs r {}", kRunColumns, order)));
    if (!last)
        row.bindAll(idOrPrefix);
    VITRINE_TRY(const bool found, row.step());
    if (!found || idOrPrefix.empty())
        return fail(ErrorCode::NotFound,
                    last ? "there are no runs yet" : fmt::format("there is no run \"{}\"", idOrPrefix),
                    project_->folder().string(), "`vitrine runs list` shows the runs of the project");
    Run run = readRun(row);
    if (last || run.id == idOrPrefix)
        return run;
    VITRINE_TRY(const bool another, row.step());
    if (another)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("\"{}\" begins several runs: {}, {}, ...", idOrPrefix, run.id, readRun(row).id), {},
            "Give more letters");
    return run;
}

Result<Json> RunStore::recipe(const Run& run) const {
    VITRINE_TRY(const SqlValue text,
                database().scalar("SELECT recipe FROM runs WHERE number = ?", run.number));
    return parseJson(textOf(text), "recipe of run " + run.id);
}

Result<Json> RunStore::params(const Run& run) const {
    VITRINE_TRY(Statement rows,
                database().prepare("SELECT k.name, v.value FROM param_values v JOIN keys k ON "
                                   "k.id = v.key WHERE v.run = ? ORDER BY k.name"));
    rows.bindAll(run.number);
    Json out = Json::object();
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        std::visit(
            [&](const auto& held) {
                if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>)
                    out[rows.text(0)] = nullptr;
                else
                    out[rows.text(0)] = held;
            },
            rows.value(1));
    }
}

Result<void> RunStore::setStatus(const Run& run, RunStatus status) {
    return database().execute("UPDATE runs SET status = ? WHERE number = ?", runStatusName(status),
                              run.number);
}

Result<void> RunStore::start(const Run& run, const ProcessIdentity& process) {
    // One statement, so that of two processes that want to carry the run only one gets it.
    VITRINE_TRY_VOID(
        database().execute("UPDATE runs SET status='running', started=coalesce(started, ?), ended=NULL, "
                           "error='', pid=?, host=?, "
                           "process_start=? WHERE number=? AND status NOT IN ('running','paused')",
                           nowSeconds(), process.pid, process.host, process.start, run.number));
    if (database().changes() == 1)
        return {};
    VITRINE_TRY(const Run now, find(run.id));
    return fail(
        ErrorCode::Busy,
        fmt::format("the run is carried by process {} on {} already", now.process.pid, now.process.host),
        run.id, fmt::format("vitrine runs control {} status", run.id));
}

Result<void> RunStore::end(const Run& run, RunStatus status, const std::string& error,
                           const std::string& resultHash) {
    return database().execute("UPDATE runs SET status=?, ended=?, error=?, result_hash=? WHERE number=?",
                              runStatusName(status), nowSeconds(), error, resultHash, run.number);
}

Result<int64_t> RunStore::markInterrupted() {
    std::vector<Run> gone;
    {
        VITRINE_TRY(Statement rows,
                    database().prepare(fmt::format(
                        "SELECT {} FROM runs r WHERE status IN ('running','paused')", kRunColumns)));
        while (true) {
            VITRINE_TRY(const bool row, rows.step());
            if (!row)
                break;
            Run run = readRun(rows);
            if (!isAlive(run.process))
                gone.push_back(std::move(run));
        }
    }
    for (const Run& run : gone)
        // It ended when it was last heard of. The process is compared again: somebody may have resumed it.
        VITRINE_TRY_VOID(database().execute(
            "UPDATE runs SET status='interrupted', error='its process ended without saying so (killed, or "
            "the "
            "machine went down)', ended=coalesce((SELECT max(last_time) FROM series WHERE run=?1), started, "
            "created) WHERE number=?1 AND status IN ('running','paused') AND coalesce(pid, 0)=?2 AND "
            "process_start=?3",
            run.number, run.process.pid, run.process.start));
    return int64_t(gone.size());
}

Result<void> RunStore::markInterruptedIfPossible() {
    const auto marked = markInterrupted();
    if (marked || marked.error().code == ErrorCode::Busy || marked.error().code == ErrorCode::DiskFull)
        return {};
    return fail(marked.error());
}

}  // namespace vitrine
