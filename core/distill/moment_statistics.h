// What is known of a teacher's features once its moments are collected, and numbers that follow from them.
#pragma once

#include "core/base/result.h"
#include "core/features/statistics.h"

#include <ATen/ATen.h>

#include <vector>

namespace vitrine {

// Tensors float64 on the CPU unless stated otherwise.
struct MomentStatistics {
    int64_t count = 0;      // feature vectors
    at::Tensor mean;        // (C)
    at::Tensor covariance;  // (C, C), divided by count - 1 (zeros for one vector)
    at::Tensor low, high;   // (C), extremes
    at::Tensor skewness;    // (C), third central moment / variance^1.5; 0 for constant channels
    at::Tensor kurtosis;    // (C), fourth central moment / variance² (3 for a normal distribution); 0 for
                            // constant channels
    double globalMean = 0;  // over all vectors and channels
    double globalStd = 0;   // around that one mean, divided by count · C - 1
    double meanNorm = 0, stdNorm = 0, lowNorm = 0, highNorm = 0;  // Euclidean norms of the vectors
    // Empty (no counts) where histograms were switched off.
    ChannelHistogram values;                 // of all channels together
    ChannelHistogram norms;                  // from 0
    std::vector<ChannelHistogram> channels;  // of each channel

    int64_t channelCount() const { return mean.size(0); }
    at::Tensor variance() const { return covariance.diagonal(); }  // (C)
    // sqrt(mean channel variance) = sqrt(tr Σ / C): PHI-S's φ, whatever the rotation.
    double phi() const;
};

// Value below which `percent` of a histogram's values lie, linear inside a bin; values counted outside have
// its ends.
double histogramPercentile(const ChannelHistogram& histogram, double percent);

struct FeatureSpectrum {
    at::Tensor eigenvalues;     // (C), ascending, of the covariance; negative ones (rounding) set to 0
    at::Tensor eigenvectors;    // (C, C), columns
    double rankMe = 0;          // of the vectors as they are, not centred (rank.h)
    double effectiveRank = 0;   // of the centred covariance
    int64_t numericalRank = 0;  // eigenvalues above the tolerance
};
// Relative size below which an eigenvalue counts as 0: the rounding of the covariance. Float32 products leave
// about 1e-7 of the largest. Errors: InvalidArgument where all features are equal.
Result<FeatureSpectrum> spectrumOf(const MomentStatistics& statistics, double relativeTolerance = 1e-10);

}  // namespace vitrine
