// What benchmark programs measure with: wall and processor time, peak memory, the middle of repeated runs.
// Seconds everywhere.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

namespace vitrine::bench {

double secondsOf(const std::function<void()>& work);

// Of all threads of this process so far: what a busy machine distorts least.
double processorSeconds();

// Of this process so far, MiB.
int64_t peakMegabytes();

struct Spread {
    double median = 0, fastest = 0, slowest = 0;
};

// Of one run or more.
Spread spreadOf(std::vector<double> seconds);

// One JSON line on the output, at once.
void printLine(const Json& line);

// The value, or the end of the program with the error's text.
template <typename Value>
Value must(Result<Value> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().text().c_str());
        std::exit(1);
    }
    if constexpr (!std::is_void_v<Value>)
        return std::move(*result);
}

}  // namespace vitrine::bench
