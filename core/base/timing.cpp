#include "core/base/timing.h"

#include <algorithm>
#include <chrono>

namespace vitrine {
namespace {

double msOf(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double fastestMs(const std::function<void()>& work, const TimingOptions& options) {
    work();
    double fastest = msOf(work), sum = fastest;
    for (int run = 1; run < options.leastRuns || sum < options.sampleMs; ++run) {
        const double ms = msOf(work);
        fastest = std::min(fastest, ms);
        sum += ms;
    }
    return fastest;
}

}  // namespace

Result<std::vector<double>> medianMs(const std::vector<PreparedWork>& works, const TimingOptions& options,
                                     const std::function<Result<void>()>& before) {
    std::vector<std::vector<double>> samples(works.size());
    for (int round = 0; round < options.rounds; ++round)
        for (size_t index = 0; index < works.size(); ++index) {
            VITRINE_TRY_VOID(before());
            samples[index].push_back(fastestMs(works[index](), options));
        }
    std::vector<double> medians;
    for (auto& each : samples) {
        const auto middle = each.begin() + std::ptrdiff_t(each.size() / 2);
        std::nth_element(each.begin(), middle, each.end());
        medians.push_back(*middle);
    }
    return medians;
}

}  // namespace vitrine
