#include "core/models/dino/dino_model.h"

#include "core/models/dino/dino_network.h"
#include "core/models/encoder_checks.h"
#include "core/models/tower_outputs.h"
#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

namespace vitrine {
namespace {

using namespace dino;

// What stands before the names of the plain layout: "dinov2." in a classifier, "backbone.", "model." or
// nothing.
std::string storedPrefix(const TensorSource* weights) {
    constexpr std::string_view kKnown = "embeddings.cls_token";
    if (weights)
        for (const TensorInfo& info : weights->tensors())
            if (info.name.ends_with(kKnown))
                return info.name.substr(0, info.name.size() - kKnown.size());
    return "";
}

// Later DINOv3 exports keep the blocks one level deeper than the embeddings.
bool hasNestedBlocks(const TensorSource* weights, const std::string& prefix) {
    return weights && weights->find(prefix + "model.layer.0.norm1.weight");
}

class DinoModel : public Model, public VisionEncoder {
  public:
    DinoModel(const DinoConfig& config, const std::string& prefix, const std::string& name)
        : module_(std::make_shared<torch::nn::Module>("dino")), network_(*module_, prefix, config) {
        const nn::TowerOptions& tower = config.tower;
        if (config.labelCount > 0 && !config.isV3())
            classifier_ = nn::registerAt(*module_, "classifier",
                                         std::make_shared<nn::Linear>(2 * tower.width, config.labelCount));
        info_.family = "dino";
        info_.name = name;
        info_.patchSize = info_.sizeMultiple = config.patchSize.height;
        info_.preferredHeight = config.storedGrid().height * config.patchSize.height;
        info_.preferredWidth = config.storedGrid().width * config.patchSize.width;
        info_.layerCount = tower.depth;
        info_.prefixTokenCount = config.prefixCount();
        info_.classTokenCount = 1;
        info_.featureWidth = info_.summaryWidth = tower.width;
        info_.headCount = tower.headCount;
        info_.parameterCount = countParameters(*module_);
    }

    std::string family() const override { return info_.family; }
    const VisionEncoder* encoder() const override { return this; }
    torch::nn::Module* module() override { return module_.get(); }
    const EncoderInfo& info() const override { return info_; }
    void finishLoading() { network_.finishLoading(); }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        const DinoResult result = network_.forward(pixels, towerRequest(request));
        EncoderOutput output;
        output.summary = result.normed.select(1, 0);
        output.features = splitPrefix(result.normed, info_.prefixTokenCount, result.grid).features;
        addLayers(output, result.tower, request, info_.prefixTokenCount, result.grid);
        return output;
    }

    Result<TensorMap> runCall(const ModelCall& call) const override {
        const at::Tensor pixels = inputOf(call, {"pixel_values"});
        if (!pixels.defined())
            return fail(ErrorCode::Unsupported, "DINO models compute from pixel_values only",
                        "call " + call.id);
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        const DinoResult result = network_.forward(pixels, allStates(info_.layerCount));
        TensorMap outputs{{"last_hidden_state", result.normed},
                          {"pooler_output", result.normed.select(1, 0)}};
        addHiddenStates(outputs, result.tower, "");
        const auto maps = network_.featureMaps(result);
        for (size_t i = 0; i < maps.size(); ++i)
            outputs["feature_maps." + std::to_string(i)] = maps[i];
        if (classifier_) {
            const int64_t prefix = info_.prefixTokenCount;
            const at::Tensor patches = result.normed.narrow(1, prefix, result.normed.size(1) - prefix);
            outputs["logits"] =
                classifier_->forward(at::cat({result.normed.select(1, 0), patches.mean(1)}, 1));
        }
        return selectOutputs(call, outputs);
    }

  private:
    std::shared_ptr<torch::nn::Module> module_;
    DinoNetwork network_;
    std::shared_ptr<nn::Linear> classifier_;
    EncoderInfo info_;
};

Result<std::unique_ptr<DinoModel>> build(const ModelFolder& folder) {
    VITRINE_TRY(DinoConfig config, dinoConfigFrom(folder.config, "config.json"));
    const TensorSource* weights = folder.weights.get();
    if (weights) {
        // id2label stands in many configurations that have no classifier.
        const TensorInfo* classifier = weights->find("classifier.weight");
        if (!classifier)
            config.labelCount = 0;
        else if (config.labelCount == 0 && classifier->shape.size() == 2)
            config.labelCount = classifier->shape[0];
    }
    const std::string prefix = storedPrefix(weights);
    if (config.isV3() && hasNestedBlocks(weights, prefix))
        config.tower.names.blocks = "model." + config.tower.names.blocks;
    return std::make_unique<DinoModel>(config, prefix, folder.path.filename().string());
}

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(auto model, build(folder));
    VITRINE_TRY_VOID(loadWeights(*model->module(), *folder.weights, options));
    model->finishLoading();
    return model;
}

}  // namespace

Result<std::unique_ptr<Model>> createDino(const ModelFolder& folder) {
    VITRINE_TRY(auto model, build(folder));
    return model;
}

ModelFamily dinoFamily() {
    return {"dino", "DINOv2 (with or without registers) and DINOv3 vision transformers",
            [](const ModelFolder& folder) { return isDinoType(folder.modelType()); }, load};
}

}  // namespace vitrine
