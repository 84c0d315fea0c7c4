#include "core/engine/thread_waits.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

namespace vitrine {
namespace {

constexpr const char* kPolicy = "OMP_WAIT_POLICY";
constexpr const char* kSpins = "GOMP_SPINCOUNT";

}  // namespace

void shortenThreadWaits(char** arguments) {
    if (std::getenv(kPolicy) || std::getenv(kSpins) || ::setenv(kSpins, "1000", 0) != 0)
        return;
    // Not reached a second time: the variable is set then. If it fails, the program goes on as it was.
    if (::dlopen("libgomp.so.1", RTLD_NOW | RTLD_NOLOAD))
        ::execv("/proc/self/exe", arguments);
}

std::string threadWaits() {
    for (const char* name : {kPolicy, kSpins})
        if (const char* value = std::getenv(name))
            return std::string(name) + "=" + value;
    return "waits as OpenMP's";
}

}  // namespace vitrine
