#include "core/runs/migrations.h"

#include "core/base/version.h"

namespace vitrine {
namespace {

// Version 1: one row per run, every value as JSON text, metrics in one wide table.
const char* const kVersion1 = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE runs(id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL,
    recipe TEXT NOT NULL, created REAL NOT NULL, ended REAL, error TEXT);
CREATE TABLE params(run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT,
    PRIMARY KEY(run, key));
CREATE TABLE metrics(run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, key TEXT NOT NULL,
    step INTEGER NOT NULL, time REAL NOT NULL, value REAL);
CREATE TABLE artifacts(run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, name TEXT NOT NULL,
    sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY(run, name));
)sql";

// Version 2: who runs it, notes, tags (a JSON list), trash, events, artifacts by step.
const char* const kVersion2 = R"sql(
ALTER TABLE runs ADD COLUMN seed INTEGER;
ALTER TABLE runs ADD COLUMN device TEXT;
ALTER TABLE runs ADD COLUMN started REAL;
ALTER TABLE runs ADD COLUMN pid INTEGER;
ALTER TABLE runs ADD COLUMN host TEXT;
ALTER TABLE runs ADD COLUMN process_start TEXT;
ALTER TABLE runs ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE runs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN deleted_at REAL;
UPDATE runs SET seed = json_extract(recipe, '$.seed'), device = json_extract(recipe, '$.device'),
    started = created WHERE json_valid(recipe);
ALTER TABLE artifacts ADD COLUMN kind TEXT NOT NULL DEFAULT 'file';
ALTER TABLE artifacts ADD COLUMN step INTEGER;
ALTER TABLE artifacts ADD COLUMN media_type TEXT NOT NULL DEFAULT '';
CREATE TABLE events(id INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    time REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
)sql";

// Version 3: runs by number, keys and series apart from their points (a third of the size, and a column of
// 5,000 runs is one contiguous read), typed parameters, and the tables of the other workspaces.
const char* const kVersion3Move = R"sql(
ALTER TABLE runs RENAME TO old_runs;
ALTER TABLE params RENAME TO old_params;
ALTER TABLE metrics RENAME TO old_metrics;
ALTER TABLE artifacts RENAME TO old_artifacts;
ALTER TABLE events RENAME TO old_events;
)sql";

const char* const kVersion3Runs = R"sql(
CREATE TABLE runs(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, kind TEXT NOT NULL,
    status TEXT NOT NULL CHECK(status IN
        ('queued','running','paused','finished','failed','cancelled','interrupted')),
    recipe TEXT NOT NULL DEFAULT '{}', seed INTEGER, device TEXT NOT NULL DEFAULT '', created REAL NOT NULL,
    started REAL, ended REAL, pid INTEGER, host TEXT NOT NULL DEFAULT '', process_start TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '', notes TEXT NOT NULL DEFAULT '', starred INTEGER NOT NULL DEFAULT 0,
    deleted_at REAL, parent TEXT NOT NULL DEFAULT '', sweep TEXT NOT NULL DEFAULT '',
    result_hash TEXT NOT NULL DEFAULT '');
CREATE INDEX runs_by_status ON runs(status);
CREATE TABLE tags(run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE, tag TEXT NOT NULL,
    PRIMARY KEY(run, tag)) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags(tag);
CREATE TABLE keys(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE(kind, name));
CREATE TABLE param_values(key INTEGER NOT NULL REFERENCES keys(id),
    run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE, value, PRIMARY KEY(key, run)) WITHOUT ROWID;
CREATE INDEX param_values_by_run ON param_values(run);
CREATE TABLE series(id INTEGER PRIMARY KEY, key INTEGER NOT NULL REFERENCES keys(id),
    run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE, last_step INTEGER, last_time REAL,
    last_value REAL, UNIQUE(key, run));
CREATE INDEX series_by_run ON series(run);
CREATE TABLE points(series INTEGER NOT NULL REFERENCES series(id) ON DELETE CASCADE, step INTEGER NOT NULL,
    time REAL NOT NULL, value REAL, PRIMARY KEY(series, step)) WITHOUT ROWID;
CREATE TABLE artifacts(id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE,
    name TEXT NOT NULL, kind TEXT NOT NULL DEFAULT 'file', step INTEGER NOT NULL DEFAULT -1, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, media_type TEXT NOT NULL DEFAULT '', provenance TEXT NOT NULL DEFAULT '{}',
    created REAL NOT NULL DEFAULT 0, UNIQUE(run, name, step));
