// E-RADIO: convolutional stages, windowed multi-resolution attention stages and a high-resolution neck. The
// features are the neck's map, the summary is its mean; adaptors, where there are any, read the two.
#pragma once

#include "core/models/model.h"
#include "core/models/radio/adaptor.h"
#include "core/models/radio/eradio_blocks.h"

namespace vitrine {

class EradioModule : public torch::nn::Module {
  public:
    explicit EradioModule(const EradioConfig& config);
    ~EradioModule() override;

    const EradioConfig& config() const { return config_; }

    struct Maps {
        std::vector<at::Tensor> levels;  // after the stem, then after each level (B, C, H, W)
        at::Tensor features;             // (B, C, h, w)
    };
    // pixels (B, C, H, W) in [0, 1]; windowSize 0: each block's own. `recompute`: for training, stages and
    // blocks keep their inputs only.
    Maps forward(const at::Tensor& pixels, int64_t windowSize = 0, bool recompute = false) const;
    // Null if there is none of that name.
    const Adaptor* adaptor(const std::string& name) const;

  private:
    struct Parts;
    EradioConfig config_;
    std::unique_ptr<Parts> parts_;
};

class EradioModel : public Model, public VisionEncoder {
  public:
    EradioModel(std::shared_ptr<EradioModule> module, const std::string& name);

    std::string family() const override { return "radio"; }
    const VisionEncoder* encoder() const override { return this; }
    torch::nn::Module* module() override { return module_.get(); }
    Result<TensorMap> runCall(const ModelCall& call) const override;

    const EncoderInfo& info() const override { return info_; }
    // Layer 0 is the stem's map, layer k that after level k; they differ in size and width. `windowSize`
    // replaces the windows of all attention blocks. There are no attention maps.
    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override;

  private:
    std::shared_ptr<EradioModule> module_;
    EncoderInfo info_;
};

Result<std::unique_ptr<Model>> loadEradio(const ModelFolder& folder, const LoadOptions& options);

}  // namespace vitrine
