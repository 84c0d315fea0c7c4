// Which process carries a run, in a form that survives reuse of process numbers: a run whose process is gone
// was interrupted.
#pragma once

#include <cstdint>
#include <string>

namespace vitrine {

struct ProcessIdentity {
    int64_t pid = 0;
    std::string host;
    // Boot id and start time in clock ticks since boot (/proc/PID/stat field 22): differs between two
    // processes that had the same number.
    std::string start;
};

ProcessIdentity currentProcess();
std::string hostName();
// False only if the process is known to be gone: one on another host counts as alive.
bool isAlive(const ProcessIdentity& process);
// Program name of `pid`, or "a process".
std::string processName(int64_t pid);
// The command line of this process, shell-quoted where needed.
std::string currentCommandLine();
// Seconds since 1970.
double nowSeconds();

}  // namespace vitrine
