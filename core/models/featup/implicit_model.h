// Fits of FeatUp's implicit upsampler as a model family, so that a fit's file is opened as any other trained
// upsampler is: for the picture and encoder that it was fitted to.
#pragma once

#include "core/models/featup/implicit_file.h"
#include "core/models/trained_upsampler.h"

namespace vitrine {

class ImplicitModel : public Model, public TrainedUpsampler {
  public:
    ImplicitModel(const featup::ImplicitFacts& facts, std::string name);

    std::string family() const override { return "featup-implicit"; }
    torch::nn::Module* module() override { return module_.get(); }
    Result<TensorMap> runCall(const ModelCall& call) const override;

    const std::string& name() const override { return name_; }
    std::optional<int64_t> squareSide() const override { return std::nullopt; }
    int64_t cellPixels(const EncoderInfo&) const override { return facts_.cell; }
    Result<void> checkFits(const EncoderInfo& info) const override;
    // In the encoder's own space. InvalidArgument for another picture than it was fitted to, or an encoder
    // that says something else of it.
    Result<at::Tensor> sharpen(const VisionEncoder& encoder, const at::Tensor& picture) const override;
    const featup::ImplicitFacts& facts() const { return facts_; }

  private:
    featup::ImplicitFacts facts_;
    std::string name_;
    std::shared_ptr<torch::nn::Module> module_;
    std::shared_ptr<featup::ImplicitNetwork> network_;
    featup::ImplicitBasis basis_;
    at::Tensor encoderMean_;
};

ModelFamily featUpImplicitFamily();

}  // namespace vitrine
