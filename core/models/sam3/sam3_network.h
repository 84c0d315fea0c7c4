// All of SAM 3's picture model: image encoder, text tower, detector and mask head, under the names of the
// published checkpoint.
#pragma once

#include "core/models/sam3/sam3_detector_decoder.h"
#include "core/models/sam3/sam3_detector_encoder.h"
#include "core/models/sam3/sam3_mask_head.h"
#include "core/models/sam3/sam3_text.h"
#include "core/models/sam3/sam3_vision.h"

namespace vitrine::sam3 {

struct DetectionPrompt {
    at::Tensor ids, mask;      // (1 or B, T) text tokens; the mask may be undefined
    at::Tensor boxes, labels;  // (B, N, 4) and (B, N) as GeometryEncoder takes them; undefined: none
};

struct Detections {
    at::Tensor logits;    // (B, Q): is this query one of the objects looked for, given that there are any
    at::Tensor presence;  // (B, 1) logits: are there any
    at::Tensor boxes;     // (B, Q, 4) as x0, y0, x1, y1
    PredictedMasks masks;
};

class DotProductScoring;

class Sam3Module : public torch::nn::Module {
  public:
    Sam3Module(const VisionSizes& vision, const clip::ClipConfig& text, const DetectorSizes& detector);
    // Call once after loading weights.
    void finishLoading() { text->finishLoading(); }
    Detections detect(const VisionOutput& image, const DetectionPrompt& prompt) const;

    std::shared_ptr<VisionEncoderModule> vision;
    std::shared_ptr<TextEncoderModule> text;

  private:
    PromptTokens promptTokens(const ImageCells& image, const DetectionPrompt& prompt) const;

    std::shared_ptr<nn::Linear> textProjection_;
    std::shared_ptr<GeometryEncoder> geometry_;
    std::shared_ptr<DetectorEncoder> encoder_;
    std::shared_ptr<DetectorDecoder> decoder_;
    std::shared_ptr<MaskHead> masks_;
    std::shared_ptr<DotProductScoring> scoring_;
};

}  // namespace vitrine::sam3
