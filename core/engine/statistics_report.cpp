#include "core/engine/statistics_report.h"

#include "core/base/csv.h"
#include "core/commands/text_table.h"

#include <algorithm>

namespace vitrine {
namespace {

double entry(const at::Tensor& values, int64_t index) {
    return values.const_data_ptr<double>()[index];
}

void appendHistogram(std::string& csv, const char* what, const ChannelHistogram& histogram) {
    const double width =
        (histogram.high - histogram.low) / double(std::max<size_t>(1, histogram.counts.size()));
    for (size_t bin = 0; bin < histogram.counts.size(); ++bin)
        if (histogram.counts[bin] > 0)
            csv += fmt::format("{},{:.9g},{:.9g},{}\n", what, histogram.low + double(bin) * width,
                               histogram.low + double(bin + 1) * width, histogram.counts[bin]);
}

// Remarks of all fits, each once, with the normalisers that they are about.
Json remarksOf(const std::vector<Normalizer>& normalizers) {
    std::vector<std::pair<std::string, std::string>> list;
    for (const Normalizer& normalizer : normalizers)
        for (const std::string& remark : normalizer.report().remarks()) {
            const auto known = std::find_if(list.begin(), list.end(),
                                            [&](const auto& known) { return known.first == remark; });
            if (known == list.end())
                list.emplace_back(remark, normalizerName(normalizer.kind()));
            else
                known->second += fmt::format(", {}", normalizerName(normalizer.kind()));
        }
    Json remarks = Json::array();
    for (const auto& [remark, names] : list)
        remarks.push_back(fmt::format("{} ({})", remark, names));
    return remarks;
}

}  // namespace

Json StreamReport::row() const {
    const auto deviation = statistics.variance().clamp_min(0).sqrt();
    Json row{{"teacher", teacher},
             {"stream", stream},
             {"channels", statistics.channelCount()},
             {"vectors", statistics.count},
             {"globalMean", statistics.globalMean},
             {"globalStd", statistics.globalStd},
             {"smallestChannelStd", deviation.min().item<double>()},
             {"largestChannelStd", deviation.max().item<double>()},
             {"phi", statistics.phi()},
             {"rankMe", spectrum.rankMe},
             {"effectiveRank", spectrum.effectiveRank},
             {"numericalRank", spectrum.numericalRank},
             {"largestKurtosis", statistics.kurtosis.max().item<double>()},
             {"meanNorm", statistics.meanNorm},
             {"norm99",
              statistics.norms.counts.empty() ? Json() : Json(histogramPercentile(statistics.norms, 99))},
             {"dispersion", cone ? Json(cone->dispersion) : Json()},
             {"concentration", cone ? Json(cone->concentration) : Json()},
             {"remarks", remarksOf(normalizers)}};
    if (!coneProblem.empty())
        row["remarks"].push_back(coneProblem);
    return row;
}

std::string StreamReport::spectrumCsv() const {
    std::string csv = "index,eigenvalue,share,cumulative\n";
    const int64_t count = spectrum.eigenvalues.numel();
    const double total = spectrum.eigenvalues.sum().item<double>();
    double sum = 0;
    for (int64_t index = 0; index < count; ++index) {
        const double value = entry(spectrum.eigenvalues, count - 1 - index);
        sum += value;
        csv += fmt::format("{},{:.9g},{:.9g},{:.9g}\n", index, value, value / total, sum / total);
    }
    return csv;
}

std::string StreamReport::channelCsv() const {
    std::string csv = "channel,mean,low,high,kurtosis,variance";
    std::vector<at::Tensor> variances;
    for (const Normalizer& normalizer : normalizers) {
        csv += fmt::format(",{}", csvField(normalizerName(normalizer.kind())));
        variances.push_back(normalizer.expectedVariances(statistics.covariance).contiguous());
    }
    csv += '\n';
    const auto variance = statistics.variance().contiguous();
    for (int64_t channel = 0; channel < statistics.channelCount(); ++channel) {
        csv += fmt::format("{},{:.9g},{:.9g},{:.9g},{:.9g},{:.9g}", channel, entry(statistics.mean, channel),
                           entry(statistics.low, channel), entry(statistics.high, channel),
                           entry(statistics.kurtosis, channel), entry(variance, channel));
        for (const auto& values : variances)
            csv += fmt::format(",{:.9g}", entry(values, channel));
        csv += '\n';
    }
    return csv;
}

std::string StreamReport::histogramCsv() const {
    std::string csv = "what,low,high,count\n";
    appendHistogram(csv, "values", statistics.values);
    appendHistogram(csv, "norms", statistics.norms);
    return csv;
}

NormalizerOptions normalizerOptionsOf(const FeatureMoments& moments) {
    const bool exact = moments.options().precision == MomentPrecision::Float64;
    return {.smallestEigenvalue = exact ? 1e-10 : 1e-7};
}

Result<StreamReport> reportOn(const std::string& teacher, const std::string& stream,
                              const TeacherMoments& moments, const std::vector<NormalizerKind>& kinds) {
    StreamReport report;
    report.teacher = teacher;
    report.stream = stream;
    const auto fill = [&]() -> Result<void> {
        VITRINE_TRY(report.statistics, moments.spatial.statistics());
        const NormalizerOptions options = normalizerOptionsOf(moments.spatial);
        VITRINE_TRY(report.spectrum, spectrumOf(report.statistics, options.smallestEigenvalue));
        for (const NormalizerKind kind : kinds) {
            VITRINE_TRY(Normalizer normalizer, Normalizer::fit(kind, report.statistics, options));
            report.normalizers.push_back(std::move(normalizer));
        }
        return {};
    };
    if (auto filled = fill(); !filled)
        return fail(filled.error().in(stream).in(teacher));
    if (moments.cone.count() > 0) {
        auto cone = moments.cone.cone();
        if (cone)
            report.cone = std::move(*cone);
        else
            report.coneProblem = cone.error().text();
    }
    return report;
}

std::string statisticsTable(const Json& rows) {
    TextTable table;
    table.header = {"teacher",  "stream", "channels",  "vectors", "global std", "channel std", "phi",
                    "kurtosis", "RankMe", "eff. rank", "rank",    "norm",       "Disp"};
    table.rightAligned = {false, false, true, true, true, true, true, true, true, true, true, true, true};
    std::string remarks;
    for (const Json& row : rows) {
        const auto number = [&](const char* key, const char* form) {
            return row[key].is_number() ? fmt::format(fmt::runtime(form), row[key].get<double>())
                                        : std::string("-");
        };
        table.rows.push_back(
            {row["teacher"], row["stream"], std::to_string(row["channels"].get<int64_t>()),
             groupedNumber(row["vectors"]), number("globalStd", "{:.4g}"),
             number("smallestChannelStd", "{:.4g}") + ".." + number("largestChannelStd", "{:.4g}"),
             number("phi", "{:.4g}"), number("largestKurtosis", "{:.4g}"), number("rankMe", "{:.1f}"),
             number("effectiveRank", "{:.1f}"), number("numericalRank", "{:.0f}"),
             number("meanNorm", "{:.4g}"), number("dispersion", "{:.3f}")});
        for (const Json& remark : row["remarks"])
            remarks += fmt::format("{}, {}: {}\n", row["teacher"].get<std::string>(),
                                   row["stream"].get<std::string>(), remark.get<std::string>());
    }
    return table.text() + (remarks.empty() ? "" : "\n" + remarks);
}

}  // namespace vitrine
