// A loaded RADIO ViT: the VisionEncoder of the family and the computations of its reference folders.
#pragma once

#include "core/models/model.h"
#include "core/models/radio/radio_module.h"

namespace vitrine {

class RadioModel : public Model, public VisionEncoder {
  public:
    RadioModel(std::shared_ptr<RadioModule> module, const std::string& name);

    std::string family() const override { return "radio"; }
    const VisionEncoder* encoder() const override { return this; }
    torch::nn::Module* module() override { return module_.get(); }
    const RadioModule& radio() const { return *module_; }
    Result<TensorMap> runCall(const ModelCall& call) const override;

    const EncoderInfo& info() const override { return info_; }
    // pixels (B, 3, H, W) in [0, 1]; H and W multiples of the patch (of patch · window in windowed mode).
    // Hidden state 0 is what enters the first block; later ones come before any final norm.
    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override;

    // Pictures of different sizes in one pass: patches (ΣN, 3·P·P) in order channel, y, x, and each picture's
    // grid (height, width) -> summary (pictures, S), features (ΣN, D).
    struct Packed {
        at::Tensor summary, features;
    };
    Result<Packed> encodePacked(const at::Tensor& patches,
                                std::span<const std::pair<int64_t, int64_t>> grids) const;

  private:
    // Checks sizes and prepares a pass; windowing as asked for or as configured.
    Result<RadioPass> preparePass(const at::Tensor& pixels, const RadioWindowing& windowing) const;
    Result<TensorMap> runForward(const ModelCall& call) const;
    Result<TensorMap> runIntermediates(const ModelCall& call) const;
    Result<TensorMap> runPackedCall(const ModelCall& call) const;
    Result<TensorMap> runTrainingPositions(const ModelCall& call) const;
    // The last h·w tokens, or those that the reference of the DINOv2-style student calls spatial.
    at::Tensor patchTokens(const at::Tensor& tokens, int64_t count) const;
    at::Tensor referenceFeatures(const at::Tensor& tokens) const;

    std::shared_ptr<RadioModule> module_;
    EncoderInfo info_;
};

// Loads a folder of either form.
Result<std::unique_ptr<Model>> loadRadio(const ModelFolder& folder, const LoadOptions& options);
// The trunk of a vision-language model: `config` its vision configuration, `prefix` "vision_model." or alike.
Result<std::shared_ptr<RadioModule>> loadRadioModule(const Json& config, const TensorSource& source,
                                                     const std::string& prefix, const LoadOptions& options);

ModelFamily radioFamily();

}  // namespace vitrine
