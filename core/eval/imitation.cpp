#include "core/eval/imitation.h"

#include "core/features/checks.h"

#include <algorithm>

namespace vitrine {
namespace {

Result<void> checkSameVectors(const at::Tensor& student, const at::Tensor& teacher, const char* what) {
    if (student.size(0) != teacher.size(0) || student.size(1) != teacher.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the student's {} are {}, the teacher's {}", what, sizesText(student),
                                sizesText(teacher)),
                    "imitation", "Is this the teacher that the adaptor head was trained for?");
    return {};
}

double cosineSum(const at::Tensor& a, const at::Tensor& b) {
    return ((a * b).sum(1) / (a.norm(2, {1}) * b.norm(2, {1})).clamp_min(1e-12)).sum().item<double>();
}

// (B, C, h, w) -> (B h w, C) float64 at this grid.
at::Tensor vectorsAt(const at::Tensor& maps, int64_t height, int64_t width) {
    at::Tensor wide = maps.to(at::kCPU, at::kDouble);
    if (wide.size(2) != height || wide.size(3) != width)
        wide = at::adaptive_avg_pool2d(wide, {height, width});
    return wide.permute({0, 2, 3, 1}).reshape({-1, wide.size(1)});
}

}  // namespace

Result<void> ImitationError::addMaps(const at::Tensor& student, const at::Tensor& teacher) {
    VITRINE_TRY_VOID(checkFinite(student, 4, "features of the student"));
    VITRINE_TRY_VOID(checkFinite(teacher, 4, "features of the teacher"));
    VITRINE_TRY_VOID(checkSameVectors(student, teacher, "features"));
    if (sum_.defined() && sum_.size(0) != teacher.size(1))
        return fail(
            ErrorCode::ShapeMismatch,
            fmt::format("earlier features have {} channels, these have {}", sum_.size(0), teacher.size(1)),
            "imitation");
    const int64_t height = std::min(student.size(2), teacher.size(2)),
                  width = std::min(student.size(3), teacher.size(3));
    const at::Tensor said = vectorsAt(student, height, width), wanted = vectorsAt(teacher, height, width);
    errors_ += (said - wanted).square().sum().item<double>();
    squares_ += wanted.square().sum().item<double>();
    cosines_ += cosineSum(said, wanted);
    sum_ = sum_.defined() ? sum_ + wanted.sum(0) : wanted.sum(0);
    places_ += wanted.size(0);
    pictures_ += student.size(0);
    return {};
}

Result<void> ImitationError::addSummaries(const at::Tensor& student, const at::Tensor& teacher) {
    VITRINE_TRY_VOID(checkFinite(student, 2, "summaries of the student"));
    VITRINE_TRY_VOID(checkFinite(teacher, 2, "summaries of the teacher"));
    VITRINE_TRY_VOID(checkSameVectors(student, teacher, "summaries"));
    summaryCosines_ += cosineSum(student.to(at::kCPU, at::kDouble), teacher.to(at::kCPU, at::kDouble));
    summaries_ += student.size(0);
    return {};
}

Result<ImitationScores> ImitationError::scores() const {
    if (places_ == 0)
        return fail(ErrorCode::InvalidArgument, "nothing was compared", "imitation");
    const double spread = squares_ - sum_.square().sum().item<double>() / double(places_);
    if (!(spread > 1e-12 * squares_))
        return fail(ErrorCode::InvalidArgument,
                    "the teacher says the same everywhere: there is no error in "
                    "shares of its variance",
                    "imitation");
    ImitationScores scores;
    scores.error = errors_ / spread;
    scores.cosine = cosines_ / double(places_);
    if (summaries_ > 0)
        scores.summaryCosine = summaryCosines_ / double(summaries_);
    scores.places = places_;
    scores.pictures = pictures_;
    return scores;
}

}  // namespace vitrine
