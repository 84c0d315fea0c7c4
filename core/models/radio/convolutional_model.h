// A loaded convolutional RADIO folder. Layer 0 is the stem's map, layer k that after block k, then the
// head's, and last the neck's, which is also what the model gives as features.
#pragma once

#include "core/models/model.h"
#include "core/models/radio/convolutional_module.h"

namespace vitrine {

class ConvolutionalRadioModel : public Model, public VisionEncoder {
  public:
    ConvolutionalRadioModel(std::shared_ptr<ConvolutionalRadioModule> module, const std::string& name);

    std::string family() const override { return "radio"; }
    const VisionEncoder* encoder() const override { return this; }
    torch::nn::Module* module() override { return module_.get(); }
    // pixel_values -> summary, features (B, N, C), and NAME.summary, NAME.features of adaptors.
    Result<TensorMap> runCall(const ModelCall& call) const override;

    const EncoderInfo& info() const override { return info_; }
    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override;

  private:
    std::shared_ptr<ConvolutionalRadioModule> module_;
    EncoderInfo info_;
};

Result<std::unique_ptr<Model>> loadConvolutionalRadio(const ModelFolder& folder, const LoadOptions& options);

}  // namespace vitrine
