// Pictures that a compressed encoder is calibrated with and measured on, as its pixels, read once.
#pragma once

#include "core/engine/labelled_sets.h"
#include "core/engine/model_store.h"
#include "core/runs/run_context.h"

#include <optional>

namespace vitrine {

struct EncoderData {
    std::vector<at::Tensor> calibration, watched, labelled;  // (B, 3, H, W) each, batch by batch
    at::Tensor labels;                                       // of the labelled ones, in their order
    std::optional<SegmentationSet> segmentation;
    int64_t calibrated = 0, compared = 0;  // pictures
    std::string hash;                      // SHA-256 of all pixels, and of what is segmented

    // Of the settings "pictures", "picture_limit", "resolution", "batch", "test" and "segmentation". One in
    // four pictures is measured on, not calibrated with. Errors: of reading; no picture at all.
    static Result<EncoderData> open(RunContext& run, const StoredModel& model);
};

}  // namespace vitrine
