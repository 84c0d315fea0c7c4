#include "core/models/depth_anything/depth_network.h"

#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

#include <algorithm>

namespace vitrine::depth {
namespace {

std::shared_ptr<nn::Conv2d> conv(int64_t in, int64_t out, int64_t kernel, bool bias = true,
                                 int64_t stride = 1) {
    nn::ConvOptions options;
    options.kernelHeight = options.kernelWidth = kernel;
    options.padding = kernel / 2;
    options.stride = stride;
    options.bias = bias;
    return std::make_shared<nn::Conv2d>(in, out, options);
}

at::Tensor resized(const at::Tensor& map, int64_t height, int64_t width, bool alignCorners) {
    return nn::resizeMap(map, height, width, "bilinear", false, alignCorners);
}

// x + conv2(relu(conv1(relu(x)))).
class ResidualLayer : public torch::nn::Module {
  public:
    explicit ResidualLayer(int64_t width) {
        first_ = register_module("convolution1", conv(width, width, 3));
        second_ = register_module("convolution2", conv(width, width, 3));
    }
    at::Tensor forward(const at::Tensor& x) const {
        return x + second_->forward(at::relu(first_->forward(at::relu(x))));
    }

  private:
    std::shared_ptr<nn::Conv2d> first_, second_;
};

}  // namespace

// Projects a map to its neck width and scales it by the factor.
class ReassembleLayer : public torch::nn::Module {
  public:
    ReassembleLayer(int64_t in, int64_t out, double factor) {
        projection_ = register_module("projection", conv(in, out, 1));
        if (factor > 1) {
            nn::ConvOptions options;
            options.kernelHeight = options.kernelWidth = options.stride = int64_t(factor);
            enlarge_ = register_module("resize", std::make_shared<nn::ConvTranspose2d>(out, out, options));
        } else if (factor < 1) {
            shrink_ = register_module("resize", conv(out, out, 3, true, int64_t(1 / factor)));
        }
    }
    at::Tensor forward(const at::Tensor& map) const {
        const at::Tensor projected = projection_->forward(map);
        return enlarge_ ? enlarge_->forward(projected) : shrink_ ? shrink_->forward(projected) : projected;
    }

  private:
    std::shared_ptr<nn::Conv2d> projection_, shrink_;
    std::shared_ptr<nn::ConvTranspose2d> enlarge_;
};

// Adds the finer map to what was fused so far and enlarges the sum.
class FusionLayer : public torch::nn::Module {
  public:
    explicit FusionLayer(int64_t width) {
        projection_ = register_module("projection", conv(width, width, 1));
        residual1_ = register_module("residual_layer1", std::make_shared<ResidualLayer>(width));
        residual2_ = register_module("residual_layer2", std::make_shared<ResidualLayer>(width));
    }
    // `finer` may be undefined; `next`: the map that comes after, whose size the result takes; undefined:
    // twice the own size.
    at::Tensor forward(at::Tensor x, const at::Tensor& finer, const at::Tensor& next) const {
        if (finer.defined())
            x = x + residual1_->forward(resized(finer, x.size(2), x.size(3), false));
        x = residual2_->forward(x);
        const int64_t height = next.defined() ? next.size(2) : 2 * x.size(2);
        const int64_t width = next.defined() ? next.size(3) : 2 * x.size(3);
        return projection_->forward(resized(x, height, width, true));
    }

  private:
    std::shared_ptr<nn::Conv2d> projection_;
    std::shared_ptr<ResidualLayer> residual1_, residual2_;
};

DepthNetwork::DepthNetwork(torch::nn::Module& root, const DepthConfig& config)
    : config_(config), backbone_(root, "backbone.", config.backbone) {
    for (size_t i = 0; i < config.neckWidths.size(); ++i) {
        const std::string index = std::to_string(i);
        reassemble_.push_back(
            nn::registerAt(root, "neck.reassemble_stage.layers." + index,
                           std::make_shared<ReassembleLayer>(config.reassembleWidth, config.neckWidths[i],
                                                             config.reassembleFactors[i])));
        convs_.push_back(nn::registerAt(root, "neck.convs." + index,
                                        conv(config.neckWidths[i], config.fusionWidth, 3, false)));
        fusion_.push_back(nn::registerAt(root, "neck.fusion_stage.layers." + index,
                                         std::make_shared<FusionLayer>(config.fusionWidth)));
    }
    const int64_t half = config.fusionWidth / 2;
    head1_ = nn::registerAt(root, "head.conv1", conv(config.fusionWidth, half, 3));
    head2_ = nn::registerAt(root, "head.conv2", conv(half, config.headWidth, 3));
    head3_ = nn::registerAt(root, "head.conv3", conv(config.headWidth, 1, 1));
}

DepthNetwork::~DepthNetwork() = default;

// Coarsest map first.
std::vector<at::Tensor> DepthNetwork::fused(std::vector<at::Tensor> maps) const {
    std::reverse(maps.begin(), maps.end());
    std::vector<at::Tensor> results;
    for (size_t i = 0; i < maps.size(); ++i) {
        const at::Tensor next = i + 1 < maps.size() ? maps[i + 1] : at::Tensor();
        results.push_back(results.empty() ? fusion_[i]->forward(maps[i], {}, next)
                                          : fusion_[i]->forward(results.back(), maps[i], next));
    }
    return results;
}

at::Tensor DepthNetwork::depth(const std::vector<at::Tensor>& maps, nn::GridSize grid) const {
    std::vector<at::Tensor> scaled;
    for (size_t i = 0; i < maps.size(); ++i) {
        // Token rows come with the class token in front, reshaped maps without.
        const at::Tensor map =
            maps[i].dim() == 4
                ? maps[i]
                : nn::mapFromTokens(maps[i].narrow(1, config_.backbone.prefixCount(),
                                                   maps[i].size(1) - config_.backbone.prefixCount()),
                                    grid.height, grid.width);
        scaled.push_back(convs_[i]->forward(reassemble_[i]->forward(map)));
    }
    const auto results = fused(std::move(scaled));
    const auto index =
        config_.headInput < 0 ? int64_t(results.size()) + config_.headInput : config_.headInput;
    at::Tensor x = head1_->forward(results[size_t(index)]);
    x = resized(x, grid.height * config_.patchSize, grid.width * config_.patchSize, true);
    x = head3_->forward(at::relu(head2_->forward(x)));
    return (config_.metric ? at::sigmoid(x) : at::relu(x)).squeeze(1) * config_.maxDepth;
}

}  // namespace vitrine::depth
