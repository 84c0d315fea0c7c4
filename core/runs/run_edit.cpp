// What a person changes about runs, and what belongs to them: artifacts, events, environment, lineage.
#include "core/runs/run_store.h"

#include <set>

namespace vitrine {

Result<void> RunStore::forEach(const std::vector<Run>& runs,
                               const std::function<Result<void>(const Run&)>& change) {
    return database().transaction([&]() -> Result<void> {
        for (const Run& run : runs)
            VITRINE_TRY_VOID(change(run));
        return {};
    });
}

Result<void> RunStore::addTags(const std::vector<Run>& runs, const std::vector<std::string>& tags) {
    return forEach(runs, [&](const Run& run) -> Result<void> {
        for (const std::string& tag : tags) {
            if (tag.empty() || tag.find('\x1f') != std::string::npos)
                return fail(ErrorCode::InvalidArgument, "a tag must not be empty");
            VITRINE_TRY_VOID(database().execute("INSERT OR IGNORE INTO tags VALUES(?,?)", run.number, tag));
        }
        return {};
    });
}

Result<void> RunStore::removeTags(const std::vector<Run>& runs, const std::vector<std::string>& tags) {
    return forEach(runs, [&](const Run& run) -> Result<void> {
        for (const std::string& tag : tags)
            VITRINE_TRY_VOID(database().execute("DELETE FROM tags WHERE run=? AND tag=?", run.number, tag));
        return {};
    });
}

Result<void> RunStore::setNotes(const std::vector<Run>& runs, const std::string& notes) {
    return forEach(runs, [&](const Run& run) {
        return database().execute("UPDATE runs SET notes=? WHERE number=?", notes, run.number);
    });
}

Result<void> RunStore::setName(const Run& run, const std::string& name) {
    return database().execute("UPDATE runs SET name=? WHERE number=?", name, run.number);
}

Result<void> RunStore::setStarred(const std::vector<Run>& runs, bool starred) {
    return forEach(runs, [&](const Run& run) {
        return database().execute("UPDATE runs SET starred=? WHERE number=?", starred, run.number);
    });
}

Result<void> RunStore::moveToTrash(const std::vector<Run>& runs) {
    return forEach(runs, [&](const Run& run) -> Result<void> {
        VITRINE_TRY(const Run now, find(run.id));
        if (isLive(now.status))
            return fail(ErrorCode::Busy, "the run is still running", run.id,
                        fmt::format("Stop it first: vitrine runs control {} stop", run.id));
        return database().execute("UPDATE runs SET deleted_at=? WHERE number=?", nowSeconds(), run.number);
    });
}

Result<void> RunStore::restore(const std::vector<Run>& runs) {
    return forEach(runs, [&](const Run& run) {
        return database().execute("UPDATE runs SET deleted_at=NULL WHERE number=?", run.number);
    });
}

Result<int64_t> RunStore::removeUnreferenced(const std::vector<std::string>& hashes) {
    int64_t freed = 0;
    for (const std::string& hash : hashes) {
        VITRINE_TRY(
            const SqlValue used,
            database().scalar("SELECT 1 FROM artifacts WHERE sha256=?1 UNION SELECT 1 FROM models WHERE "
                              "sha256=?1 UNION SELECT 1 FROM lineage WHERE reference=?1 LIMIT 1",
                              hash));
        if (!std::holds_alternative<std::monostate>(used) || !project_->artifacts().contains(hash))
            continue;
        std::error_code ignored;
        freed += int64_t(std::filesystem::file_size(project_->artifacts().pathOf(hash), ignored));
        VITRINE_TRY_VOID(project_->artifacts().remove(hash));
    }
    return freed;
}

Result<int64_t> RunStore::purge(const std::vector<Run>& runs) {
    std::vector<std::string> hashes;
    VITRINE_TRY_VOID(forEach(runs, [&](const Run& run) -> Result<void> {
        VITRINE_TRY(const Run now, find(run.id));
        if (now.deletedAt <= 0)
            return fail(ErrorCode::InvalidArgument, "the run is not in the trash", run.id,
                        fmt::format("Move it there first: vitrine runs delete {}", run.id));
        VITRINE_TRY(const auto owned, artifacts(run));
        for (const Artifact& artifact : owned)
            hashes.push_back(artifact.sha256);
        return database().execute("DELETE FROM runs WHERE number=?", run.number);
    }));
    // Files go after the rows: a crash between leaves a file too many, never a row without its file. The
    // transaction keeps another process from starting to use one of them meanwhile.
    int64_t freed = 0;
    VITRINE_TRY_VOID(database().transaction([&]() -> Result<void> {
        VITRINE_TRY(freed, removeUnreferenced(hashes));
        return {};
    }));
    for (const Run& run : runs) {
        std::error_code ignored;
        std::filesystem::remove_all(project_->runFolder(run.id), ignored);
    }
    return freed;
}

Result<void> RunStore::addArtifact(const Run& run, const Artifact& artifact) {
    return database().execute(
        "INSERT OR REPLACE INTO artifacts(run, name, kind, step, sha256, bytes, media_type, provenance, "
        "created) "
        "VALUES(?,?,?,?,?,?,?,?,?)",
        run.number, artifact.name, artifact.kind, artifact.step, artifact.sha256, artifact.bytes,
        artifact.mediaType, artifact.provenance.dump(),
        artifact.created > 0 ? artifact.created : nowSeconds());
}

Result<std::vector<Artifact>> RunStore::artifacts(const Run& run) const {
    VITRINE_TRY(
        Statement rows,
        database().prepare("SELECT id, name, kind, step, sha256, bytes, media_type, provenance, created "
                           "FROM artifacts WHERE run=? ORDER BY name, step"));
    rows.bindAll(run.number);
    std::vector<Artifact> out;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        VITRINE_TRY(Json provenance, parseJson(rows.text(7), "provenance of " + rows.text(1)));
        out.push_back({rows.integer(0), rows.text(1), rows.text(2), rows.integer(3), rows.text(4),
                       rows.integer(5), rows.text(6), std::move(provenance), rows.real(8)});
    }
}

