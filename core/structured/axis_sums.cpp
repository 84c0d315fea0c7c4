#include "core/structured/structure_ranking.h"

namespace vitrine {

const char* reductionName(Reduction reduction) {
    switch (reduction) {
        case Reduction::Mean:
            return "mean";
        case Reduction::L2:
            return "l2";
        case Reduction::Variance:
            return "variance";
    }
    return "";
}

Result<Reduction> reductionFromName(const std::string& name) {
    for (const Reduction reduction : {Reduction::Mean, Reduction::L2, Reduction::Variance})
        if (name == reductionName(reduction))
            return reduction;
    return fail(ErrorCode::InvalidArgument, fmt::format("no reduction is named \"{}\"", name), {},
                "Known: mean, l2, variance");
}

void AxisSums::add(const at::Tensor& x) {
    const at::NoGradGuard noGrad;
    const at::Tensor sizes = x.detach().to(at::kFloat).abs();
    const at::Tensor mean = sizes.mean(1, false, at::kDouble);
    const at::Tensor square = sizes.square().sum(1, false, at::kDouble);
    const at::Tensor variance = (square / double(x.size(1)) - mean.square()).clamp_min(0);
    const at::Tensor reduced = at::stack({mean, square.sqrt(), variance}).cpu();  // (3, B, n)
    if (!sums_.defined()) {
        sums_ = at::zeros({3, x.size(2)}, at::kDouble);
        squares_ = at::zeros({3, x.size(2)}, at::kDouble);
    }
    sums_ += reduced.sum(1);
    squares_ += reduced.square().sum(1);
    windows_ += x.size(0);
}

at::Tensor AxisSums::scores(const Aggregation& aggregation) const {
    if (empty())
        return {};
    const auto row = int64_t(aggregation.sequence);
    const at::Tensor sum = sums_[row], square = squares_[row];
    switch (aggregation.windows) {
        case Reduction::Mean:
            return sum / double(windows_);
        case Reduction::L2:
            return square.sqrt();
        default:
            return (square / double(windows_) - (sum / double(windows_)).square()).clamp_min(0);
    }
}

void AxisSums::save(const std::string& name, std::map<std::string, at::Tensor>& state) const {
    if (empty())
        return;
    state[name + ".sums"] = sums_;
    state[name + ".squares"] = squares_;
    state[name + ".windows"] = at::tensor({windows_}, at::kLong);
}

AxisSums AxisSums::fromState(const std::string& name, const std::map<std::string, at::Tensor>& state) {
    AxisSums sums;
    const auto found = state.find(name + ".sums");
    if (found == state.end())
        return sums;
    sums.sums_ = found->second;
    if (const auto it = state.find(name + ".squares"); it != state.end())
        sums.squares_ = it->second;
    if (const auto it = state.find(name + ".windows"); it != state.end() && sums.squares_.defined())
        sums.windows_ = it->second.item<int64_t>();
    return sums;
}

}  // namespace vitrine
