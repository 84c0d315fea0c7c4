#include "core/models/sam/sam_model.h"

#include "core/models/encoder_checks.h"
#include "core/models/picture_masks.h"
#include "core/models/sam/sam_decoder.h"
#include "core/models/sam/sam_prompt.h"
#include "core/models/sam/sam_vision.h"
#include "core/models/sam/segment_prompt.h"

namespace vitrine {
namespace {

using namespace sam;

class SamModule : public torch::nn::Module {
  public:
    SamModule(const VisionSizes& visionSizes, const PromptSizes& promptSizes,
              const DecoderSizes& decoderSizes, int64_t positionFeatures) {
        positions = register_module("shared_image_embedding",
                                    std::make_shared<PositionalEmbedding>(positionFeatures));
        vision = register_module("vision_encoder", std::make_shared<VisionEncoderModule>(visionSizes));
        prompt = register_module("prompt_encoder", std::make_shared<PromptEncoder>(promptSizes, positions));
        decoder = register_module("mask_decoder", std::make_shared<MaskDecoder>(decoderSizes));
    }
    std::shared_ptr<PositionalEmbedding> positions;
    std::shared_ptr<VisionEncoderModule> vision;
    std::shared_ptr<PromptEncoder> prompt;
    std::shared_ptr<MaskDecoder> decoder;
};

// Size of a picture after its longest side was made `longestEdge` (the reference rounds half up).
nn::GridSize resizedSize(nn::GridSize original, int64_t longestEdge) {
    const double scale = double(longestEdge) / double(std::max(original.height, original.width));
    return {int64_t(double(original.height) * scale + 0.5), int64_t(double(original.width) * scale + 0.5)};
}

class SamModel : public Model, public VisionEncoder, public PromptableSegmenter {
  public:
    SamModel(std::shared_ptr<SamModule> network, const ModelFolder& folder) : network_(std::move(network)) {
        const VisionSizes& sizes = network_->vision->sizes;
        info_.family = "sam";
        info_.name = folder.path.filename().string();
        info_.patchSize = info_.sizeMultiple = sizes.patchSize;
        info_.preferredHeight = info_.preferredWidth = sizes.imageSize;
        info_.fixedSize = true;  // absolute positions of one size
        info_.layerCount = sizes.depth;
        info_.featureWidth = sizes.outputChannels;
        for (const at::Tensor& parameter : network_->parameters())
            info_.parameterCount += parameter.numel();
        longestEdge_ = sizes.imageSize;
        if (folder.preprocessor && folder.preprocessor->contains("size"))
            longestEdge_ = (*folder.preprocessor)["size"].value("longest_edge", longestEdge_);
    }

    std::string family() const override { return "sam"; }
    const VisionEncoder* encoder() const override { return this; }
    const PromptableSegmenter* segmenter() const override { return this; }
    torch::nn::Module* module() override { return network_.get(); }
    const EncoderInfo& info() const override { return info_; }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        at::NoGradGuard noGrad;
        const auto states = network_->vision->hiddenStates(pixels);
        EncoderOutput output;
        output.features = network_->vision->neck(states.back());
        output.summary = output.features.mean({2, 3});
        for (const int64_t layer : request.layers)
            output.layers.push_back({states[size_t(layer)].permute({0, 3, 1, 2}), {}});
        return output;
    }

    Json defaultPreprocessor() const override {
        const int64_t side = info_.preferredHeight;
        return {{"image_processor_type", "SamImageProcessor"},
                {"do_resize", true},
                {"size", {{"longest_edge", side}}},
                {"resample", 2},
                {"do_rescale", true},
                {"rescale_factor", 1.0 / 255},
                {"do_normalize", true},
                {"image_mean", {0.485, 0.456, 0.406}},
                {"image_std", {0.229, 0.224, 0.225}},
                {"do_pad", true},
                {"pad_size", {{"height", side}, {"width", side}}}};
    }

    PromptKinds promptKinds() const override {
        PromptKinds kinds;
        kinds.points = true;
        return kinds;
    }

    Result<Segmentation> segment(const at::Tensor& pixels, const SegmentPrompt& prompt) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY(const Prompts prompts, promptsFrom(prompt, info_.name, pixels.device()));
        at::NoGradGuard noGrad;
        const at::Tensor image = network_->vision->neck(network_->vision->hiddenStates(pixels).back());
        const DecodedMasks decoded = network_->decoder->forward(
            image, network_->positions->grid(image.size(2), image.size(3)), network_->prompt->sparse(prompts),
            network_->prompt->dense(prompts, 1), wantsAlternatives(prompt));
        return segmentationFrom(decoded.masks, decoded.scores, prompt.alternatives);
    }

