#include "core/engine/step_failure.h"

#include "core/runs/process_usage.h"

#include <algorithm>

namespace vitrine {
namespace {

// "partition 1: 16 pictures of up to 224 pixels; ..." and the index of the one with the most pixels.
std::pair<std::string, size_t> workOf(const Json& settings) {
    std::string text;
    size_t largest = 0;
    int64_t most = 0;
    for (size_t i = 0; i < settings["partitions"].size(); ++i) {
        const Json& partition = settings["partitions"][i];
        const int64_t batch = partition.value("batch", int64_t(16));
        int64_t side = 0;
        for (const Json& each : partition["sides"])
            side = std::max(side, each.get<int64_t>());
        if (batch * side * side > most) {
            most = batch * side * side;
            largest = i;
        }
        text += fmt::format("{}{} pictures of up to {} pixels", i ? " and " : "", batch, side);
    }
    return {text, largest};
}

}  // namespace

Error StepFailure::explained(const Json& settings) const {
    Error out = error;
    if (error.code == ErrorCode::OutOfMemory) {
        const ProcessUsage usage = processUsage();
        const auto [work, largest] = workOf(settings);
        out.message += fmt::format(
            " in step {} ({}; the process held {:.1f} GB, {:.1f} GB at most); step {} was the "
            "last good one",
            lastGood + 1, work, double(usage.residentBytes) / 1e9, double(usage.peakBytes) / 1e9, lastGood);
        out.hint = fmt::format(
            "Turn on settings.recompute, or start anew with a smaller settings.partitions[{}].batch, smaller "
            "sides or a smaller student; or close other programs",
            largest);
    } else if (!firstBad.empty()) {
        out.message += fmt::format("; the first tensor that is not finite: {}", firstBad);
    }
    return out;
}

Json StepFailure::toJson(const Json& settings) const {
    const Error told = explained(settings);
    Json event{{"step", lastGood + 1},    {"last_good_step", lastGood}, {"code", errorCodeName(told.code)},
               {"message", told.message}, {"where", told.where},        {"remedy", told.hint}};
    if (!firstBad.empty())
        event["tensor"] = firstBad;
    return event;
}

}  // namespace vitrine