Result<void> RunStore::addEvent(const Run& run, const std::string& kind, const Json& data) {
    return database().execute("INSERT INTO events(run, time, kind, data) VALUES(?,?,?,?)", run.number,
                              nowSeconds(), kind, data.dump());
}

Result<std::vector<RunEvent>> RunStore::events(const Run& run) const {
    VITRINE_TRY(Statement rows,
                database().prepare("SELECT time, kind, data FROM events WHERE run=? ORDER BY time, id"));
    rows.bindAll(run.number);
    std::vector<RunEvent> out;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        VITRINE_TRY(Json data, parseJson(rows.text(2), "event of run " + run.id));
        out.push_back({rows.real(0), rows.text(1), std::move(data)});
    }
}

Result<void> RunStore::setEnvironment(const Run& run, const Json& environment) {
    return database().execute("INSERT OR REPLACE INTO environment VALUES(?,?)", run.number,
                              environment.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<Json> RunStore::environment(const Run& run) const {
    VITRINE_TRY(const SqlValue data,
                database().scalar("SELECT data FROM environment WHERE run=?", run.number));
    if (std::holds_alternative<std::monostate>(data))
        return Json::object();
    return parseJson(textOf(data), "environment of run " + run.id);
}

Result<void> RunStore::addLineage(const Run& run, const LineageEdge& edge) {
    return database().execute(
        "INSERT OR REPLACE INTO lineage(run, direction, kind, reference, label) VALUES(?,?,?,?,?)",
        run.number, edge.direction, edge.kind, edge.reference, edge.label);
}

Result<std::vector<LineageEdge>> RunStore::lineage(const Run& run, int depth) const {
    std::vector<LineageEdge> out;
    std::set<std::string> seenRuns{run.id};
    std::vector<std::string> frontier{run.id};
    for (int level = 0; level <= depth && !frontier.empty(); ++level) {
        std::vector<std::string> next;
        for (const std::string& id : frontier) {
            VITRINE_TRY(Statement edges,
                        database().prepare("SELECT l.direction, l.kind, l.reference, l.label FROM "
                                           "lineage l JOIN runs r ON r.number=l.run WHERE r.id=? "
                                           "ORDER BY l.id"));
            edges.bindAll(id);
            while (true) {
                VITRINE_TRY(const bool row, edges.step());
                if (!row)
                    break;
                out.push_back({id, edges.text(0), edges.text(1), edges.text(2), edges.text(3)});
            }
            VITRINE_TRY(
                Statement others,
                database().prepare(
                    "SELECT DISTINCT o.id FROM lineage a JOIN lineage b ON b.kind=a.kind AND "
                    "b.reference=a.reference JOIN runs o ON o.number=b.run JOIN runs r ON r.number=a.run "
                    "WHERE r.id=?1 UNION SELECT parent FROM runs WHERE id=?1 AND parent<>'' UNION SELECT "
                    "id FROM runs WHERE parent=?1"));
            others.bindAll(id);
            while (true) {
                VITRINE_TRY(const bool row, others.step());
                if (!row)
                    break;
                if (seenRuns.insert(others.text(0)).second)
                    next.push_back(others.text(0));
            }
        }
        frontier = std::move(next);
    }
    return out;
}

Result<std::vector<std::string>> RunStore::allTags() const {
    VITRINE_TRY(Statement rows, database().prepare("SELECT DISTINCT tag FROM tags ORDER BY tag"));
    std::vector<std::string> out;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return out;
        out.push_back(rows.text(0));
    }
}

}  // namespace vitrine
