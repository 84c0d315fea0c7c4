// k-means of feature vectors: k-means++ seeding (Arthur and Vassilvitskii 2007), then Lloyd's iterations.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

namespace vitrine {

struct KMeansOptions {
    int64_t clusters = 6;
    uint64_t seed = 0;  // same seed, same data: same result
    int64_t maxIterations = 50;
    double tolerance = 1e-5;  // stops once no centre moves by more than this times the data's spread
    bool cosine = true;       // vectors are scaled to unit length first (spherical k-means)

    Result<void> validate() const;
};

struct Clusters {
    at::Tensor labels;   // (N) int64, clusters numbered by falling size
    at::Tensor centers;  // (K, C) float32
    at::Tensor sizes;    // (K) int64
    double inertia = 0;  // sum of squared distances to the own centre
    int64_t iterations = 0;
};

// tokens (N, C). Fewer distinct vectors than clusters give empty clusters of size 0 at the end. Errors: NaN,
// no tokens, more clusters than tokens.
Result<Clusters> kMeans(const at::Tensor& tokens, const KMeansOptions& options = {});

}  // namespace vitrine
