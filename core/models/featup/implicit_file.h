// The file of a fit of the implicit upsampler: one safetensors file. It says which picture and encoder it
// belongs to, since it says nothing about any other.
#pragma once

#include "core/io/model_folder.h"
#include "core/models/encoder_info.h"
#include "core/models/featup/implicit_basis.h"
#include "core/models/featup/implicit_network.h"

namespace vitrine::featup {

struct ImplicitFacts {
    ImplicitConfig network;
    std::string encoderName, encoderIdentity;
    int64_t featureWidth = 0, patchSize = 0;
    int64_t width = 0, height = 0;   // of the picture as the encoder takes it, pixels
    int64_t cell = 1;                // pixels a side of one fine cell
    std::string picture;             // pictureStamp
    Json settings = Json::object();  // what it was fitted with
    Json report = Json::object();    // how that went: times, errors

    Json toJson() const;
    // InvalidFile for fields that are missing or no sizes.
    static Result<ImplicitFacts> fromJson(const Json& json, const std::string& where);
};

// Hash of a picture's values, (1, 3, H, W) as the encoder takes it.
std::string pictureStamp(const at::Tensor& picture);

bool looksLikeImplicit(const ModelFolder& folder);
Result<ImplicitFacts> implicitFactsFrom(const ModelFolder& folder);
// `encoderMean` (C): mean of the encoder's features of the picture, by which another encoder is told.
Result<void> writeImplicit(const std::filesystem::path& file, const ImplicitFacts& facts,
                           const ImplicitNetwork& network, const ImplicitBasis& basis,
                           const at::Tensor& encoderMean);

}  // namespace vitrine::featup
