#include "core/models/sam2/sam2_model.h"

#include "core/models/encoder_checks.h"
#include "core/models/sam/segment_prompt.h"
#include "core/models/sam2/sam2_decoder.h"
#include "core/models/sam2/sam2_prompt.h"
#include "core/models/sam2/sam2_vision.h"

#include <numeric>

namespace vitrine {
namespace {

using namespace sam2;

constexpr const char* kImagePositions = "shared_image_embedding.positional_embedding";
constexpr const char* kPromptPositions = "prompt_encoder.shared_embedding.positional_embedding";

class Sam2Module : public torch::nn::Module {
  public:
    Sam2Module(const VisionSizes& visionSizes, const sam::PromptSizes& promptSizes,
               const DecoderSizes& decoderSizes) {
        positions = register_module("shared_image_embedding",
                                    std::make_shared<sam::PositionalEmbedding>(promptSizes.width / 2));
        vision = register_module("vision_encoder", std::make_shared<VisionEncoderModule>(visionSizes));
        prompt = register_module("prompt_encoder", std::make_shared<PromptEncoder>(promptSizes));
        decoder = register_module("mask_decoder", std::make_shared<MaskDecoder>(decoderSizes));
        noMemory = register_parameter("no_memory_embedding", at::empty({1, 1, visionSizes.width}));
    }
    // What the mask decoder takes: two reduced fine levels and the image embedding.
    std::vector<at::Tensor> imageLevels(const VisionOutput& output) const {
        return {decoder->reduceFinest(output.levels[0]), decoder->reduceSecond(output.levels[1]),
                imageEmbedding(output)};
    }
    // A picture has no past: the embedding that stands for "no memory" is added.
    at::Tensor imageEmbedding(const VisionOutput& output) const {
        return output.levels[2] + noMemory.reshape({1, -1, 1, 1});
    }
    std::shared_ptr<sam::PositionalEmbedding> positions;
    std::shared_ptr<VisionEncoderModule> vision;
    std::shared_ptr<PromptEncoder> prompt;
    std::shared_ptr<MaskDecoder> decoder;
    at::Tensor noMemory;
};

class Sam2Model : public Model, public VisionEncoder, public PromptableSegmenter {
  public:
    Sam2Model(std::shared_ptr<Sam2Module> network, const ModelFolder& folder) : network_(std::move(network)) {
        const VisionSizes& sizes = network_->vision->sizes;
        const HieraSizes& backbone = sizes.backbone;
        info_.family = "sam2";
        info_.name = folder.path.filename().string();
        info_.patchSize = backbone.stageStride(2);
        // The grid must hold whole windows of the position table and halve evenly down to the last stage.
        info_.sizeMultiple = std::lcm(backbone.patchStride * backbone.windows[0],
                                      backbone.stageStride(backbone.blocks.size() - 1));
        info_.preferredHeight = backbone.imageHeight;
        info_.preferredWidth = backbone.imageWidth;
        info_.layerCount = network_->vision->depth();
        info_.featureWidth = sizes.width;
        for (const at::Tensor& parameter : network_->parameters())
            info_.parameterCount += parameter.numel();
    }

    std::string family() const override { return "sam2"; }
    const VisionEncoder* encoder() const override { return this; }
    const PromptableSegmenter* segmenter() const override { return this; }
    torch::nn::Module* module() override { return network_.get(); }
    const EncoderInfo& info() const override { return info_; }

    // Features are the image embedding; layers are the backbone's blocks, whose maps shrink from stage to
    // stage.
    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        at::NoGradGuard noGrad;
        const VisionOutput vision = network_->vision->forward(pixels);
        EncoderOutput output;
        output.features = network_->imageEmbedding(vision);
        output.summary = output.features.mean({2, 3});
        for (const int64_t layer : request.layers)
            output.layers.push_back({vision.states[size_t(layer)].permute({0, 3, 1, 2}), {}});
        return output;
    }

    Json defaultPreprocessor() const override {
        return {{"image_processor_type", "Sam2ImageProcessor"},
                {"do_resize", true},
                {"size", {{"height", info_.preferredHeight}, {"width", info_.preferredWidth}}},
                {"resample", 2},
                {"do_rescale", true},
                {"rescale_factor", 1.0 / 255},
                {"do_normalize", true},
                {"image_mean", {0.485, 0.456, 0.406}},
                {"image_std", {0.229, 0.224, 0.225}}};
    }

    PromptKinds promptKinds() const override {
        PromptKinds kinds;
        kinds.points = true;
        return kinds;
    }

    Result<Segmentation> segment(const at::Tensor& pixels, const SegmentPrompt& prompt) const override {
        VITRINE_TRY_VOID(checkPromptedPixels(pixels, info_.name));
        VITRINE_TRY(const sam::Prompts prompts, sam::promptsFrom(prompt, info_.name, pixels.device()));
        at::NoGradGuard noGrad;
        const DecodedMasks decoded = decode(network_->imageLevels(network_->vision->forward(pixels)), prompts,
                                            1, sam::wantsAlternatives(prompt));
        return sam::segmentationFrom(decoded.masks, decoded.scores, prompt.alternatives);
    }

