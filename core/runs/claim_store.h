// Verdicts of claims in the experiment database. A light view on an open Project, as RunStore.
#pragma once

#include "core/runs/run_store.h"

namespace vitrine {

struct StoredClaim {
    std::string name;
    std::string runId;               // empty if the run was purged
    Json measured = Json::object();  // checks and measurements, as the job wrote them
    bool holds = false;
    double created = 0;  // seconds since 1970
};

class ClaimStore {
  public:
    explicit ClaimStore(const Project& project) : project_(&project) {}

    // A run has one verdict: measuring it again (after resuming) replaces it.
    Result<void> add(const std::string& name, const Run& run, const std::string& rule, const Json& measured,
                     bool holds);
    // Newest verdict of each claim, by name.
    Result<std::vector<StoredClaim>> newest() const;

  private:
    const Project* project_;
};

}  // namespace vitrine
