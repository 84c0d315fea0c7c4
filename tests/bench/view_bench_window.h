// The parts of view_bench that need the whole window.
#pragma once

#include "core/base/json.h"

#include <QString>
#include <filesystem>

namespace vitrine {

struct Times {
    double median = 0, p95 = 0, worst = 0;
    int count = 0;
};
Times timesOf(std::vector<double> milliseconds);
Json jsonOf(const Times& times, double target);

// Opens a folder in the window: time until every thumbnail that is visible was painted, without and with the
// cache on disk.
Json benchThumbnails(const std::filesystem::path& folder, int repeats);
// Moves the probe over a picture of 1024 x 1024: time until four similarity maps of that size were made,
// drawn and composed.
Json benchHover(const std::filesystem::path& picture, const std::filesystem::path& model, int repeats);
// From the start of the program until its window answers a key.
Json benchStart(const std::filesystem::path& program, int repeats);

}  // namespace vitrine
