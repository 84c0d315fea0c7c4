#include "core/models/sam/segment_prompt.h"

#include <fmt/ranges.h>

namespace vitrine::sam {
namespace {

Result<void> checkShape(const at::Tensor& rows, int64_t columns, const char* what, const std::string& where) {
    if (rows.dim() == 2 && rows.size(0) > 0 && rows.size(1) == columns)
        return {};
    return fail(ErrorCode::InvalidArgument,
                fmt::format("expected {} of shape [1 or more, {}], found [{}]", what, columns,
                            fmt::join(rows.sizes(), ", ")),
                where);
}

}  // namespace

Result<Prompts> promptsFrom(const SegmentPrompt& prompt, const std::string& where, at::Device device) {
    if (prompt.tokenIds.defined())
        return fail(ErrorCode::Unsupported, "this model takes no text", where,
                    "Give points or boxes; texts are for SAM 3");
    if (!prompt.points.defined() && !prompt.boxes.defined())
        return fail(ErrorCode::InvalidArgument, "nothing says what to segment", where,
                    "Give a point or a box");
    if (prompt.boxLabels.defined() && prompt.boxLabels.ne(1).any().item<bool>())
        return fail(ErrorCode::Unsupported, "this model takes no boxes of what is not wanted", where,
                    "Give points outside the object instead");
    Prompts prompts;
    if (prompt.points.defined()) {
        VITRINE_TRY_VOID(checkShape(prompt.points, 2, "points", where));
        if (!prompt.pointLabels.defined() || prompt.pointLabels.numel() != prompt.points.size(0))
            return fail(ErrorCode::InvalidArgument, "every point needs a label", where);
        prompts.points = prompt.points.to(device, at::kFloat).view({1, 1, -1, 2});
        prompts.labels = prompt.pointLabels.to(device, at::kLong).view({1, 1, -1});
    }
    if (prompt.boxes.defined()) {
        VITRINE_TRY_VOID(checkShape(prompt.boxes, 4, "boxes", where));
        if (prompt.points.defined() && prompt.boxes.size(0) > 1)
            return fail(ErrorCode::InvalidArgument,
                        "points belong to one object, but there are several boxes", where,
                        "Give points with at most one box, or boxes alone");
        prompts.boxes = prompt.boxes.to(device, at::kFloat).unsqueeze(0);
    }
    return prompts;
}

bool wantsAlternatives(const SegmentPrompt& prompt) {
    return prompt.alternatives ||
           (!prompt.boxes.defined() && prompt.points.defined() && prompt.points.size(0) == 1);
}

Segmentation segmentationFrom(const at::Tensor& masks, const at::Tensor& scores, bool all) {
    Segmentation result;
    result.masks = masks[0].flatten(0, 1);
    result.scores = scores[0].flatten().to(at::kFloat);
    if (all)
        return result;
    const int64_t readings = scores.size(2);
    const at::Tensor best =
        scores[0].argmax(1) + at::arange(scores.size(1), scores.options().dtype(at::kLong)) * readings;
    result.masks = result.masks.index_select(0, best);
    result.scores = result.scores.index_select(0, best);
    return result;
}

}  // namespace vitrine::sam
