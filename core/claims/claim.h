// Claims: each system of Vitrine ships its smallest faithful experiment, with the baselines that it must
// beat. An experiment is measured once per seed; a pass rule judges the table over all seeds. This header and
// the catalogue need no LibTorch, so that lists and the window's board start in milliseconds; experiments are
// bound by name (claim_experiments.h).
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace vitrine {

// What is known about a claim without running it.
struct ClaimInfo {
    std::string name;       // "phi-s", unique; `vitrine claims run phi-s`
    std::string system;     // "PHI-S"
    std::string statement;  // what the publication says and this experiment shows
    std::string source;     // paper and section
    std::string rule;       // pass rule in words
    int64_t seedCount = 3;
    double minutesPerSeed = 1;  // estimate for one processor core, which a seed is measured on
};

// Of all seeds of the claims on this machine, as many at once as it has cores.
double estimatedMinutes(std::span<const ClaimInfo> claims);

// Values of one seed: arm ("PHI-S", "MSE") -> metric ("mean log-fidelity") -> value.
struct ClaimMeasurement {
    int64_t seed = 0;
    std::map<std::string, std::map<std::string, double>> arms;

    Json toJson() const;
    static ClaimMeasurement fromJson(const Json& json);
};

// Measurements of several seeds, read by arm and metric. A value that was not measured is NaN, so that no
// rule built on it can hold.
class ClaimTable {
  public:
    explicit ClaimTable(std::vector<ClaimMeasurement> measurements)
        : measurements_(std::move(measurements)) {}

    std::vector<double> values(const std::string& arm, const std::string& metric) const;  // one per seed
    double mean(const std::string& arm, const std::string& metric) const;
    double deviation(const std::string& arm,
                     const std::string& metric) const;  // sample standard deviation; 0: one seed
    std::vector<std::string> arms() const;              // in order of their names
    std::vector<std::string> metrics() const;
    const std::vector<ClaimMeasurement>& measurements() const { return measurements_; }

    // Metrics x arms as "mean ± deviation", and the same as CSV (arm,metric,seed,value).
    std::string text() const;
    std::string csv() const;

  private:
    std::vector<ClaimMeasurement> measurements_;
};

// One line of the pass rule, checked.
struct ClaimCheck {
    std::string rule;  // "fidelity of PHI-S over MSE"
    double measured = 0;
    double limit = 0;
    bool atLeast = true;  // measured >= limit, else measured <= limit

    bool holds() const { return atLeast ? measured >= limit : measured <= limit; }  // false for NaN
    Json toJson() const;
};

ClaimCheck atLeast(std::string rule, double measured, double limit);
ClaimCheck atMost(std::string rule, double measured, double limit);
// True if there is at least one check and each holds.
bool allHold(std::span<const ClaimCheck> checks);

// Every claim of this program, in the order in which `vitrine claims run all` takes them.
const std::vector<ClaimInfo>& claimCatalogue();
// NotFound with the nearest name.
Result<ClaimInfo> findClaim(const std::string& name);

}  // namespace vitrine
