// Numbers and tables of a teacher's statistics, from its moments.
#pragma once

#include "core/base/json.h"
#include "core/distill/normalizer.h"
#include "core/distill/teacher_moments.h"

namespace vitrine {

struct StreamReport {
    std::string teacher, stream;
    MomentStatistics statistics;  // of the spatial features
    FeatureSpectrum spectrum;
    std::optional<SummaryCone> cone;
    std::string coneProblem;  // why there is none; empty without summaries
    std::vector<Normalizer> normalizers;

    // One row of the table: counts, scales, ranks, dispersion, remarks of the fits.
    Json row() const;
    // "index,eigenvalue,share,cumulative": the largest first.
    std::string spectrumCsv() const;
    // One line per channel: mean, extremes, kurtosis, variance, and the expected variance after each
    // normaliser.
    std::string channelCsv() const;
    // "what,low,high,count" of values and norms: bins that hold anything.
    std::string histogramCsv() const;
};

// How normalisers are fitted to these moments: eigenvalues below the rounding of their covariance
// (feature_moments.h) are raised.
NormalizerOptions normalizerOptionsOf(const FeatureMoments& moments);

// `kinds`: normalisers to fit. Errors of the fits, with teacher and stream in front.
Result<StreamReport> reportOn(const std::string& teacher, const std::string& stream,
                              const TeacherMoments& moments, const std::vector<NormalizerKind>& kinds);

// Rows (StreamReport::row) as an aligned table for a terminal.
std::string statisticsTable(const Json& rows);

}  // namespace vitrine
