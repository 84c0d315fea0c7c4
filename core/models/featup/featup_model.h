// FeatUp upsamplers (joint bilateral stack) as a model family: the released checkpoints (.ckpt) and folders
// that this program trained.
#pragma once

#include "core/models/featup/featup_network.h"
#include "core/models/trained_upsampler.h"

namespace vitrine {

class FeatUpModel : public Model, public TrainedUpsampler {
  public:
    FeatUpModel(const featup::FeatUpConfig& config, std::string name);

    std::string family() const override { return "featup"; }
    torch::nn::Module* module() override { return module_.get(); }
    Result<TensorMap> runCall(const ModelCall& call) const override;

    const std::string& name() const override { return name_; }
    std::optional<int64_t> squareSide() const override { return std::nullopt; }
    int64_t cellPixels(const EncoderInfo& info) const override;
    Result<void> checkFits(const EncoderInfo& info) const override;
    // 2^levels finer than the encoder's grid; where that is not a whole number of pixels a cell, resized
    // bilinearly to the picture's own size. In the normalised space where the checkpoint has a norm.
    Result<at::Tensor> sharpen(const VisionEncoder& encoder, const at::Tensor& picture) const override;
    at::Tensor comparable(const at::Tensor& features) const override { return network_.prepared(features); }
    const featup::FeatUpNetwork& network() const { return network_; }

  private:
    std::shared_ptr<torch::nn::Module> module_;
    featup::FeatUpNetwork network_;
    std::string name_;
};

ModelFamily featUpFamily();

}  // namespace vitrine
