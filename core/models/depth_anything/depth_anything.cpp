#include "core/models/depth_anything/depth_anything.h"

#include "core/models/depth_anything/depth_network.h"
#include "core/models/encoder_checks.h"
#include "core/models/tower_outputs.h"

namespace vitrine {
namespace {

using namespace depth;

class DepthAnythingModel : public Model, public VisionEncoder, public DepthEstimator {
  public:
    DepthAnythingModel(const DepthConfig& config, const std::string& name)
        : module_(std::make_shared<torch::nn::Module>("depth_anything")), network_(*module_, config) {
        const dino::DinoConfig& backbone = config.backbone;
        info_.family = "depth_anything";
        info_.name = name;
        info_.patchSize = info_.sizeMultiple = backbone.patchSize.height;
        info_.preferredHeight = backbone.storedGrid().height * info_.patchSize;
        info_.preferredWidth = backbone.storedGrid().width * info_.patchSize;
        info_.layerCount = backbone.tower.depth;
        info_.prefixTokenCount = backbone.prefixCount();
        info_.classTokenCount = 1;
        info_.featureWidth = info_.summaryWidth = backbone.tower.width;
        info_.headCount = backbone.tower.headCount;
        info_.parameterCount = countParameters(*module_);
    }

    std::string family() const override { return info_.family; }
    const VisionEncoder* encoder() const override { return this; }
    const DepthEstimator* depthEstimator() const override { return this; }
    torch::nn::Module* module() override { return module_.get(); }
    const EncoderInfo& info() const override { return info_; }
    void finishLoading() { network_.finishLoading(); }
    bool isMetric() const override { return network_.config().metric; }
    double maxDepth() const override { return network_.config().maxDepth; }

    Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        VITRINE_TRY_VOID(checkRequest(info_, request));
        const dino::DinoResult result = network_.backbone().forward(pixels, towerRequest(request));
        EncoderOutput output;
        output.summary = result.normed.select(1, 0);
        output.features = splitPrefix(result.normed, info_.prefixTokenCount, result.grid).features;
        addLayers(output, result.tower, request, info_.prefixTokenCount, result.grid);
        return output;
    }

    Result<at::Tensor> depth(const at::Tensor& pixels) const override {
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        const dino::DinoResult result = network_.backbone().forward(pixels, backboneRequest());
        return network_.depth(network_.backbone().featureMaps(result), result.grid);
    }

    Result<TensorMap> runCall(const ModelCall& call) const override {
        const at::Tensor pixels = inputOf(call, {"pixel_values"});
        if (!pixels.defined())
            return fail(ErrorCode::Unsupported, "depth is computed from pixel_values only",
                        "call " + call.id);
        VITRINE_TRY_VOID(checkPixels(info_, pixels));
        const dino::DinoResult result = network_.backbone().forward(pixels, backboneRequest());
        const auto maps = network_.backbone().featureMaps(result);
        TensorMap outputs{{"predicted_depth", network_.depth(maps, result.grid)}};
        for (size_t i = 0; i < maps.size(); ++i)
            outputs["backbone.feature_maps." + std::to_string(i)] = maps[i];
        return selectOutputs(call, outputs);
    }

  private:
    nn::TowerRequest backboneRequest() const {
        const auto& indices = network_.config().backbone.outIndices;
        nn::TowerRequest request;
        request.states.insert(indices.begin(), indices.end());
        return request;
    }

    std::shared_ptr<torch::nn::Module> module_;
    DepthNetwork network_;
    EncoderInfo info_;
};

Result<std::unique_ptr<DepthAnythingModel>> build(const ModelFolder& folder) {
    VITRINE_TRY(const DepthConfig config, depthConfigFrom(folder.config));
    return std::make_unique<DepthAnythingModel>(config, folder.path.filename().string());
}

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(auto model, build(folder));
    VITRINE_TRY_VOID(loadWeights(*model->module(), *folder.weights, options));
    model->finishLoading();
    return model;
}

}  // namespace

Result<std::unique_ptr<Model>> createDepthAnything(const ModelFolder& folder) {
    VITRINE_TRY(auto model, build(folder));
    return model;
}

ModelFamily depthAnythingFamily() {
    return {"depth_anything", "Depth-Anything V1 and V2 depth estimation, relative and metric",
            [](const ModelFolder& folder) { return folder.modelType() == "depth_anything"; }, load};
}

}  // namespace vitrine
