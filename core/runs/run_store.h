// Runs of a project: making, reading and changing them. A light view on an open Project, which must outlive
// it; same thread rule as the Project.
#pragma once

#include "core/base/json.h"
#include "core/runs/process_info.h"
#include "core/runs/project.h"

#include <optional>
#include <string>
#include <vector>

namespace vitrine {

enum class RunStatus { Queued, Running, Paused, Finished, Failed, Cancelled, Interrupted };

const char* runStatusName(RunStatus status);
Result<RunStatus> runStatusFromName(std::string_view name);
inline bool isLive(RunStatus status) {
    return status == RunStatus::Running || status == RunStatus::Paused;
}

// One row. Times are seconds since 1970; 0: not yet.
struct Run {
    int64_t number = 0;  // row number, for joins
    std::string id;      // short, unique, sorts by time of creation
    std::string name;
    std::string kind;
    RunStatus status = RunStatus::Queued;
    std::optional<int64_t> seed;
    std::string device;
    double created = 0;
    double started = 0;
    double ended = 0;
    ProcessIdentity process;
    std::string error;  // why it failed
    std::string notes;
    std::vector<std::string> tags;
    bool starred = false;
    double deletedAt = 0;  // in the trash since
    std::string parent;    // id of the run that this one was made from; may be empty
    std::string sweep;
    std::string resultHash;

    double durationSeconds(double now) const;
};

struct NewRun {
    std::string name;
    std::string kind;
    RunStatus status = RunStatus::Queued;
    Json recipe = Json::object();
    std::optional<int64_t> seed;
    std::string device;
    std::string parent;
    std::string sweep;
    std::vector<std::string> tags;
    std::string notes;
    double created = 0;  // 0: now
};

struct Artifact {
    int64_t id = 0;
    std::string name;
    std::string kind;   // "image", "file", "checkpoint", "report", ...
    int64_t step = -1;  // -1: belongs to no step
    std::string sha256;
    int64_t bytes = 0;
    std::string mediaType;
    Json provenance = Json::object();  // what made it: model hash, layer, transform, code version, ...
    double created = 0;
};

struct RunEvent {
    double time = 0;
    std::string kind;
    Json data;
};

struct LineageEdge {
    std::string run;        // run id
    std::string direction;  // "input" or "output"
    std::string kind;       // "artifact" (reference: sha256), "model", "dataset", "run"
    std::string reference;
    std::string label;
};

// A nested object as dotted keys: {"a":{"b":1}} is "a.b" = 1. Lists of plain values stay one value.
std::vector<std::pair<std::string, Json>> flattenParams(const Json& json);

class RunStore {
  public:
    explicit RunStore(const Project& project) : project_(&project) {}

    // Adds the row and its parameters (the flattened recipe).
    Result<Run> create(const NewRun& run);
    // By id, by an unambiguous beginning of one, or "last" for the newest that is not in the trash.
    Result<Run> find(const std::string& idOrPrefix) const;
    Result<Json> recipe(const Run& run) const;
    Result<Json> params(const Run& run) const;  // {key: value}
    Result<void> setParams(const Run& run, const Json& flat);

    // Life of a run.
    Result<void> setStatus(const Run& run, RunStatus status);
    // Busy if another process carries it.
    Result<void> start(const Run& run, const ProcessIdentity& process);
    Result<void> end(const Run& run, RunStatus status, const std::string& error,
                     const std::string& resultHash);
    // Runs that say they are running while their process is gone become Interrupted; how many.
    Result<int64_t> markInterrupted();
    // The same for who only reads: a writer that is busy now or a full disk puts it off to the next time.
    Result<void> markInterruptedIfPossible();

    // What a person changes. Each takes many runs at once (one transaction).
    Result<void> addTags(const std::vector<Run>& runs, const std::vector<std::string>& tags);
    Result<void> removeTags(const std::vector<Run>& runs, const std::vector<std::string>& tags);
    Result<void> setNotes(const std::vector<Run>& runs, const std::string& notes);
    Result<void> setName(const Run& run, const std::string& name);
    Result<void> setStarred(const std::vector<Run>& runs, bool starred);
    Result<void> moveToTrash(const std::vector<Run>& runs);  // Busy if one of them is running
    Result<void> restore(const std::vector<Run>& runs);
    // Removes runs that are in the trash for good, their working folders, and stored files that no other run
    // or model refers to. Gives the bytes that were freed.
    Result<int64_t> purge(const std::vector<Run>& runs);

    // Artifacts. The same name and step again replaces the entry.
    Result<void> addArtifact(const Run& run, const Artifact& artifact);
    Result<std::vector<Artifact>> artifacts(const Run& run) const;

    Result<void> addEvent(const Run& run, const std::string& kind, const Json& data);
    Result<std::vector<RunEvent>> events(const Run& run) const;

    Result<void> setEnvironment(const Run& run, const Json& environment);
    Result<Json> environment(const Run& run) const;  // empty object if none was recorded

    Result<void> addLineage(const Run& run, const LineageEdge& edge);
    // Every edge that touches `run`, and those of the runs that these lead to, up to `depth` steps away.
    Result<std::vector<LineageEdge>> lineage(const Run& run, int depth = 3) const;

    Result<std::vector<std::string>> allTags() const;
    const Project& project() const { return *project_; }

  private:
    Database& database() const { return project_->database(); }
    Result<void> forEach(const std::vector<Run>& runs, const std::function<Result<void>(const Run&)>& change);
    Result<void> insertParams(int64_t run, const Json& flat);
    Result<int64_t> removeUnreferenced(const std::vector<std::string>& hashes);

    const Project* project_;
};

// Columns of `runs` in the order that readRun expects; for statements that select whole rows as r.
extern const char* const kRunColumns;
Run readRun(const Statement& row, int firstColumn = 0);
// Id of the key (kind "param" or "metric"), made if new.
Result<int64_t> keyId(Database& database, const char* kind, const std::string& name);

}  // namespace vitrine