    Result<TensorMap> runCall(const ModelCall& call) const override {
        if (call.inputs.contains("points"))
            return rescalePoints(call);
        if (call.inputs.contains("pred_masks"))
            return fullSizeMasks(call);
        if (call.inputs.contains("pixel_values"))
            return runPrompts(call);
        return fail(ErrorCode::Unsupported, "computes from pixel_values, points or pred_masks", call.id);
    }

  private:
    static at::Tensor inputOrNone(const ModelCall& call, const char* name) {
        const auto it = call.inputs.find(name);
        return it == call.inputs.end() ? at::Tensor() : it->second;
    }

    Result<TensorMap> runPrompts(const ModelCall& call) const {
        const at::Tensor pixels = call.inputs.at("pixel_values");
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        const auto states = network_->vision->hiddenStates(pixels);
        const at::Tensor image = network_->vision->neck(states.back());
        const at::Tensor positions = network_->positions->grid(image.size(2), image.size(3));
        const Prompts prompts{inputOrNone(call, "input_points"), inputOrNone(call, "input_labels"),
                              inputOrNone(call, "input_boxes"), inputOrNone(call, "input_masks")};
        const at::Tensor sparse = network_->prompt->sparse(prompts);
        const at::Tensor dense = network_->prompt->dense(prompts, image.size(0));
        const DecodedMasks decoded = network_->decoder->forward(
            image, positions, sparse, dense, call.arguments.value("multimask_output", true));
        TensorMap outputs = {{"image_embeddings", image},
                             {"image_positional_embeddings", positions},
                             {"dense_prompt_embeddings", dense},
                             {"pred_masks", decoded.masks},
                             {"iou_scores", decoded.scores}};
        if (sparse.defined())
            outputs["sparse_prompt_embeddings"] = sparse;
        for (size_t i = 0; i < states.size(); ++i)
            outputs[fmt::format("vision.hidden_states.{}", i)] = states[i];
        return outputs;
    }

    // Size of the only picture that meta.json lists.
    static Result<nn::GridSize> originalSize(const ModelCall& call) {
        if (!call.meta.contains("images") || call.meta["images"].size() != 1)
            return fail(ErrorCode::NotFound, "meta.json must list one picture with its size_hw", call.id);
        const Json& size = call.meta["images"].begin().value().at("size_hw");
        return nn::GridSize{size.at(0).get<int64_t>(), size.at(1).get<int64_t>()};
    }

    Result<TensorMap> rescalePoints(const ModelCall& call) const {
        VITRINE_TRY(const nn::GridSize original, originalSize(call));
        const nn::GridSize resized = resizedSize(original, longestEdge_);
        const at::Tensor& points = call.inputs.at("points");
        const at::Tensor scale = at::tensor({double(resized.width) / double(original.width),
                                             double(resized.height) / double(original.height)})
                                     .to(points.options());
        return TensorMap{{"pre.input_points", points * scale}};
    }

    Result<TensorMap> fullSizeMasks(const ModelCall& call) const {
        VITRINE_TRY(const nn::GridSize original, originalSize(call));
        const nn::GridSize resized = resizedSize(original, longestEdge_);
        const at::Tensor masks = call.inputs.at("pred_masks").squeeze(0);
        return TensorMap{{"a.full_masks", masksOfPicture(masks, {info_.preferredHeight, info_.preferredWidth},
                                                         resized, original)}};
    }

    std::shared_ptr<SamModule> network_;
    EncoderInfo info_;
    int64_t longestEdge_ = 1024;
};

Result<std::unique_ptr<Model>> loadSam(const ModelFolder& folder, const LoadOptions& options) {
    const auto part = [&](const char* name) { return folder.config.value(name, Json::object()); };
    VITRINE_TRY(const VisionSizes visionSizes, visionSizesFrom(part("vision_config")));
    VITRINE_TRY(const PromptSizes promptSizes, promptSizesFrom(part("prompt_encoder_config")));
    VITRINE_TRY(const DecoderSizes decoderSizes, decoderSizesFrom(part("mask_decoder_config")));
    VITRINE_TRY(const int64_t positionFeatures,
                jsonValueOr<int64_t>(part("vision_config"), "num_pos_feats", visionSizes.outputChannels / 2,
                                     "config.json: vision_config"));
    auto network = std::make_shared<SamModule>(visionSizes, promptSizes, decoderSizes, positionFeatures);
    VITRINE_TRY([[maybe_unused]] const LoadReport report, loadWeights(*network, *folder.weights, options));
    network->eval();
    return std::make_unique<SamModel>(network, folder);
}

}  // namespace

ModelFamily samFamily() {
    return {"sam", "Segment Anything: image encoder, prompt encoder, mask decoder",
            [](const ModelFolder& folder) { return folder.weights && folder.modelType() == "sam"; }, loadSam};
}

}  // namespace vitrine
