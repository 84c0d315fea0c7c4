#include "core/base/timing.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace vitrine {

TEST(Timing, MediansAreOfTheRoundsAndWarmUpDoesNotCount) {
    int prepared = 0, cold = 0, turns = 0;
    const PreparedWork slowAtFirst = [&]() -> std::function<void()> {
        ++prepared;
        return [&, first = true]() mutable {
            cold += first;
            std::this_thread::sleep_for(std::chrono::milliseconds(first ? 400 : 4));
            first = false;
        };
    };
    const PreparedWork brief = [] {
        return [] { std::this_thread::sleep_for(std::chrono::microseconds(200)); };
    };
    const auto ms =
        medianMs({slowAtFirst, brief}, {.rounds = 3, .leastRuns = 3, .sampleMs = 2}, [&]() -> Result<void> {
            ++turns;
            return {};
        });
    ASSERT_TRUE(ms);
    EXPECT_EQ(prepared, 3);
    EXPECT_EQ(cold, 3);
    EXPECT_EQ(turns, 6);
    EXPECT_GE((*ms)[0], 4);
    // The median of three: two of them would have to sleep a hundred times too long.
    EXPECT_LT((*ms)[0], 400);
    EXPECT_GE((*ms)[1], 0.2);
}

TEST(Timing, EndsWhenItIsToldTo) {
    int runs = 0;
    const auto ms = medianMs({[&] { return [&] { ++runs; }; }}, {},
                             []() -> Result<void> { return fail(ErrorCode::Cancelled, "stopped"); });
    ASSERT_FALSE(ms);
    EXPECT_EQ(ms.error().code, ErrorCode::Cancelled);
    EXPECT_EQ(runs, 0);
}

}  // namespace vitrine
