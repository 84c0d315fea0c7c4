#include "core/base/freed_memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace vitrine {
namespace {

std::atomic<bool> freedIsKept = false;

}  // namespace

void keepFreedMemory() {
#ifdef __GLIBC__
    [[maybe_unused]] static const bool once = [] {
        constexpr std::array kChoices{"GLIBC_TUNABLES",  "MALLOC_ARENA_MAX",       "MALLOC_MMAP_MAX_",
                                      "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"};
        if (std::any_of(kChoices.begin(), kChoices.end(),
                        [](const char* name) { return std::getenv(name) != nullptr; }))
            return false;
        ::mallopt(M_MMAP_MAX, 0);         // large pieces too come from the heap that is kept
        ::mallopt(M_TRIM_THRESHOLD, -1);  // never cut
        ::mallopt(M_TOP_PAD, 64 << 20);   // grows in large steps
        // Threads that come later, such as autograd's, would have small heaps of their own, which are cut.
        ::mallopt(M_ARENA_MAX, 1);
        freedIsKept = true;
        return true;
    }();
#endif
}

void releaseFreedMemory() {
#ifdef __GLIBC__
    if (!freedIsKept)
        ::malloc_trim(0);
#endif
}

}  // namespace vitrine
