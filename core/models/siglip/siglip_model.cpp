#include "core/models/siglip/siglip_model.h"

#include "core/models/encoder_checks.h"
#include "core/models/siglip/siglip_network.h"
#include "core/models/tower_outputs.h"
#include "core/nn/functional.h"

#include <fmt/ranges.h>

namespace vitrine {
namespace {

using namespace siglip;

class SiglipModel : public Model, public VisionEncoder, public TextEncoder {
  public:
    SiglipModel(const SiglipConfig& config, const std::string& name)
        : module_(std::make_shared<torch::nn::Module>("siglip")), network_(*module_, config) {
        info_.family = "siglip";
        info_.name = name;
        if (config.vision) {
            const VisionConfig& vision = *config.vision;
            info_.patchSize = info_.sizeMultiple = vision.patchSize;
            info_.preferredHeight = vision.storedGrid.height * vision.patchSize;
            info_.preferredWidth = vision.storedGrid.width * vision.patchSize;
            info_.layerCount = vision.tower.depth;
            info_.featureWidth = vision.tower.width;
            info_.summaryWidth = vision.hasHead ? vision.tower.width : 0;
            info_.headCount = vision.tower.headCount;
        }
        info_.hasText = hasBoth();
        info_.parameterCount = countParameters(*module_);
    }

    std::string family() const override { return info_.family; }
    const VisionEncoder* encoder() const override { return network_.config().vision ? this : nullptr; }
    const TextEncoder* textEncoder() const override { return hasBoth() ? this : nullptr; }
    torch::nn::Module* module() override { return module_.get(); }
    const EncoderInfo& info() const override { return info_; }

    void finishLoading() {
        network_.finishLoading();
        if (hasBoth()) {
            logitScale_ = network_.logitScale().item<double>();
            logitBias_ = network_.logitBias().item<double>();
        }
    }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        const ImageResult result = network_.image(pixels, towerRequest(request));
        const nn::GridSize grid = network_.gridOf(pixels);
        EncoderOutput output;
        output.summary = result.pooled;
        output.features = nn::mapFromTokens(result.normed, grid.height, grid.width);
        addLayers(output, result.tower, request, 0, grid);
        return output;
    }

    int64_t contextLength() const override { return network_.config().text->contextLength; }
    double logitScale() const override { return logitScale_; }
    double logitBias() const override { return logitBias_; }

    Result<at::Tensor> encodeText(const at::Tensor& ids, const at::Tensor& mask) const override {
        VITRINE_TRY_VOID(checkIds(ids, mask));
        return network_.text(ids, mask, {}).pooled;
    }

    Result<at::Tensor> imageEmbedding(const at::Tensor& pixels) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        return network_.image(pixels, {}).pooled;
    }

