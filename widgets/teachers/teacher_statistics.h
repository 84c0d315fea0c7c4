// Statistics of one stream of a teacher's features (final features, a layer, an adaptor), as the views show
// them. Plain data; what is not a number was not measured.
#pragma once

#include <QStringList>
#include <QVector>
#include <limits>
#include <utility>
#include <vector>

namespace vitrine {

// Bins that hold anything, in ascending order.
struct TeacherHistogram {
    QVector<double> low, high;
    QVector<double> counts;
};

struct TeacherStatistics {
    static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

    QString teacher, stream;  // "dinov2", "final"
    qint64 channels = 0, vectors = 0;
    double globalStd = kUnknown;  // one mean and deviation over all values
    double smallestChannelStd = kUnknown, largestChannelStd = kUnknown;
    double phi = kUnknown;  // root mean square of the channels' deviations: PHI-S divides by it
    double largestKurtosis = kUnknown;
    double rankMe = kUnknown, effectiveRank = kUnknown, numericalRank = kUnknown;
    double meanNorm = kUnknown, norm99 = kUnknown;  // L2 norms of the vectors; 99th percentile
    double dispersion = kUnknown;                   // of the summaries' cone, squared radians
    QStringList remarks;                            // of the fits

    QVector<double> eigenvalues;  // of the covariance, the largest first
    QVector<double> variances;    // of the channels
    // Expected variances of the channels after each normaliser.
    std::vector<std::pair<QString, QVector<double>>> normalized;
    TeacherHistogram values, norms;

    // Null: this normaliser was not fitted.
    const QVector<double>* variancesAfter(const QString& normalizer) const {
        for (const auto& [name, after] : normalized)
            if (name == normalizer)
                return &after;
        return nullptr;
    }
};

using TeacherStatisticsList = std::vector<TeacherStatistics>;

}  // namespace vitrine
