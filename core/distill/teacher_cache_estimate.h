// Whether it pays to keep what teachers say: how often their looks repeat in a run, what that takes on disk,
// and how much of a step it spares.
#pragma once

#include "core/base/json.h"
#include "core/distill/distill_options.h"

namespace vitrine {

struct TeacherCacheEstimate {
    int64_t views = 0;                 // of a picture, as the recipe says
    double looks = 0, freshLooks = 0;  // of all teachers in all steps; those that nothing can answer
    double bytes = 0;                  // of what would be stored
    // Seconds of a step without a cache, its optimiser left out; 0 where they were not measured.
    double loadSeconds = 0, teacherSeconds = 0, studentSeconds = 0;
    double readBytesPerStep = 0;  // of what the cache would answer

    double stepSeconds() const { return loadSeconds + teacherSeconds + studentSeconds; }
    double repeatedShare() const;  // of the looks
    double teacherShare() const;   // of a step
    // Steps in the same time, with the cache over without, entries being read at kReadBytesPerSecond.
    double gain() const;
    static constexpr double kReadBytesPerSecond = 500e6;  // of a plain disk

    // What auto does with `room` bytes, and why: one line for people.
    struct Decision {
        bool use = false;
        std::string reason;
    };
    Decision decide(TeacherCacheUse wanted, double room) const;
    // "310 of 1,240 looks are new: 0.41 GB; teachers take 62 % of a step; ..."
    std::string text() const;
    Json toJson() const;
};

}  // namespace vitrine
