// Linear segmentation probe of frozen feature maps (RADIO, DINOv2): batch normalisation without affine part,
// a 1x1 convolution, logits resized bilinearly to the picture, cross-entropy, AdamW. What it reaches is what
// the features tell about each place on their own.
#pragma once

#include "core/base/job_context.h"
#include "core/eval/confusion.h"

#include <ATen/ATen.h>

#include <vector>

namespace vitrine {

// One picture: its features and the class of each of its pixels.
struct LabelledFeatures {
    at::Tensor features;  // (C, h, w) float
    at::Tensor labels;    // (H, W) uint8; values from classCount on: unlabelled
    // Positions in the grid of features for the picture's pixels: patch = pixel * scale + offset, continuous,
    // the first patch's centre at 0.5 (ImageTransform::patchFromImage).
    double scaleX = 0, scaleY = 0, offsetX = 0, offsetY = 0;
};

struct SegmentationProbeOptions {
    int64_t steps = 400;
    int64_t batch = 8;           // pictures
    double learningRate = 1e-2;  // peak of a cosine
    double weightDecay = 1e-3;
    int64_t trainingSide = 120;  // short side of the labels while training, pixels; scores use all pixels
    uint64_t seed = 0;           // of the order of pictures

    Result<void> validate() const;
};

class SegmentationProbe {
  public:
    // All pictures have the same number of channels. ShapeMismatch, InvalidArgument (no picture, no label in
    // any), Cancelled. Reports progress in `job` (one unit a step) without beginning a stage.
    static Result<SegmentationProbe> fit(const std::vector<LabelledFeatures>& pictures, int64_t classCount,
                                         const SegmentationProbeOptions& options, JobContext& job);

    // (classes, height, width) logits of the picture at that many pixels.
    at::Tensor logits(const LabelledFeatures& picture, int64_t height, int64_t width) const;
    // (H, W) int64: class of each pixel of the picture.
    at::Tensor predict(const LabelledFeatures& picture) const;

  private:
    at::Tensor scores(const at::Tensor& features) const;  // (C, h, w) -> (classes, h, w)

    at::Tensor mean_, inverseDeviation_;  // (C)
    at::Tensor weight_, bias_;            // (C, classes), (classes)
};

}  // namespace vitrine
