// How many directions features really use.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

namespace vitrine {

// exp of the entropy of values / sum(values) + epsilon: what the ranks below have in common. InvalidArgument
// where all are zero.
Result<double> spectralRank(const at::Tensor& values, double epsilon, std::string_view what = "spectrum");

// RankMe (Garrido et al. 2023, eq. 1-2): exp of the entropy of p_k = s_k / sum(s) + 1e-7, s the singular
// values of tokens (N, C) as they are (not centred). Between 1 and min(N, C).
Result<double> rankMe(const at::Tensor& tokens);

// LiDAR (Thilak et al. 2024, eq. 1-2): the same entropy over the eigenvalues of
// S_w^-1/2 S_b S_w^-1/2, with S_b the covariance of the class means and S_w = mean within-class covariance +
// delta I. samples (classes, views, C): several augmented views of each picture are a class.
struct LidarOptions {
    double delta = 1e-4;
    double epsilon = 1e-7;
};
Result<double> lidar(const at::Tensor& samples, const LidarOptions& options = {});

// Effective rank (Roy and Vetterli 2007) of the centred covariance: exp of the entropy of its normalised
// eigenvalues. tokens (N, C).
Result<double> effectiveRank(const at::Tensor& tokens);

}  // namespace vitrine
