#include "core/models/clip/clip_model.h"

#include "core/models/clip/clip_network.h"
#include "core/models/encoder_checks.h"
#include "core/models/tower_outputs.h"

namespace vitrine {
namespace {

using namespace clip;

class ClipModel : public Model, public VisionEncoder, public TextEncoder {
  public:
    ClipModel(const ClipConfig& config, const std::string& name)
        : module_(std::make_shared<torch::nn::Module>("clip")), network_(*module_, config) {
        info_.family = "clip";
        info_.name = name;
        if (config.vision) {
            const VisionConfig& vision = *config.vision;
            info_.patchSize = info_.sizeMultiple = vision.patchSize.height;
            info_.preferredHeight = vision.storedGrid().height * vision.patchSize.height;
            info_.preferredWidth = vision.storedGrid().width * vision.patchSize.width;
            info_.layerCount = vision.tower.depth;
            info_.prefixTokenCount = info_.classTokenCount = 1;
            info_.featureWidth = info_.summaryWidth = vision.tower.width;
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
        logitScale_ = network_.logitScale().defined() ? network_.logitScale().item<double>()
                                                      : network_.config().initialLogitScale;
        logitBias_ = network_.logitBias().defined() ? network_.logitBias().item<double>() : 0.0;
    }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        const ImageResult result = network_.image(pixels, towerRequest(request));
        EncoderOutput output;
        output.summary = result.pooled;
        output.features = network_.patchFeatures(result.tower.last, result.grid);
        addLayers(output, result.tower, request, info_.prefixTokenCount, result.grid);
        return output;
    }

    int64_t contextLength() const override { return network_.config().text->contextLength; }
    double logitScale() const override { return logitScale_; }
    double logitBias() const override { return logitBias_; }

    Result<at::Tensor> encodeText(const at::Tensor& ids, const at::Tensor& mask) const override {
        VITRINE_TRY_VOID(checkIds(ids, mask));
        return network_.projectText(network_.text(ids, mask, {}).pooled);
    }

    Result<at::Tensor> imageEmbedding(const at::Tensor& pixels) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        return network_.projectImage(network_.image(pixels, {}).pooled);
    }

    Result<at::Tensor> denseEmbedding(const at::Tensor& pixels) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        return network_.dense(pixels);
    }

    Result<TensorMap> runCall(const ModelCall& call) const override {
        const at::Tensor pixels = inputOf(call, {"pixel_values", "image"});
        const at::Tensor ids = inputOf(call, {"input_ids", "text"});
        const at::Tensor mask = inputOf(call, {"attention_mask"});
        TensorMap outputs;
        at::Tensor imageVector, textVector;
        if (pixels.defined() && encoder()) {
            VITRINE_TRY_VOID(checkPixels(info_, pixels));
            imageVector = addImage(outputs, pixels, ids.defined());
        }
        if (ids.defined() && network_.config().text) {
            VITRINE_TRY_VOID(checkIds(ids, mask));
            textVector = addText(outputs, ids, mask, pixels.defined());
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

    // Outputs of the image tower; returns the normalised embedding. In calls of the whole model the
    // reference's pooled outputs are already projected, in calls of one tower they are not.
    at::Tensor addImage(TensorMap& outputs, const at::Tensor& pixels, bool whole) const {
        const ImageResult result = network_.image(pixels, allStates(info_.layerCount));
        const at::Tensor projected = network_.projectImage(result.pooled);
        const std::string prefix = whole ? "vision." : "";
        outputs[prefix + "last_hidden_state"] = result.tower.last;
        outputs[prefix + "pooler_output"] = whole ? projected : result.pooled;
        addHiddenStates(outputs, result.tower, prefix);
        at::Tensor embedding = l2Normalized(projected);
        outputs["image_features_raw"] = projected;
        outputs["image_embeds"] = outputs["image_features"] = embedding;
        return embedding;
    }

    at::Tensor addText(TensorMap& outputs, const at::Tensor& ids, const at::Tensor& mask, bool whole) const {
        const TextResult result = network_.text(ids, mask, allStates(network_.config().text->tower.depth));
        const at::Tensor projected = network_.projectText(result.pooled);
        const std::string prefix = whole ? "text." : "";
        outputs[prefix + "last_hidden_state"] = result.normed;
        outputs[prefix + "pooler_output"] = whole ? projected : result.pooled;
        addHiddenStates(outputs, result.tower, prefix);
        at::Tensor embedding = l2Normalized(projected);
        outputs["text_features_raw"] = projected;
        outputs["text_embeds"] = outputs["text_features"] = embedding;
        return embedding;
    }

    std::shared_ptr<torch::nn::Module> module_;
    ClipNetwork network_;
    EncoderInfo info_;
    double logitScale_ = 0, logitBias_ = 0;
};

Result<std::unique_ptr<ClipModel>> build(const ModelFolder& folder) {
    VITRINE_TRY(const ClipConfig config, clipConfigFrom(folder));
    return std::make_unique<ClipModel>(config, folder.path.filename().string());
}

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(auto model, build(folder));
    VITRINE_TRY_VOID(loadWeights(*model->module(), *folder.weights, options));
    model->finishLoading();
    return model;
}

}  // namespace

Result<std::unique_ptr<Model>> createClip(const ModelFolder& folder) {
    VITRINE_TRY(auto model, build(folder));
    return model;
}

ModelFamily clipFamily() {
    return {"clip", "CLIP image and text encoders, in the transformers and the open_clip layout",
            isClipFolder, load};
}

}  // namespace vitrine
