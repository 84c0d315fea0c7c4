// SAM 3's detector, second half: queries that each settle on one object, and a token that says whether there
// is any (DETR: Carion et al. 2020; conditional queries: Liu et al. 2022, DAB-DETR; the bias from boxes to
// cells: Lin et al. 2023, Plain DETR).
#pragma once

#include "core/models/sam3/sam3_geometry_encoder.h"

namespace vitrine::sam3 {

struct DecodedQueries {
    at::Tensor queries;   // (B, Q, C) after the output norm
    at::Tensor boxes;     // (B, Q, 4) as centre, width and height
    at::Tensor presence;  // (B, 1) logits: is anything of what is looked for in the picture
};

class DecoderLayer;

class DetectorDecoder : public torch::nn::Module {
  public:
    explicit DetectorDecoder(const DetectorSizes& sizes);
    // cells (B, h·w, C): those of `image` conditioned on the prompt.
    DecodedQueries forward(const ImageCells& image, const at::Tensor& cells,
                           const PromptTokens& prompt) const;

  private:
    at::Tensor boxBias(const at::Tensor& boxes, int64_t height, int64_t width) const;
    at::Tensor positionsOf(const at::Tensor& boxes) const;

    int64_t width_;
    std::vector<std::shared_ptr<DecoderLayer>> layers_;
    std::shared_ptr<nn::LayerNorm> outputNorm_, presenceNorm_;
    std::shared_ptr<HeadMlp> boxHead_, presenceHead_, positionHead_, biasX_, biasY_;
    std::shared_ptr<nn::Embedding> queries_, referenceBoxes_, presenceToken_;
};

}  // namespace vitrine::sam3
