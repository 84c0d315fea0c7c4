// The RADIO ViT as one trainable module under the public names ("radio_model.model.blocks.0...."): input
// conditioning, patch generator, trunk, normalisers and adaptors (AM-RADIO, RADIOv2.5, C-RADIOv2..v4).
#pragma once

#include "core/models/radio/adaptor.h"
#include "core/models/radio/patch_generator.h"
#include "core/models/radio/radio_config.h"
#include "core/nn/weights.h"

#include <functional>

namespace vitrine {

// What one pass through the blocks should do besides computing.
struct RadioPass {
    int64_t gridHeight = 0, gridWidth = 0;
    RadioWindowing windowing{};                    // windowSize 0: global attention everywhere
    std::vector<int64_t> attentionBlocks{};        // 0-based blocks whose attention is captured
    std::vector<at::Tensor>* attention = nullptr;  // receives them, (B, heads, T, T), raster order
    bool recompute = false;                        // training: blocks keep their inputs only
    // Called after each block with its output in raster order; return false to stop early.
    std::function<bool(int64_t block, const at::Tensor& tokens)> afterBlock{};
};

enum class LayerAggregation { Sparse, Dense };
enum class NormAlphaScheme { None, PreAlpha, PostAlpha };

// Tokens (B, T, D) of one requested layer.
struct IntermediatesRequest {
    std::vector<int64_t> indices;  // 0-based blocks; negatives count from the end
    LayerAggregation aggregation = LayerAggregation::Sparse;
    NormAlphaScheme scheme = NormAlphaScheme::PostAlpha;
    bool finalNorm = false;  // apply the model's final norm, where it has one, to each
};

class RadioModule : public torch::nn::Module {
  public:
    explicit RadioModule(const RadioConfig& config);
    ~RadioModule() override;

    const RadioConfig& config() const { return config_; }
    const PatchGenerator& patchGenerator() const;

    // pixels (B, C, H, W) in [0, 1] -> normalised by the stored mean and deviation.
    at::Tensor condition(const at::Tensor& pixels) const;
    // tokens (B, T, D) -> the trunk's output (B, T, D), final norm included where the model has one. With
    // config().tokens blocks see fewer of them (not in windows); what comes out is whole again.
    at::Tensor runBlocks(at::Tensor tokens, const RadioPass& pass) const;
    // tokens (1, ΣT, D) of several pictures: each attends to itself only.
    at::Tensor runPacked(at::Tensor tokens, std::span<const int64_t> lengths) const;
    // (B, T, D) per index, in ascending order of the blocks.
    std::vector<at::Tensor> intermediates(const at::Tensor& tokens, const IntermediatesRequest& request,
                                          const RadioPass& pass) const;

    // Class tokens that form the summary, concatenated: (B, T, D) -> (B, S).
    at::Tensor summaryOf(const at::Tensor& tokens) const;
    // The class token an adaptor's summary head reads, (B, D).
    at::Tensor classTokenFor(const at::Tensor& tokens, const Adaptor& adaptor) const;
    // (B, N, D) through the feature normaliser, where there is one.
    at::Tensor normalizeFeatures(const at::Tensor& features) const;
    const Adaptor* adaptor(const std::string& name) const;

  private:
    struct Parts;
    RadioConfig config_;
    std::unique_ptr<Parts> parts_;
};

// Loads the module's weights from either layout; re-parametrised weights are materialised. `prefix` as in
// findRadioLayout. Errors as loadWeights.
Result<LoadReport> loadRadioWeights(RadioModule& module, const TensorSource& source,
                                    const RadioLayout& layout, const LoadOptions& options);

// The plain weight of a spectrally re-parametrised linear layer, W · c / (uᵀ W v + eps), per row chunk.
// `base` is the layer's stored name; an undefined tensor if nothing of that name is re-parametrised.
Result<at::Tensor> materializeSpectralWeight(const TensorSource& source, const std::string& base,
                                             double epsilon);

}  // namespace vitrine
