#include "core/eval/confusion.h"

namespace vitrine {

Result<void> ConfusionMatrix::add(const at::Tensor& truth, const at::Tensor& prediction) {
    if (truth.sizes() != prediction.sizes())
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("truth has shape {}, predictions have {}", fmt::join(truth.sizes(), "x"),
                                fmt::join(prediction.sizes(), "x")));
    const int64_t classes = counts_.size(0);
    const at::Tensor expected = truth.flatten().to(at::kLong);
    const at::Tensor known = expected.ge(0).logical_and(expected.lt(classes));
    const at::Tensor rows = expected.masked_select(known);
    const at::Tensor columns = prediction.flatten().to(at::kLong).masked_select(known);
    if (columns.numel() > 0 &&
        (columns.min().item<int64_t>() < 0 || columns.max().item<int64_t>() >= classes))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a prediction is none of the {} classes", classes));
    counts_ += (rows * classes + columns).bincount({}, classes * classes).view({classes, classes});
    return {};
}

int64_t ConfusionMatrix::total() const {
    return counts_.sum().item<int64_t>();
}

double ConfusionMatrix::accuracy() const {
    const int64_t all = total();
    return all > 0 ? double(counts_.diagonal().sum().item<int64_t>()) / double(all) : 0;
}

std::vector<std::optional<double>> ConfusionMatrix::intersectionOverUnion() const {
    const at::Tensor right = counts_.diagonal();
    const at::Tensor either = counts_.sum(0) + counts_.sum(1) - right;
    std::vector<std::optional<double>> list;
    for (int64_t index = 0; index < counts_.size(0); ++index) {
        const int64_t all = either[index].item<int64_t>();
        list.push_back(all > 0 ? std::optional(double(right[index].item<int64_t>()) / double(all))
                               : std::nullopt);
    }
    return list;
}

double ConfusionMatrix::meanIntersectionOverUnion() const {
    double sum = 0;
    int64_t count = 0;
    for (const auto& value : intersectionOverUnion())
        if (value) {
            sum += *value;
            ++count;
        }
    return count > 0 ? sum / double(count) : 0;
}

}  // namespace vitrine