    Result<at::Tensor> denseEmbedding(const at::Tensor& pixels) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        const nn::GridSize grid = network_.gridOf(pixels);
        return nn::mapFromTokens(network_.pooledAlone(network_.image(pixels, {}).normed), grid.height,
                                 grid.width);
    }

    Result<TensorMap> runCall(const ModelCall& call) const override {
        const at::Tensor pixels = inputOf(call, {"pixel_values"});
        const at::Tensor ids = inputOf(call, {"input_ids"});
        TensorMap outputs;
        at::Tensor imageVector, textVector;
        if (pixels.defined() && encoder()) {
            VITRINE_TRY(const ImageResult result, imageOf(call, pixels));
            const std::string prefix = ids.defined() ? "vision." : "";
            outputs[prefix + "last_hidden_state"] = result.normed;
            outputs[prefix + "pooler_output"] = result.pooled;
            addHiddenStates(outputs, result.tower, prefix);
            outputs["image_embeds"] = imageVector = l2Normalized(result.pooled);
        }
        if (ids.defined() && network_.config().text) {
            const at::Tensor mask = inputOf(call, {"attention_mask"});
            VITRINE_TRY_VOID(checkIds(ids, mask));
            const TextResult result =
                network_.text(ids, mask, allStates(network_.config().text->tower.depth));
            const std::string prefix = pixels.defined() ? "text." : "";
            outputs[prefix + "last_hidden_state"] = result.normed;
            outputs[prefix + "pooler_output"] = result.pooled;
            addHiddenStates(outputs, result.tower, prefix);
            outputs["text_embeds"] = textVector = l2Normalized(result.pooled);
        }
        if (imageVector.defined() && textVector.defined()) {
            const at::Tensor logits =
                at::matmul(imageVector, textVector.t()) * std::exp(logitScale_) + logitBias_;
            outputs["logits_per_image"] = logits;
            outputs["logits_per_text"] = logits.t();
        }
        return selectOutputs(call, outputs);
    }

  private:
    bool hasBoth() const { return network_.config().vision && network_.config().text; }

    Result<void> checkIds(const at::Tensor& ids, const at::Tensor& mask) const {
        const TextConfig& text = *network_.config().text;
        return checkTokenIds(ids, mask, text.contextLength, text.vocabulary);
    }

    // A picture batch, or for NaFlex the patches that its processor gives.
    Result<ImageResult> imageOf(const ModelCall& call, const at::Tensor& pixels) const {
        const nn::TowerRequest request = allStates(info_.layerCount);
        if (!network_.config().vision->naflex || pixels.dim() == 4) {
            VITRINE_TRY_VOID(checkPixels(info_, pixels));
            return network_.image(pixels, request);
        }
        const PatchBatch batch{pixels, inputOf(call, {"pixel_attention_mask"}),
                               inputOf(call, {"spatial_shapes"})};
        VITRINE_TRY_VOID(checkPatches(batch));
        return network_.imagePatches({batch.patches, batch.mask, batch.shapes.cpu()}, request);
    }

    Result<void> checkPatches(const PatchBatch& batch) const {
        const int64_t width = 3 * info_.patchSize * info_.patchSize;
        const at::Tensor& patches = batch.patches;
        if (patches.dim() != 3 || patches.size(2) != width || !patches.is_floating_point())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("expected patches of shape [batch, patches, {}], found [{}]", width,
                                    fmt::join(patches.sizes(), ", ")),
                        info_.name);
        const int64_t count = patches.size(0);
        if (!batch.shapes.defined() || batch.shapes.sizes() != at::IntArrayRef({count, 2}))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("expected spatial_shapes of shape [{}, 2]", count), info_.name);
        if (batch.mask.defined() && batch.mask.sizes() != patches.sizes().slice(0, 2))
            return fail(ErrorCode::InvalidArgument, "pixel_attention_mask and pixel_values differ in shape",
                        info_.name);
        const at::Tensor shapes = batch.shapes.cpu().to(at::kLong);
        if (shapes.numel() && (shapes.min().item<int64_t>() < 1 || shapes.max().item<int64_t>() > 65536 ||
                               shapes.prod(1).max().item<int64_t>() > patches.size(1)))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("spatial_shapes call for more than the {} patches given, or for none",
                                    patches.size(1)),
                        info_.name);
        return {};
    }

    std::shared_ptr<torch::nn::Module> module_;
    SiglipNetwork network_;
    EncoderInfo info_;
    double logitScale_ = 0, logitBias_ = 0;
};

Result<std::unique_ptr<SiglipModel>> build(const ModelFolder& folder) {
    VITRINE_TRY(SiglipConfig config, siglipConfigFrom(folder));
    // Vision towers inside other models are exported without the head though their configuration keeps quiet.
    if (config.vision && !config.text && folder.weights && !folder.weights->find("vision_model.head.probe"))
        config.vision->hasHead = false;
    return std::make_unique<SiglipModel>(config, folder.path.filename().string());
}

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(auto model, build(folder));
    VITRINE_TRY_VOID(loadWeights(*model->module(), *folder.weights, options));
    model->finishLoading();
    return model;
}

}  // namespace

Result<std::unique_ptr<Model>> createSiglip(const ModelFolder& folder) {
    VITRINE_TRY(auto model, build(folder));
    return model;
}

ModelFamily siglipFamily() {
    return {"siglip", "SigLIP and SigLIP 2 image and text encoders, fixed resolution and NaFlex",
            [](const ModelFolder& folder) { return isSiglipType(folder.modelType()); }, load};
}

}  // namespace vitrine
