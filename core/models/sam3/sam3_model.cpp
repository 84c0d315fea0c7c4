#include "core/models/sam3/sam3_model.h"

#include "core/models/encoder_checks.h"
#include "core/models/sam3/sam3_network.h"
#include "core/models/tower_outputs.h"

namespace vitrine {
namespace {

using namespace sam3;

// In files that hold the tracker of videos too, the picture model stands under this name.
constexpr const char* kDetectorPrefix = "detector_model.";

class Sam3Model : public Model, public VisionEncoder, public PromptableSegmenter {
  public:
    Sam3Model(std::shared_ptr<Sam3Module> network, const ModelFolder& folder) : network_(std::move(network)) {
        const VisionSizes& sizes = network_->vision->sizes;
        info_.family = "sam3";
        info_.name = folder.path.filename().string();
        info_.patchSize = info_.sizeMultiple = sizes.patchSize;
        info_.preferredHeight = info_.preferredWidth = sizes.imageSize;
        info_.fixedSize = true;  // the rotations of global blocks are of one size
        info_.layerCount = sizes.depth;
        info_.featureWidth = sizes.pyramidWidth;
        for (const at::Tensor& parameter : network_->parameters())
            info_.parameterCount += parameter.numel();
    }

    std::string family() const override { return "sam3"; }
    const VisionEncoder* encoder() const override { return this; }
    const PromptableSegmenter* segmenter() const override { return this; }
    torch::nn::Module* module() override { return network_.get(); }
    const EncoderInfo& info() const override { return info_; }

    // Features are the pyramid's level of the ViT's own stride.
    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        at::NoGradGuard noGrad;
        const VisionOutput vision = network_->vision->forward(pixels);
        EncoderOutput output;
        output.features = vision.levels[network_->vision->embeddingLevel()];
        output.summary = output.features.mean({2, 3});
        for (const int64_t layer : request.layers)
            output.layers.push_back({vision.states[size_t(layer)].permute({0, 3, 1, 2}), {}});
        return output;
    }

    Json defaultPreprocessor() const override {
        return {{"image_processor_type", "Sam3ImageProcessor"},
                {"do_resize", true},
                {"size", {{"height", info_.preferredHeight}, {"width", info_.preferredWidth}}},
                {"resample", 2},
                {"do_rescale", true},
                {"rescale_factor", 1.0 / 255},
                {"do_normalize", true},
                {"image_mean", {0.5, 0.5, 0.5}},
                {"image_std", {0.5, 0.5, 0.5}}};
    }

    PromptKinds promptKinds() const override {
        const clip::TextConfig& text = network_->text->config();
        return {.points = false,
                .text = true,
                .textLength = text.contextLength,
                .vocabulary = text.vocabulary,
                .textForExamples = "visual"};
    }

    Result<Segmentation> segment(const at::Tensor& pixels, const SegmentPrompt& prompt) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY(const DetectionPrompt asked, detectionPrompt(prompt, pixels.device()));
        at::NoGradGuard noGrad;
        const Detections found = network_->detect(network_->vision->forward(pixels), asked);
        const at::Tensor presence = found.presence[0].to(at::kFloat).sigmoid();
        const at::Tensor scores = found.logits[0].to(at::kFloat).sigmoid() * presence;
        const at::Tensor order = scores.argsort(0, true);
        const double side = double(info_.preferredHeight);
        Segmentation result;
        result.scores = scores.index_select(0, order);
        result.boxes = found.boxes[0].index_select(0, order).clamp(0, 1) * side;
        // The reference resizes probabilities, not logits, and draws the outline at one half.
        result.masks = found.masks.objects[0].index_select(0, order).to(at::kFloat).sigmoid() - 0.5;
        result.presence = presence.item<double>();
        return result;
    }

    // Detector outputs where the call has a text; outputs of the image encoder always.
    Result<TensorMap> runCall(const ModelCall& call) const override {
        const at::Tensor pixels = inputOf(call, {"pixel_values"});
        if (!pixels.defined())
            return fail(ErrorCode::Unsupported, "computes from pixel_values", call.id);
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        at::NoGradGuard noGrad;
        const VisionOutput vision = network_->vision->forward(pixels);
        TensorMap outputs = {{"vision.last_hidden_state", vision.states.back().flatten(1, 2)}};
        for (size_t i = 0; i < vision.states.size(); ++i)
            outputs[fmt::format("vision.hidden_states.{}", i)] = vision.states[i];
        for (size_t i = 0; i < vision.levels.size(); ++i) {
            outputs[fmt::format("vision.fpn.{}", i)] = vision.levels[i];
            outputs[fmt::format("vision.fpn_pos.{}", i)] = vision.positions[i];
        }
        DetectionPrompt prompt{inputOf(call, {"input_ids"}), inputOf(call, {"attention_mask"}),
                               inputOf(call, {"input_boxes"}), inputOf(call, {"input_boxes_labels"})};
        if (!prompt.ids.defined())
            return outputs;
        VITRINE_TRY_VOID(checkIds(prompt.ids, prompt.mask));
        if (prompt.boxes.defined() && !prompt.labels.defined())
            prompt.labels = at::ones(prompt.boxes.sizes().slice(0, 2), prompt.ids.options());
        const Detections found = network_->detect(vision, prompt);
        outputs["pred_masks"] = found.masks.objects;
        outputs["semantic_seg"] = found.masks.semantic;
        outputs["pred_boxes"] = found.boxes;
        outputs["pred_logits"] = found.logits;
        outputs["presence_logits"] = found.presence;
        return outputs;
    }

