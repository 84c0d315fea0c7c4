// What the claim about smaller encoders stands on: a small RADIO ViT, distilled from the scene teacher that
// tells shapes and textures of places, the pictures that it is calibrated on, and others on which smaller
// versions are compared with it. The trained encoder is kept as a checkpoint, as the job "compress" meets
// one: versions are opened from tensors and a configuration.
#pragma once

#include "core/base/json.h"
#include "core/claims/claim_experiments.h"
#include "core/data/shape_scenes.h"
#include "core/eval/segmentation_probe.h"
#include "core/models/radio/radio_model.h"

#include <map>
#include <memory>
#include <optional>

namespace vitrine {

class EncoderGround {
  public:
    // Trains teacher, encoder and the probe of its features, from the request's seed. Cancelled.
    static Result<EncoderGround> train(const ClaimRequest& request);

    const Json& config() const { return config_; }
    const std::map<std::string, at::Tensor>& tensors() const { return tensors_; }
    // Pictures (B, 3, side, side) in [0, 1].
    const std::vector<at::Tensor>& calibration() const { return calibration_; }

    Result<std::unique_ptr<RadioModel>> open() const { return open(config_, tensors_); }
    static Result<std::unique_ptr<RadioModel>> open(const Json& config,
                                                    const std::map<std::string, at::Tensor>& tensors);

    // Metrics of an arm, on held-out scenes:
    //   kFeatureError  ‖f - f_dense‖² / ‖f_dense‖²
    //   kProbe         mean IoU, over ground and shapes, of the linear probe of the dense encoder's features
    Result<std::map<std::string, double>> examine(const RadioModel& encoder,
                                                  const ClaimRequest& request) const;

    static constexpr const char* kFeatureError = "feature error";
    static constexpr const char* kProbe = "mIoU of the dense encoder's probe";
    static constexpr int64_t kWidth = 64, kDepth = 4, kHeads = 8, kMlpRatio = 2;

  private:
    Result<void> teach(const ClaimRequest& request);

    Json config_;
    std::map<std::string, at::Tensor> tensors_;
    std::vector<at::Tensor> calibration_;
    ScenePictures tested_;
    at::Tensor denseFeatures_;                // of tested_
    std::optional<SegmentationProbe> probe_;  // of the dense features
};

}  // namespace vitrine
