// Kinds of jobs that a recipe can ask for. A kind has a schema for its settings (forms are made from it) and
// a function that does the work; kinds register themselves in a JobKinds table, built-ins and plugins alike.
#pragma once

#include "core/base/job_context.h"
#include "core/base/json.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace vitrine {

class RunContext;

struct JobKind {
    std::string name;
    std::string summary;  // one line
    Json settingsSchema = Json{{"type", "object"}, {"properties", Json::object()}};
    // Runs on the job's thread. Errors and exceptions end the run as failed; Cancelled ends it as cancelled.
    std::function<Result<void>(RunContext&)> run;
    // Whether it may run as several processes of one group (world_place.h): every process carries out the
    // recipe, the first one's run is the one that counts.
    bool severalProcesses = false;
    // What a recipe will take, told without a run (`vitrine run --dry-run`), from its complete JSON and the
    // folder of the project, which need not be there: "text" for people, numbers for programs. Empty: nothing
    // beyond the recipe's checks is told.
    std::function<Result<Json>(const Json& recipe, const std::filesystem::path& project, JobContext& job)>
        estimate;
    // Added to the run's record of its environment (library versions, device names); may be empty.
    std::function<Json()> environment;
};

class JobKinds {
  public:
    void add(JobKind kind);  // a name may be used once
    // UnknownFamily with the nearest name.
    Result<const JobKind*> find(const std::string& name) const;
    std::vector<std::string> names() const;

  private:
    std::map<std::string, JobKind> kinds_;
};

// "selftest": estimates pi by drawing points, in steps with checkpoints; a small true job for trying out the
// runner, pausing, resuming and the Runs workspace.
JobKind selftestKind();

}  // namespace vitrine
