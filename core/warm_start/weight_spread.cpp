#include "core/warm_start/weight_spread.h"

#include <numeric>

namespace vitrine {

void WeightSpread::add(const at::Tensor& weights, const at::Tensor& right) {
    const at::Tensor bins =
        (weights.detach().to(at::kDouble) / kWidth).floor().clamp(0, kBins - 1).to(at::kLong);
    for (const bool teacherRight : {true, false}) {
        const at::Tensor counts =
            bins.masked_select(teacherRight ? right : right.logical_not()).cpu().bincount({}, kBins);
        std::vector<int64_t>& into = teacherRight ? right_ : wrong_;
        for (int bin = 0; bin < kBins; ++bin)
            into[size_t(bin)] += counts[bin].item<int64_t>();
    }
}

int64_t WeightSpread::count() const {
    return std::accumulate(right_.begin(), right_.end(), int64_t(0)) +
           std::accumulate(wrong_.begin(), wrong_.end(), int64_t(0));
}

Json WeightSpread::json() const {
    return {{"width", kWidth}, {"right", right_}, {"wrong", wrong_}};
}

WeightSpread WeightSpread::fromJson(const Json& json) {
    WeightSpread spread;
    for (const auto& [key, into] : {std::pair{"right", &spread.right_}, std::pair{"wrong", &spread.wrong_}}) {
        const Json counts = json.is_object() ? json.value(key, Json::array()) : Json::array();
        if (counts.is_array() && counts.size() == size_t(kBins))
            *into = counts.get<std::vector<int64_t>>();
    }
    return spread;
}

}  // namespace vitrine
