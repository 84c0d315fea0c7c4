// The command line of a benchmark program: options with one value each, "--rounds 5 --case fit".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace vitrine::bench {

struct BenchOption {
    const char* key;  // "--rounds"
    // Where a whole number or a text goes, or what is done with a number.
    std::variant<int64_t*, std::string*, std::function<void(int64_t)>> value;
    int64_t least = 1;                      // numbers below it are raised to it
    std::vector<std::string> choices = {};  // of a text; empty: any
};

// False on an unknown key, a missing value, a number that is none, or a text that is no choice; then the
// mistake and the usage are on the error stream, and the program is to end with kUsageError.
bool readBenchOptions(int argumentCount, char** arguments, const std::vector<BenchOption>& options);

constexpr int kUsageError = 2;

}  // namespace vitrine::bench
