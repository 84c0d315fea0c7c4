// Filter weights of one axis, shared by the integer and the float resampler; internal to core/media.
#pragma once

#include "core/media/resample.h"

#include <functional>
#include <vector>

namespace vitrine {

// Output sample i is the sum over j < count[i] of weights[i * taps + j] * input[first[i] + j].
struct AxisFilter {
    int64_t taps = 0;
    std::vector<int64_t> first;
    std::vector<int64_t> count;
    std::vector<double> weights;  // normalised to sum 1

    int64_t outputSize() const { return int64_t(first.size()); }
};

// Not for Nearest.
AxisFilter makeAxisFilter(int64_t inputSize, int64_t outputSize, Resampling resampling);

// Input index of every output sample, stepping as PIL's nearest-neighbour scaling does.
std::vector<int64_t> nearestIndices(int64_t inputSize, int64_t outputSize);

// Calls work(begin, end) for disjoint ranges that cover [0, rows), on several threads if `operations` is
// large.
void parallelRows(int64_t rows, int64_t operations, const std::function<void(int64_t, int64_t)>& work);

}  // namespace vitrine
