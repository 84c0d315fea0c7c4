#include "core/base/freed_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>

namespace vitrine {
namespace {

// Pages that the system had to map while a piece of so many bytes was taken, written and freed.
int64_t pagesMapped(size_t bytes) {
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    void* piece = std::malloc(bytes);
    if (piece == nullptr)
        return -1;
    std::memset(piece, 1, bytes);
    // The compiler must not see that nobody reads it.
    EXPECT_EQ(static_cast<volatile char*>(piece)[bytes / 2], 1);
    std::free(piece);
    ::getrusage(RUSAGE_SELF, &after);
    return after.ru_minflt - before.ru_minflt;
}

TEST(FreedMemory, IsUsedAgainWithoutMappingItAnew) {
#ifndef __GLIBC__
    GTEST_SKIP() << "the C library is not glibc";
#endif
    constexpr size_t kBytes = size_t(40) << 20;  // above what glibc keeps on its own
    EXPECT_GT(pagesMapped(kBytes), 20);
    EXPECT_GT(pagesMapped(kBytes), 20);
    keepFreedMemory();
    pagesMapped(kBytes);
    EXPECT_LT(pagesMapped(kBytes), 20);
}

}  // namespace
}  // namespace vitrine
