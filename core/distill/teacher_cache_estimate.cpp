#include "core/distill/teacher_cache_estimate.h"

#include <algorithm>

namespace vitrine {

double TeacherCacheEstimate::repeatedShare() const {
    return looks > 0 ? (looks - freshLooks) / looks : 0;
}

double TeacherCacheEstimate::teacherShare() const {
    const double step = stepSeconds();
    return step > 0 ? teacherSeconds / step : 0;
}

double TeacherCacheEstimate::gain() const {
    const double step = stepSeconds();
    const double spared = teacherSeconds * repeatedShare();
    const double cached = step - spared + readBytesPerStep / kReadBytesPerSecond;
    return step > 0 && cached > 0 ? step / cached : 1;
}

TeacherCacheEstimate::Decision TeacherCacheEstimate::decide(TeacherCacheUse wanted, double room) const {
    if (wanted == TeacherCacheUse::Off)
        return {false, "teacher_cache is off"};
    if (wanted == TeacherCacheUse::On)
        return {true, "teacher_cache is on"};
    if (repeatedShare() <= 0)
        return {false, views > 0 ? "no view comes round again in this run"
                                 : "every crop is a fresh one; settings.views gives pictures fixed views"};
    if (bytes > room)
        return {false, fmt::format("{:.2f} GB do not fit into the {:.2f} GB that limit and disk leave",
                                   bytes / 1e9, std::max(0.0, room) / 1e9)};
    if (gain() <= 1)
        return {false, "reading would take longer than the teachers do"};
    return {true, "views come round again, fit, and time is gained"};
}

std::string TeacherCacheEstimate::text() const {
    const std::string size =
        bytes < 1e9 ? fmt::format("{:.3g} MB", bytes / 1e6) : fmt::format("{:.3g} GB", bytes / 1e9);
    std::string text =
        fmt::format("{:.0f} of {:.0f} looks of teachers are new ones, {}", freshLooks, looks, size);
    if (stepSeconds() > 0)
        text += fmt::format("; teachers take {:.0f} % of a step; with the cache {:.2f} times the pace",
                            100 * teacherShare(), gain());
    return text;
}

Json TeacherCacheEstimate::toJson() const {
    return {{"views", views},
            {"looks", looks},
            {"fresh_looks", freshLooks},
            {"bytes", bytes},
            {"repeated_share", repeatedShare()},
            {"teacher_share", teacherShare()},
            {"step_seconds", stepSeconds()},
            {"gain", gain()},
            {"text", text()}};
}

}  // namespace vitrine
