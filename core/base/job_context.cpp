#include "core/base/job_context.h"

#include <cmath>

namespace vitrine {
namespace {

constexpr auto kReportInterval = std::chrono::milliseconds(50);

std::string durationText(double seconds) {
    const auto whole = int64_t(std::ceil(seconds));
    if (whole < 90)
        return fmt::format("{} s", whole);
    if (whole < 5400)
        return fmt::format("{} min", (whole + 30) / 60);
    return fmt::format("{:.1f} h", double(whole) / 3600);
}

}  // namespace

std::string Progress::text() const {
    std::string out = stage;
    if (total > 0)
        out += fmt::format(" {}/{}", done, total);
    else if (done > 0)
        out += fmt::format(" {}", done);
    if (remainingSeconds)
        out += fmt::format(", {} left", durationText(*remainingSeconds));
    return out;
}

void JobContext::beginStage(std::string stage, int64_t total) {
    progress_ = Progress{std::move(stage), 0, total, 0, std::nullopt};
    stageStart_ = std::chrono::steady_clock::now();
    report();
}

void JobContext::advance(int64_t steps) {
    progress_.done += steps;
    const auto now = std::chrono::steady_clock::now();
    progress_.elapsedSeconds = std::chrono::duration<double>(now - stageStart_).count();
    // The first steps are slower (caches, lazy loading): an estimate before one second has passed would jump.
    if (progress_.total > 0 && progress_.done > 0 && progress_.elapsedSeconds > 1.0)
        progress_.remainingSeconds =
            progress_.elapsedSeconds / double(progress_.done) * double(progress_.total - progress_.done);
    if (now - lastReport_ >= kReportInterval || progress_.done >= progress_.total)
        report();
}

Result<void> JobContext::checkStop() const {
    if (stopRequested())
        return fail(ErrorCode::Cancelled, "cancelled");
    return {};
}

void JobContext::report() {
    lastReport_ = std::chrono::steady_clock::now();
    if (onProgress_)
        onProgress_(progress_);
}

}  // namespace vitrine
