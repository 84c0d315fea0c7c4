// FeatSharp upsamplers as a model family (folders with "upsample_factor" and tensors upsampler.ups.0.*), and
// what callers need to use one with an encoder.
#pragma once

#include "core/models/featsharp/featsharp_network.h"
#include "core/models/trained_upsampler.h"

namespace vitrine {

class FeatSharpModel : public Model, public TrainedUpsampler {
  public:
    FeatSharpModel(const featsharp::FeatSharpConfig& config, std::string name);

    std::string family() const override { return "featsharp"; }
    torch::nn::Module* module() override { return module_.get(); }
    Result<TensorMap> runCall(const ModelCall& call) const override;

    const std::string& name() const override { return name_; }
    std::optional<int64_t> squareSide() const override { return config().modelResolution * config().factor; }
    int64_t cellPixels(const EncoderInfo&) const override { return config().patchSize; }
    const featsharp::FeatSharpConfig& config() const { return network_.config(); }
    const featsharp::FeatSharpNetwork& network() const { return network_; }
    // InvalidArgument if the encoder has another patch size, feature width or fixed input size.
    Result<void> checkFits(const EncoderInfo& info) const override;
    // Features of an encoder u times finer: picture (1, 3, H, W) prepared for it, in the type it computes in
    // -> (1, C, n·u, n·u) in the upsampler's type, in the encoder's own feature space. Without gradients.
    Result<at::Tensor> sharpen(const VisionEncoder& encoder, const at::Tensor& picture) const override;

  private:
    std::shared_ptr<torch::nn::Module> module_;
    featsharp::FeatSharpNetwork network_;
    std::string name_;
    at::Tensor patchWeight_, patchBias_;  // the folder's own featurizer: tanh of a patch convolution
};

ModelFamily featSharpFamily();
// The model that `folder.config` describes, with uninitialised parameters.
Result<std::unique_ptr<Model>> createFeatSharp(const ModelFolder& folder);

}  // namespace vitrine