CREATE INDEX artifacts_by_sha256 ON artifacts(sha256);
CREATE TABLE events(id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE,
    time REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL DEFAULT '{}');
CREATE INDEX events_by_run ON events(run, time);
CREATE TABLE environment(run INTEGER PRIMARY KEY REFERENCES runs(number) ON DELETE CASCADE, data TEXT NOT NULL);
CREATE TABLE lineage(id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE,
    direction TEXT NOT NULL CHECK(direction IN ('input','output')), kind TEXT NOT NULL, reference TEXT NOT NULL,
    label TEXT NOT NULL DEFAULT '', UNIQUE(run, direction, kind, reference));
CREATE INDEX lineage_by_reference ON lineage(kind, reference);
)sql";

const char* const kVersion3Others = R"sql(
CREATE TABLE models(id INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE, path TEXT NOT NULL,
    family TEXT NOT NULL DEFAULT '', made_by_run INTEGER REFERENCES runs(number) ON DELETE SET NULL,
    parent INTEGER REFERENCES models(id) ON DELETE SET NULL, info TEXT NOT NULL DEFAULT '{}',
    created REAL NOT NULL DEFAULT 0);
CREATE TABLE datasets(id INTEGER PRIMARY KEY, name TEXT NOT NULL, path TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL DEFAULT '', info TEXT NOT NULL DEFAULT '{}', created REAL NOT NULL DEFAULT 0);
CREATE TABLE annotations(id INTEGER PRIMARY KEY, dataset INTEGER REFERENCES datasets(id) ON DELETE CASCADE,
    item TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL DEFAULT '{}', author TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL DEFAULT 0, changed REAL NOT NULL DEFAULT 0);
CREATE INDEX annotations_by_item ON annotations(dataset, item);
CREATE TABLE reviews(id INTEGER PRIMARY KEY, annotation INTEGER REFERENCES annotations(id) ON DELETE CASCADE,
    run INTEGER REFERENCES runs(number) ON DELETE SET NULL, item TEXT NOT NULL DEFAULT '',
    verdict TEXT NOT NULL, correction TEXT NOT NULL DEFAULT '{}', author TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL DEFAULT 0);
CREATE TABLE claims(id INTEGER PRIMARY KEY, name TEXT NOT NULL, run INTEGER REFERENCES runs(number) ON DELETE SET NULL,
    baseline_run INTEGER REFERENCES runs(number) ON DELETE SET NULL, expected TEXT NOT NULL DEFAULT '{}',
    measured TEXT NOT NULL DEFAULT '{}', holds INTEGER, created REAL NOT NULL DEFAULT 0);
CREATE VIEW params AS SELECT r.id AS run, k.name AS key, v.value AS value
    FROM param_values v JOIN keys k ON k.id = v.key JOIN runs r ON r.number = v.run;
CREATE VIEW metrics AS SELECT r.id AS run, k.name AS key, p.step AS step, p.time AS time, p.value AS value
    FROM points p JOIN series s ON s.id = p.series JOIN keys k ON k.id = s.key JOIN runs r ON r.number = s.run;
CREATE VIEW last_values AS SELECT r.id AS run, k.name AS key, s.last_step AS step, s.last_time AS time,
    s.last_value AS value FROM series s JOIN keys k ON k.id = s.key JOIN runs r ON r.number = s.run;
)sql";

const char* const kVersion3Copy = R"sql(
INSERT INTO runs(id, name, kind, status, recipe, seed, device, created, started, ended, pid, host, process_start,
    error, notes, starred, deleted_at)
  SELECT id, name, kind,
    CASE WHEN status IN ('queued','running','paused','finished','failed','cancelled','interrupted')
        THEN status ELSE 'interrupted' END,
    recipe, seed, coalesce(device, ''), created, started, ended, pid, coalesce(host, ''),
    coalesce(process_start, ''), coalesce(error, ''), notes, starred, deleted_at
  FROM old_runs ORDER BY created, id;
INSERT OR IGNORE INTO tags SELECT r.number, t.value FROM old_runs o JOIN runs r ON r.id = o.id,
    json_each(CASE WHEN json_valid(o.tags) THEN o.tags ELSE '[]' END) t WHERE t.type = 'text';
