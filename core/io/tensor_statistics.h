// Statistics of one tensor, streamed over its bytes by several threads; memory does not grow with the tensor.
#pragma once

#include "core/base/job_context.h"
#include "core/io/tensor_source.h"

namespace vitrine {

// "At most `nonzero` of each `group` neighbours along the last dimension differ from zero": 2:4 is {2, 4}.
struct NmPattern {
    int64_t nonzero = 2;
    int64_t group = 4;
};

struct NmCompliance {
    NmPattern pattern;
    uint64_t groups = 0;           // whole groups; what is left at a row's end belongs to none
    uint64_t violatingGroups = 0;  // groups with more nonzero values (NaN counts as one) than allowed
    uint64_t leftoverElements = 0;
    // The first violating groups, counted along the rows: row * (columns / group) + index in the row.
    std::vector<uint64_t> firstViolations;

    bool compliant() const { return groups > 0 && violatingGroups == 0 && leftoverElements == 0; }
};

struct TensorStatistics {
    uint64_t count = 0;
    uint64_t zeros = 0, nans = 0, infinities = 0;
    // Over the finite values, all 0 if there are none. Doubles: integers beyond 2^53 are rounded.
    double minimum = 0, maximum = 0, absoluteMaximum = 0, mean = 0;
    double standardDeviation = 0;  // of the population (divided by the count)
    std::vector<NmCompliance> patterns;

    double sparsity() const { return count ? double(zeros) / double(count) : 0; }
};

struct StatisticsOptions {
    std::vector<NmPattern> patterns{{2, 4}, {4, 8}, {1, 4}};
    size_t maxViolations = 16;  // length of firstViolations
    size_t threads = 0;         // 0: one per core

    Result<void> validate() const;
};

// The same numbers for any number of threads. Unsupported for dtypes that canDecode (dequantize.h) refuses,
// InvalidArgument for a pattern outside 0 < nonzero <= group <= 1024, Cancelled once `job` is asked to stop.
Result<TensorStatistics> tensorStatistics(const TensorBytes& tensor, const StatisticsOptions& options,
                                          const JobContext& job);

}  // namespace vitrine
