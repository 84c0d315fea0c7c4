#include "core/sparse_training/sparse_options.h"

#include "core/base/nearest.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace vitrine {

const std::vector<std::string>& sparseMethodNames() {
    static const std::vector<std::string> names{"dense", "static", "magnitude", "gradual",
                                                "set",   "rigl",   "iee"};
    return names;
}

Result<SparseMethod> sparseMethodFromName(const std::string& name) {
    const auto& names = sparseMethodNames();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there is no method \"{}\" of sparse training", name), {},
                    "The methods are dense, static, magnitude, gradual, set, rigl and iee");
    return SparseMethod(found - names.begin());
}

const std::string& sparseMethodName(SparseMethod method) {
    return sparseMethodNames().at(size_t(method));
}

Result<void> SparseTrainingOptions::validate() const {
    const auto wrong = [](const std::string& what) { return fail(ErrorCode::InvalidArgument, what); };
    VITRINE_TRY_VOID(network.validate());
    if (steps < 1 || batch.size < 1)
        return wrong("training takes at least one step of one picture");
    if (importanceSteps < 1 || accuracySteps < 0 || explorationSteps < 1)
        return wrong("an exchange has at least one step of importance and one of exploration");
    if (!(density > 0 && density <= 1))
        return wrong(fmt::format("a density lies above 0 and at most at 1, this is {}", density));
    if (!(exchanged >= 0 && exchanged < 1) || !(stopAt >= 0 && stopAt <= 1))
        return wrong("the part that is exchanged lies in [0, 1), the end of the exchanges in [0, 1]");
    if (latency && units != UnitKind::Channels)
        return fail(ErrorCode::InvalidArgument,
                    "a network becomes faster where channels are cut out of it, not "
                    "where single weights are 0",
                    "settings.budget", "Set settings.units to channels, or settings.budget to density");
    if (units == UnitKind::Channels && method == SparseMethod::Rigl)
        return wrong("RigL goes by the gradients of single weights; choose iee, set or static for channels");
    return {};
}

double SparseTrainingOptions::exchangedAt(int64_t step) const {
    const int64_t last = lastExchange();
    if (step >= last || last == 0)
        return 0;
    const double time = double(step) / double(last);
    // The exponential one ends at a hundredth of its start.
    return exponentialDecay ? exchanged * std::pow(0.01, time)
                            : exchanged * 0.5 * (1 + std::cos(std::numbers::pi * time));
}

}  // namespace vitrine