INSERT OR IGNORE INTO keys(kind, name) SELECT DISTINCT 'param', key FROM old_params;
INSERT OR IGNORE INTO keys(kind, name) SELECT DISTINCT 'metric', key FROM old_metrics;
INSERT INTO param_values SELECT k.id, r.number,
    CASE WHEN NOT json_valid(p.value) THEN p.value
        WHEN json_type(p.value) IN ('true', 'false', 'array', 'object') THEN p.value
        ELSE json_extract(p.value, '$') END
  FROM old_params p JOIN runs r ON r.id = p.run JOIN keys k ON k.kind = 'param' AND k.name = p.key;
INSERT INTO series(key, run) SELECT DISTINCT k.id, r.number
  FROM old_metrics m JOIN runs r ON r.id = m.run JOIN keys k ON k.kind = 'metric' AND k.name = m.key;
INSERT OR REPLACE INTO points SELECT s.id, m.step, m.time, m.value
  FROM old_metrics m JOIN runs r ON r.id = m.run JOIN keys k ON k.kind = 'metric' AND k.name = m.key
    JOIN series s ON s.key = k.id AND s.run = r.number ORDER BY m.rowid;
UPDATE series SET (last_step, last_time, last_value) =
    (SELECT step, time, value FROM points WHERE series = series.id ORDER BY step DESC LIMIT 1);
INSERT INTO artifacts(run, name, kind, step, sha256, bytes, media_type)
  SELECT r.number, a.name, a.kind, coalesce(a.step, -1), a.sha256, a.bytes, a.media_type
  FROM old_artifacts a JOIN runs r ON r.id = a.run;
INSERT INTO events(run, time, kind, data) SELECT r.number, e.time, e.kind, e.data
  FROM old_events e JOIN runs r ON r.id = e.run ORDER BY e.id;
DROP TABLE old_events; DROP TABLE old_artifacts; DROP TABLE old_metrics; DROP TABLE old_params; DROP TABLE old_runs;
)sql";

Result<void> applyStep(Database& database, int version) {
    switch (version) {
        case 1:
            return database.script(kVersion1);
        case 2:
            return database.script(kVersion2);
        default:
            for (const char* sql : {kVersion3Move, kVersion3Runs, kVersion3Others, kVersion3Copy})
                VITRINE_TRY_VOID(database.script(sql));
            return {};
    }
}

}  // namespace

std::string programVersion() {
    return "vitrine " + versionText();
}

Result<int> schemaVersion(Database& database) {
    VITRINE_TRY(const SqlValue version, database.scalar("PRAGMA user_version"));
    return int(integerOr(version, 0));
}

Result<void> checkVersion(Database& database) {
    VITRINE_TRY(const int version, schemaVersion(database));
    if (version <= kSchemaVersion)
        return {};
    const auto writer = database.scalar("SELECT value FROM meta WHERE key = 'written_by'");
    const std::string name = writer && !textOf(*writer).empty() ? textOf(*writer) : "a newer program";
    return fail(
        ErrorCode::Unsupported,
        fmt::format("the database has schema version {}, made by {}; this is {}, which knows versions "
                    "up to {}",
                    version, name, programVersion(), kSchemaVersion),
        database.path().string(), "Open it with that version or a newer one; nothing was changed");
}

Result<void> migrateTo(Database& database, int target) {
    return database.transaction([&]() -> Result<void> {
        VITRINE_TRY(int version, schemaVersion(database));
        if (version >= target)
            return {};
        while (version < target) {
            VITRINE_TRY_VOID(applyStep(database, ++version));
        }
        VITRINE_TRY_VOID(
            database.execute("INSERT OR REPLACE INTO meta VALUES('written_by', ?)", programVersion()));
        return database.script(fmt::format("PRAGMA user_version={}", target));
    });
}

Result<void> migrate(Database& database) {
    VITRINE_TRY_VOID(checkVersion(database));
    VITRINE_TRY(const int version, schemaVersion(database));
    if (version == kSchemaVersion)
        return {};
    // Renaming a table must not drag the references of the others along (SQLite manual, ALTER TABLE).
    VITRINE_TRY_VOID(database.script("PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON"));
    Result<void> done = migrateTo(database, kSchemaVersion);
    VITRINE_TRY_VOID(database.script("PRAGMA legacy_alter_table=OFF; PRAGMA foreign_keys=ON"));
    return done;
}

}  // namespace vitrine
