// The cache of teachers of one distillation run: whether it is worth having, said before the first step, and
// what became of it.
#pragma once

#include "core/distill/distiller.h"
#include "core/distill/teacher_cache.h"
#include "core/runs/run_context.h"

namespace vitrine {

// Where a project keeps what teachers said.
std::filesystem::path teacherCacheFolder(const std::filesystem::path& project);
TeacherCacheOptions cacheOptions(const DistillOptions& options);
// Estimate and decision as the event "teacher_cache" and `vitrine run --dry-run` give them.
Json cacheReport(const TeacherCacheEstimate& estimate, const TeacherCacheEstimate::Decision& decision);

class RunTeacherCache {
  public:
    // Both outlive the object, and the distiller lets go of the cache before that.
    RunTeacherCache(RunContext& run, Distiller& distiller) : run_(run), distiller_(distiller) {}

    // Estimates, logs and decides; opens the cache where it is wanted. For the first process.
    Result<void> decide(const DistillOptions& options);
    // The other processes do as the first one does, in its project.
    Result<void> share(World& world, const DistillOptions& options);
    // After each step.
    void record(const StepReport& report);
    // At the end: writes what waits.
    void finish();

  private:
    void open(const std::filesystem::path& folder, const DistillOptions& options);
    void passOnMessages();

    RunContext& run_;
    Distiller& distiller_;
    std::unique_ptr<TeacherCache> cache_;  // none: teachers look at everything
};

}  // namespace vitrine