  private:
    Result<void> checkIds(const at::Tensor& ids, const at::Tensor& mask) const {
        const clip::TextConfig& text = network_->text->config();
        return checkTokenIds(ids, mask, text.contextLength, text.vocabulary);
    }

    // Example boxes become shares of the picture, given by centre and size.
    Result<DetectionPrompt> detectionPrompt(const SegmentPrompt& prompt, at::Device device) const {
        if (prompt.points.defined())
            return fail(ErrorCode::Unsupported, "this model takes no points", info_.name,
                        "Give a text or example boxes; points are for SAM and SAM 2");
        if (!prompt.tokenIds.defined())
            return fail(ErrorCode::InvalidArgument, "nothing says what to segment", info_.name,
                        "Give a text or an example box");
        VITRINE_TRY_VOID(checkIds(prompt.tokenIds, prompt.tokenMask));
        DetectionPrompt asked;
        asked.ids = prompt.tokenIds.to(device);
        if (prompt.tokenMask.defined())
            asked.mask = prompt.tokenMask.to(device);
        if (!prompt.boxes.defined())
            return asked;
        if (prompt.boxes.dim() != 2 || prompt.boxes.size(1) != 4 ||
            (prompt.boxLabels.defined() && prompt.boxLabels.numel() != prompt.boxes.size(0)))
            return fail(ErrorCode::InvalidArgument, "expected boxes of shape [any, 4] and a label for each",
                        info_.name);
        const at::Tensor corners =
            (prompt.boxes.to(device, at::kFloat) / double(info_.preferredHeight)).unsqueeze(0);
        const at::Tensor low = corners.narrow(-1, 0, 2), high = corners.narrow(-1, 2, 2);
        asked.boxes = at::cat({(low + high) / 2, high - low}, -1);
        asked.labels = prompt.boxLabels.defined()
                           ? prompt.boxLabels.to(device, at::kLong).view({1, -1})
                           : at::ones({1, corners.size(1)}, asked.ids.options().dtype(at::kLong));
        return asked;
    }

    std::shared_ptr<Sam3Module> network_;
    EncoderInfo info_;
};

// The picture model's part of a configuration that describes the tracker of videos too.
const Json& detectorConfig(const Json& config) {
    const bool nested = config.contains("detector_config") && config["detector_config"].is_object();
    return nested ? config["detector_config"] : config;
}

Result<std::unique_ptr<Model>> loadSam3(const ModelFolder& folder, const LoadOptions& options) {
    const Json& config = detectorConfig(folder.config);
    VITRINE_TRY(const VisionSizes vision, visionSizesFrom(config.value("vision_config", Json::object())));
    const int64_t levelCount = int64_t(vision.scales.size()) - 1;
    if (levelCount < 1 || vision.scales[size_t(levelCount) - 1] != 1)
        return fail(ErrorCode::Unsupported, "the last but one of scale_factors must be 1",
                    "config.json: vision_config");
    VITRINE_TRY(const clip::ClipConfig text, textConfigFrom(config));
    VITRINE_TRY(const DetectorSizes detector, detectorSizesFrom(config, vision.pyramidWidth, levelCount));
    auto network = std::make_shared<Sam3Module>(vision, text, detector);
    LoadRules rules;
    if (folder.weights->find(std::string(kDetectorPrefix) + "text_projection.weight"))
        rules.storedName = [](const std::string& name) { return kDetectorPrefix + name; };
    VITRINE_TRY([[maybe_unused]] const LoadReport report,
                loadWeights(*network, *folder.weights, options, rules));
    network->finishLoading();
    network->eval();
    return std::make_unique<Sam3Model>(network, folder);
}

bool isSam3(const ModelFolder& folder) {
    const std::string type = folder.modelType();
    return folder.weights &&
           (type == "sam3" || (type == "sam3_video" && folder.config.contains("detector_config")));
}

}  // namespace

ModelFamily sam3Family() {
    return {"sam3", "Segment Anything 3 (pictures): image encoder, text and example-box detector, mask head",
            isSam3, loadSam3};
}

}  // namespace vitrine
