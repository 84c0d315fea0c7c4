// VITRINE_CHECK(condition, "what must hold"): a programmer's mistake, on in every build. Throws
// std::logic_error with file and line; it must be unreachable from user input (use Result for that).
#pragma once

#include <stdexcept>
#include <string>

namespace vitrine {
[[noreturn]] inline void failCheck(const char* condition, const std::string& message, const char* file,
                                   int line) {
    throw std::logic_error(std::string(file) + ":" + std::to_string(line) + ": check failed: " + condition +
                           ": " + message);
}
}  // namespace vitrine

#define VITRINE_CHECK(condition, message)                                    \
    do {                                                                     \
        if (!(condition)) [[unlikely]]                                       \
            ::vitrine::failCheck(#condition, (message), __FILE__, __LINE__); \
    } while (false)