    Result<TensorMap> runCall(const ModelCall& call) const override {
        const auto input = [&](const char* name) {
            const auto it = call.inputs.find(name);
            return it == call.inputs.end() ? at::Tensor() : it->second;
        };
        const at::Tensor pixels = input("pixel_values");
        if (!pixels.defined())
            return fail(ErrorCode::Unsupported, "computes from pixel_values", call.id);
        VITRINE_TRY_VOID(checkPromptedPixels(pixels, call.id));
        const sam::Prompts prompts{input("input_points"), input("input_labels"), input("input_boxes"),
                                   input("input_masks")};
        VITRINE_TRY(const bool multimask,
                    jsonValueOr<bool>(call.arguments, "multimask_output", true, call.id));
        return runPrompts(pixels, prompts, multimask);
    }

  private:
    // The prompt encoder's positions are of one picture size.
    Result<void> checkPromptedPixels(const at::Tensor& pixels, const std::string& where) const {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        if (pixels.size(2) != info_.preferredHeight || pixels.size(3) != info_.preferredWidth)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("prompts need pictures of {} x {} pixels", info_.preferredHeight,
                                    info_.preferredWidth),
                        where);
        return {};
    }

    DecodedMasks decode(const std::vector<at::Tensor>& levels, const sam::Prompts& prompts, int64_t batch,
                        bool multimask) const {
        const at::Tensor positions = network_->positions->grid(levels[2].size(2), levels[2].size(3));
        return network_->decoder->forward(levels, positions, network_->prompt->sparse(prompts, batch),
                                          network_->prompt->dense(prompts, batch), multimask);
    }

    TensorMap runPrompts(const at::Tensor& pixels, const sam::Prompts& prompts, bool multimask) const {
        at::NoGradGuard noGrad;
        const VisionOutput vision = network_->vision->forward(pixels);
        const std::vector<at::Tensor> levels = network_->imageLevels(vision);
        const DecodedMasks decoded = decode(levels, prompts, pixels.size(0), multimask);
        TensorMap outputs = {{"pred_masks", decoded.masks},
                             {"iou_scores", decoded.scores},
                             {"object_score_logits", decoded.objectScores},
                             {"vision.last_hidden_state", vision.states.back()}};
        for (size_t i = 0; i < levels.size(); ++i) {
            outputs[fmt::format("image_embeddings.{}", i)] = levels[i];
            outputs[fmt::format("vision.fpn.{}", i)] = vision.levels[i];
            outputs[fmt::format("vision.fpn_pos.{}", i)] = vision.positions[i];
        }
        return outputs;
    }

    std::shared_ptr<Sam2Module> network_;
    EncoderInfo info_;
};

Result<void> checkTogether(const VisionSizes& vision, const sam::PromptSizes& prompt,
                           const DecoderSizes& decoder) {
    const HieraSizes& backbone = vision.backbone;
    if (prompt.width != vision.width || decoder.shared.width != vision.width)
        return fail(ErrorCode::InvalidFile, "image, prompt and mask decoder widths differ", "config.json");
    if (backbone.inputChannels != 3)
        return fail(ErrorCode::Unsupported, "pictures must have 3 channels", "config.json: vision_config");
    if (prompt.imageSize != backbone.imageHeight || prompt.imageSize != backbone.imageWidth ||
        prompt.patchSize != backbone.stageStride(2))
        return fail(ErrorCode::InvalidFile, "prompt_encoder_config does not fit the image encoder's sizes",
                    "config.json");
    const int64_t unit = std::lcm(backbone.patchStride * backbone.windows[0],
                                  backbone.stageStride(backbone.blocks.size() - 1));
    if (prompt.imageSize % unit)
        return fail(ErrorCode::InvalidFile, fmt::format("image_size must be a multiple of {}", unit),
                    "config.json");
    return {};
}

Result<std::unique_ptr<Model>> loadSam2(const ModelFolder& folder, const LoadOptions& options) {
    const auto part = [&](const char* name) { return folder.config.value(name, Json::object()); };
    VITRINE_TRY(const VisionSizes visionSizes, visionSizesFrom(part("vision_config")));
    VITRINE_TRY(const sam::PromptSizes promptSizes, sam::promptSizesFrom(part("prompt_encoder_config")));
    VITRINE_TRY(const DecoderSizes decoderSizes, decoderSizesFrom(part("mask_decoder_config")));
    VITRINE_TRY_VOID(checkTogether(visionSizes, promptSizes, decoderSizes));
    auto network = std::make_shared<Sam2Module>(visionSizes, promptSizes, decoderSizes);
    LoadRules rules;
    // Published files store the table of positions once for both sides.
    rules.derive = [&](const std::string& name, const TensorSource& source) -> Result<at::Tensor> {
        if (name == kPromptPositions)
            return readTensor(source, kImagePositions, options);
        return at::Tensor();
    };
    VITRINE_TRY([[maybe_unused]] const LoadReport report,
                loadWeights(*network, *folder.weights, options, rules));
    network->eval();
    return std::make_unique<Sam2Model>(network, folder);
}

}  // namespace

ModelFamily sam2Family() {
    return {"sam2", "Segment Anything 2: image encoder, prompt encoder, mask decoder (pictures)",
            [](const ModelFolder& folder) {
                return folder.weights && (folder.modelType() == "sam2" || folder.modelType() == "sam2_video");
            },
            loadSam2};
}

}  // namespace vitrine
