// What an encoder says of the pictures that it is measured on, and how far that is from what the dense one
// said: features cell by cell, summaries, every adaptor's, dense tasks, labelled pictures.
#pragma once

#include "core/engine/compress_subject.h"
#include "core/engine/encoder_data.h"

namespace vitrine {

struct EncoderViews {
    struct Part {
        at::Tensor features;   // (cells, C) of all pictures; undefined: none
        at::Tensor summaries;  // (pictures, S); undefined: none
    };
    Part backbone;
    std::map<std::string, Part> adaptors;
    std::optional<double> accuracy;                         // share of labelled pictures that are told right
    std::optional<double> correspondence;                   // share of places found again in known warps
    std::optional<double> meanIntersection, pixelAccuracy;  // of a linear segmentation probe
    double encodingSeconds = 0;                             // a picture, without adaptors
};

// `correspondence`: with the warps of core/eval/correspondence.h. Errors: Cancelled; of the segmentation set.
Result<EncoderViews> viewsOf(const StoredModel& model, const EncoderData& data, bool correspondence,
                             JobContext& job);

// How far `views` are from the dense encoder's: the loss is the squared difference of the backbone's features
// relative to theirs.
SubjectScore scoreViews(const EncoderViews& views, const EncoderViews& dense, const EncoderData& data);
// Columns of a table of such scores, in order.
std::vector<std::string> viewColumns(const EncoderViews& dense);

}  // namespace vitrine
