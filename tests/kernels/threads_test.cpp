// LibTorch's at::parallel_for is header-only: in files compiled without OpenMP it is a plain loop, and
// nothing says so.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace {

TEST(Threads, ParallelForUsesAllThatAreAllowed) {
    const int before = at::get_num_threads();
    at::set_num_threads(2);
    std::atomic<int> arrived = 0;
    std::thread::id ids[2];
    at::parallel_for(0, 2, 1, [&](int64_t begin, int64_t end) {
        for (int64_t item = begin; item < end; ++item)
            ids[item] = std::this_thread::get_id();
        ++arrived;
    });
    at::set_num_threads(before);
    EXPECT_EQ(arrived, 2) << "one call did all the work: Vitrine::Torch must compile with OpenMP";
    EXPECT_NE(ids[0], ids[1]);
}

}  // namespace
