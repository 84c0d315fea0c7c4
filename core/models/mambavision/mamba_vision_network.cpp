#include "core/models/mambavision/mamba_vision_network.h"

#include "core/models/sam/windows.h"
#include "core/nn/module_tree.h"
#include "core/nn/recompute.h"

namespace vitrine::mambavision {
namespace {

constexpr double kStemEpsilon = 1e-4, kEpsilon = 1e-5;

std::shared_ptr<nn::Conv2d> strided(int64_t in, int64_t out) {
    return std::make_shared<nn::Conv2d>(
        in, out,
        nn::ConvOptions{.kernelHeight = 3, .kernelWidth = 3, .stride = 2, .padding = 1, .bias = false});
}

}  // namespace

MambaVisionNetwork::MambaVisionNetwork(const MambaVisionConfig& config)
    : torch::nn::Module("mambavision"), config_(config) {
    buildStem();
    const auto list = register_module("levels", std::make_shared<torch::nn::Module>());
    for (size_t index = 0; index < kLevels; ++index)
        buildLevel(index,
                   *list->register_module(std::to_string(index), std::make_shared<torch::nn::Module>()));
    const int64_t last = config_.widthOf(kLevels - 1);
    norm_ = register_module("norm", std::make_shared<nn::TrainableBatchNorm>(last, kEpsilon));
    if (config_.classCount > 0)
        head_ = register_module("head", std::make_shared<nn::Linear>(last, config_.classCount));
    for (const RadioAdaptorConfig& entry : config_.adaptors)
        adaptors_[entry.name] =
            nn::registerAt(*this, "adaptors." + entry.name, std::make_shared<Adaptor>(entry));
}

const Adaptor* MambaVisionNetwork::adaptor(const std::string& name) const {
    const auto it = adaptors_.find(name);
    return it == adaptors_.end() ? nullptr : it->second.get();
}

void MambaVisionNetwork::buildStem() {
    const auto add = [&](int index, auto layer) {
        return nn::registerAt(*this, "patch_embed.conv_down." + std::to_string(index), layer);
    };
    stemConv0_ = add(0, strided(3, config_.stemWidth));
    stemNorm0_ = add(1, std::make_shared<nn::TrainableBatchNorm>(config_.stemWidth, kStemEpsilon));
    stemConv1_ = add(3, strided(config_.stemWidth, config_.width));
    stemNorm1_ = add(4, std::make_shared<nn::TrainableBatchNorm>(config_.width, kStemEpsilon));
}

void MambaVisionNetwork::buildLevel(size_t index, torch::nn::Module& module) {
    Level& level = levels_[index];
    const int64_t width = config_.widthOf(index);
    const auto blocks = module.register_module("blocks", std::make_shared<torch::nn::Module>());
    for (int64_t k = 0; k < config_.depths[index]; ++k) {
        const std::string name = std::to_string(k);
        if (index < kFirstTokenLevel) {
            level.convolutions.push_back(
                blocks->register_module(name, std::make_shared<ConvBlock>(width, config_.convLayerScale)));
            continue;
        }
        const TokenBlockOptions options{width, config_.headCounts[index], k >= config_.mixerCount(index),
                                        config_.mlpRatio, config_.layerScale};
        level.tokens.push_back(blocks->register_module(name, std::make_shared<TokenBlock>(options)));
    }
    if (index + 1 < kLevels)
        level.down = nn::registerAt(module, "downsample.reduction.0", strided(width, 2 * width));
}

at::Tensor MambaVisionNetwork::throughTokens(const Level& level, const at::Tensor& map, int64_t window,
                                             std::pair<at::Tensor, at::Tensor>* firstMixer,
                                             bool recompute) const {
    at::Tensor x = sam::splitIntoWindows(map.permute({0, 2, 3, 1}), window);
    const auto shape = x.sizes().vec();
    x = x.reshape({shape[0], window * window, shape[3]});
    for (const auto& block : level.tokens) {
        x = recompute ? nn::recomputed([block](const at::Tensor& input) { return block->forward(input); }, x)
                      : block->forward(x, nullptr, firstMixer);
        firstMixer = nullptr;
    }
    return sam::joinWindows(x.reshape(shape), window, map.size(2), map.size(3)).permute({0, 3, 1, 2});
}

MambaVisionMaps MambaVisionNetwork::forward(const at::Tensor& pixels,
                                            const std::optional<TokenWindows>& windows,
                                            bool recompute) const {
    MambaVisionMaps maps;
    at::Tensor x = at::relu(stemNorm0_->forward(stemConv0_->forward(pixels)));
    x = at::relu(stemNorm1_->forward(stemConv1_->forward(x)));
    maps.stem = x;
    for (size_t index = 0; index < kLevels; ++index) {
        const Level& level = levels_[index];
        for (const auto& block : level.convolutions)
            x = recompute
                    ? nn::recomputed([block](const at::Tensor& input) { return block->forward(input); }, x)
                    : block->forward(x);
        if (!level.tokens.empty())
            x = throughTokens(level, x,
                              windows ? (*windows)[index - kFirstTokenLevel] : config_.windows[index],
                              index == kFirstTokenLevel ? &maps.firstMixer : nullptr, recompute);
        maps.stages[index] = x;
        if (level.down)
            x = level.down->forward(x);
        maps.levels[index] = x;
    }
    maps.features = norm_->forward(x);
    return maps;
}

}  // namespace vitrine::mambavision
