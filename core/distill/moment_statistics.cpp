#include "core/distill/moment_statistics.h"

#include "core/features/rank.h"

#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_eigvalsh.h>

#include <cmath>
#include <numeric>

namespace vitrine {

double MomentStatistics::phi() const {
    return std::sqrt(variance().mean().item<double>());
}

double histogramPercentile(const ChannelHistogram& histogram, double percent) {
    const int64_t total =
        std::accumulate(histogram.counts.begin(), histogram.counts.end(), histogram.below + histogram.above);
    double left = percent / 100 * double(total) - double(histogram.below);
    if (left <= 0)
        return histogram.low;
    const double width = (histogram.high - histogram.low) / double(histogram.counts.size());
    for (size_t bin = 0; bin < histogram.counts.size(); ++bin) {
        const double count = double(histogram.counts[bin]);
        if (left <= count)
            return histogram.low + width * (double(bin) + (count > 0 ? left / count : 0));
        left -= count;
    }
    return histogram.high;
}

Result<FeatureSpectrum> spectrumOf(const MomentStatistics& statistics, double relativeTolerance) {
    FeatureSpectrum spectrum;
    auto [values, vectors] = at::linalg_eigh(statistics.covariance);
    spectrum.eigenvalues = values.clamp_min(0);
    spectrum.eigenvectors = vectors;
    const double largest = spectrum.eigenvalues[-1].item<double>();
    spectrum.numericalRank = spectrum.eigenvalues.gt(relativeTolerance * largest).sum().item<int64_t>();
    VITRINE_TRY(spectrum.effectiveRank, spectralRank(spectrum.eigenvalues, 0));
    // XᵀX = (n - 1) Σ + n μ μᵀ has the squared singular values of the vectors as they are.
    const double n = double(statistics.count);
    const auto gram = statistics.covariance * (n - 1) + n * at::outer(statistics.mean, statistics.mean);
    const auto squares = at::linalg_eigvalsh(gram).clamp_min(0);
    const int64_t kept = std::min(statistics.count, statistics.channelCount());
    VITRINE_TRY(spectrum.rankMe, spectralRank(squares.sqrt().slice(0, squares.size(0) - kept), 1e-7));
    return spectrum;
}

}  // namespace vitrine
