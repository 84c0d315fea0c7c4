// The files of extracted features: one safetensors file per picture, with where the features came from.
#pragma once

#include "core/engine/model_store.h"
#include "core/media/preprocess.h"
#include "core/models/encoder.h"

#include <filesystem>

namespace vitrine {

// A picture on its way from its file to the file of its features.
struct ExtractedPicture {
    size_t index = 0;  // in the list of pictures
    std::filesystem::path picture;
    std::string imageHash;
    std::filesystem::path target;  // the file with its features
    bool cached = false;           // the target exists already
    PreprocessedImage input;
    std::optional<Error> error;
};

// Writes row `row` of a batch's output to the picture's target. `layers` as the encoder was asked, -1 for the
// final features: tensors "features" (C, h, w), "layer.N", "layer.N.prefix" and "summary"; the metadata holds
// the image transform and the origin.
Result<void> writeFeatureFile(const ExtractedPicture& picture, const EncoderOutput& output, int64_t row,
                              const std::vector<int64_t>& layers, const LoadedModel& model);

}  // namespace vitrine
