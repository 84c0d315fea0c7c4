#include "core/engine/run_teacher_cache.h"

namespace vitrine {
namespace fs = std::filesystem;

fs::path teacherCacheFolder(const fs::path& project) {
    return project / "cache" / "teachers";
}

TeacherCacheOptions cacheOptions(const DistillOptions& options) {
    TeacherCacheOptions wanted;
    wanted.limitBytes = options.teacherCacheBytes;
    wanted.stored = options.teacherType;
    return wanted;
}

Json cacheReport(const TeacherCacheEstimate& estimate, const TeacherCacheEstimate::Decision& decision) {
    Json report = estimate.toJson();
    report["used"] = decision.use;
    report["reason"] = decision.reason;
    return report;
}

Result<void> RunTeacherCache::decide(const DistillOptions& options) {
    if (options.teacherCache == TeacherCacheUse::Off)
        return {};
    run_.job().beginStage("estimating the cache of teachers", 0);
    // Where no look can repeat there is nothing to measure.
    const bool measured = options.views > 0 || options.teacherCache == TeacherCacheUse::On;
    VITRINE_TRY(const TeacherCacheEstimate estimate, distiller_.estimateCache(measured));
    const fs::path folder = teacherCacheFolder(run_.project().folder());
    const auto decision =
        estimate.decide(options.teacherCache, TeacherCache::room(folder, cacheOptions(options)));
    if (measured)
        run_.log("teacher cache: " + estimate.text());
    run_.log(fmt::format("teacher cache: {} ({})", decision.use ? "used" : "not used", decision.reason));
    VITRINE_TRY_VOID(run_.event("teacher_cache", cacheReport(estimate, decision)));
    if (decision.use)
        open(folder, options);
    return {};
}

Result<void> RunTeacherCache::share(World& world, const DistillOptions& options) {
    std::string folder = cache_ ? teacherCacheFolder(run_.project().folder()).string() : std::string();
    VITRINE_TRY_VOID(world.share(folder));
    if (!world.isFirst() && !folder.empty())
        open(folder, options);
    return {};
}

void RunTeacherCache::open(const fs::path& folder, const DistillOptions& options) {
    auto opened = TeacherCache::open(folder, cacheOptions(options));
    if (!opened) {
        run_.log("the run goes on without a cache of teachers: " + opened.error().text());
        return;
    }
    cache_ = std::move(*opened);
    distiller_.useCache(*cache_);
}

void RunTeacherCache::passOnMessages() {
    for (const std::string& message : cache_->takeMessages())
        run_.log(message);
}

void RunTeacherCache::record(const StepReport& report) {
    if (!cache_)
        return;
    // Under "time/": what an earlier run left there is no part of the result.
    run_.metric("time/teacher cache share", report.step,
                report.looks > 0 ? double(report.cachedLooks) / double(report.looks) : 0);
    passOnMessages();
}

void RunTeacherCache::finish() {
    if (!cache_)
        return;
    cache_->flush();
    passOnMessages();
    const TeacherCache::Counts counts = cache_->counts();
    run_.log(fmt::format("teacher cache: {} of {} looks found, {:.3g} GB stored, {:.3g} s spent on it",
                         counts.found, counts.found + counts.missing, double(counts.storedBytes) / 1e9,
                         counts.seconds));
}

}  // namespace vitrine
