#include "app/desktop/compress/elastic_questions.h"

#include "app/desktop/runs/report_values.h"
#include "core/runs/series.h"

#include <cstdio>
#include <limits>
#include <map>

namespace vitrine {
namespace {

// Mean over the texts that were held out.
double meanNats(const Json& scores) {
    double sum = 0;
    int64_t count = 0;
    if (scores.is_object())
        for (const Json& each : scores) {  // by name of the text
            sum += numberOf(each, "nats_per_token");
            ++count;
        }
    return count > 0 ? sum / double(count) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Result<ElasticResults> elasticOf(const Json& report) {
    if (!report.is_object() || !report.contains("sizes") || !report["sizes"].is_array())
        return fail(ErrorCode::InvalidFile, "there is no \"sizes\" in it", "sizes.json",
                    "Run the recipe again with this version");
    ElasticResults results;
    results.denseNats = meanNats(report.value("dense", Json::object()));
    for (const Json& row : report["sizes"]) {
        ElasticSize size;
        size.budget = numberOf(row, "budget");
        size.size = numberOf(row, "size");
        size.parameters = numberOf(row, "parameters");
        size.nats = numberOf(row, "nats_per_token");
        size.largestProbability = numberOf(row, "largest_probability");
        size.chosenBy = textOf(row, "chosen_by");
        const Json blocks = row.value("blocks", Json::array());
        for (const Json& block : blocks) {
            size.neurons.push_back(numberOf(block, "neurons"));
            size.heads.push_back(numberOf(block, "heads"));
        }
        const Json routes = row.value("routes", Json::object());
        const Json tokens = routes.value("tokens", Json::array()),
                   shares = routes.value("shares", Json::array());
        for (const Json& token : tokens)
            size.tokens.append(QString::fromStdString(token.is_string() ? token.get<std::string>() : ""));
        for (const Json& block : shares) {
            size.tokenShares.push_back(numbersOf(block));
            if (size.tokenShares.back().size() != size_t(size.tokens.size()))
                return fail(ErrorCode::InvalidFile,
                            fmt::format("budget {:g} has {} tokens and shares of {}", size.budget,
                                        size.tokens.size(), size.tokenShares.back().size()),
                            "sizes.json", "Run the recipe again");
        }
        if (!results.sizes.empty() && size.neurons.size() != results.sizes[0].neurons.size())
            return fail(ErrorCode::InvalidFile,
                        fmt::format("budget {:g} has {} blocks, the first has {}", size.budget,
                                    size.neurons.size(), results.sizes[0].neurons.size()),
                        "sizes.json", "Run the recipe again");
        results.sizes.push_back(std::move(size));
    }
    return results;
}

Result<std::vector<ElasticSize>> elasticSizesSoFar(const Project& project, const Run& run) {
    VITRINE_TRY(const auto names, metricNames(project, run));
    std::map<double, ElasticSize, std::greater<>> sizes;
    for (const std::string& name : names) {
        double budget = 0;
        size_t block = 0;
        char what[32] = {};
        const bool size = std::sscanf(name.c_str(), "sizes/budget %lf/%31[a-z ]", &budget, what) == 2;
        const bool route = !size && std::sscanf(name.c_str(), "routes/budget %lf/block %zu %31[a-z]", &budget,
                                                &block, what) == 3;
        if (!size && !route)
            continue;
        VITRINE_TRY(const auto points, readSeries(project, run, name));
        if (points.empty())
            continue;
        const double last = points.back().value;
        const std::string_view key = what;
        ElasticSize& one = sizes[budget];
        one.budget = budget;
        if (route) {
            std::vector<double>& shares = key == "heads" ? one.heads : one.neurons;
            shares.resize(std::max(shares.size(), block + 1), 1);
            shares[block] = last;
        } else if (key == "size") {
            one.size = last;
        } else {
            (key == "largest probability" ? one.largestProbability : one.nats) = last;
        }
    }
    std::vector<ElasticSize> list;
    for (auto& [budget, size] : sizes) {
        size.heads.resize(size.neurons.size(), 1);
        list.push_back(std::move(size));
    }
    return list;
}

}  // namespace vitrine
