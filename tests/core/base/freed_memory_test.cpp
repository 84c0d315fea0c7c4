#include "core/base/freed_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

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

int64_t ownKilobytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("RssAnon:"))
            return std::stoll(line.substr(8));
    return -1;
}

// Before the other test: what is kept once is kept for good.
TEST(FreedMemory, IsGivenBackFromBetweenWhatIsUsed) {
#ifndef __GLIBC__
    GTEST_SKIP() << "the C library is not glibc";
#endif
    constexpr size_t kBytes = 100 << 10;  // too small to be given back on its own
    std::vector<std::unique_ptr<char[]>> pieces(400);
    for (auto& piece : pieces) {
        piece = std::make_unique<char[]>(kBytes);
        std::memset(piece.get(), 1, kBytes);
    }
    pieces.erase(pieces.begin(), pieces.end() - 1);  // the last keeps the heap from being cut
    const int64_t held = ownKilobytes();
    releaseFreedMemory();
    EXPECT_LT(ownKilobytes(), held - 30000);
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
