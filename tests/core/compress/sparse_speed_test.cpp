#include "core/compress/sparse_speed.h"

#include "tests/core/compress/compress_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

TEST(SparseSpeed, EveryShapeIsMeasuredOnceAtEveryNumberOfTokens) {
    JobContext job;
    SparseSpeedOptions options;
    options.tokens = {1, 20};
    options.timing = {.rounds = 3, .leastRuns = 1, .sampleMs = 0};
    const auto rows = measureSparseSpeed({{24, 64}, {64, 24}, {24, 64}}, options, job);
    ASSERT_TRUE(rows) << messageOf(rows);
    ASSERT_EQ(rows->size(), 4u);
    for (const auto& row : *rows) {
        EXPECT_GT(row.denseMs, 0);
        EXPECT_GT(row.packedMs, 0);
    }
    EXPECT_THAT(messageOf(measureSparseSpeed({{8, 10}}, options, job)), HasSubstr("no whole groups of 4"));
}

TEST(SparseSpeed, TheVerdictSaysWhereThereIsNoGain) {
    EXPECT_THAT(sparseVerdict({{64, 64, 1, 1.0, 2.0}, {64, 64, 8, 1.0, 1.0}}),
                HasSubstr("no gain here: at best 1.00 times the dense speed (8 tokens x 64 x 64)"));
    EXPECT_THAT(sparseVerdict({{64, 64, 1, 1.0, 2.0}, {64, 64, 8, 3.0, 1.5}}),
                HasSubstr("a gain in 1 of 2 measurements: 2.00 times the dense speed at best"));
}

}  // namespace
}  // namespace vitrine
