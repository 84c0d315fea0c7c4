#include "core/models/radio/eradio_model.h"
#include "core/nn/functional.h"
#include "core/nn/recompute.h"

#include <algorithm>

namespace vitrine {
namespace {

using eradio::AttentionBlock;
using eradio::ConvBlock;
using eradio::ConvNorm;
using eradio::SplitConvolutions;

constexpr double kEpsilon = 1e-5;

// (B, C, H, W) -> (B, C·f², H/f, W/f): each channel's f² quarters of the map, not neighbouring pixels.
at::Tensor unshuffle(const at::Tensor& x, int64_t f) {
    const int64_t batch = x.size(0), channels = x.size(1), height = x.size(2) / f, width = x.size(3) / f;
    return x.reshape({batch, channels, f, height, f, width})
        .permute({0, 1, 2, 4, 3, 5})
        .reshape({batch, channels * f * f, height, width});
}

nn::ConvOptions strided(int64_t kernel, int64_t stride) {
    return {.kernelHeight = kernel,
            .kernelWidth = kernel,
            .stride = stride,
            .padding = kernel / 2,
            .bias = false};
}

std::shared_ptr<torch::nn::Module> group(torch::nn::Module& parent, const std::string& name) {
    return parent.register_module(name, std::make_shared<torch::nn::Module>());
}

class Conditioner : public torch::nn::Module {
  public:
    Conditioner(const std::vector<double>& meanValues, const std::vector<double>& stdValues) {
        mean = register_buffer("norm_mean", at::tensor(meanValues, at::kFloat).view({-1, 1, 1}));
        std = register_buffer("norm_std", at::tensor(stdValues, at::kFloat).view({-1, 1, 1}));
    }
    at::Tensor mean, std;
};

struct Level {
    std::shared_ptr<SplitConvolutions> split;
    std::vector<std::shared_ptr<ConvBlock>> convolutions;
    std::vector<std::vector<std::shared_ptr<AttentionBlock>>> attention;
    std::shared_ptr<ConvNorm> down;
    bool singleWindowing = false;  // the whole level works in one kind of window
};

// Depthwise 3x3, normalisation, 1x1; preceded by nearest upsampling.
struct NeckStage {
    int64_t upsample = 1;
    std::shared_ptr<nn::Conv2d> depthwise, pointwise;
    std::shared_ptr<nn::TrainableBatchNorm> norm;

    at::Tensor forward(const at::Tensor& x) const {
        if (!depthwise)
            return x;
        const at::Tensor larger = nn::resizeMap(x, x.size(2) * upsample, x.size(3) * upsample, "nearest");
        return pointwise->forward(norm->forward(depthwise->forward(larger)));
    }
};

}  // namespace

struct EradioModule::Parts {
    std::shared_ptr<Conditioner> conditioner;
    std::vector<std::shared_ptr<ConvNorm>> stem;
    std::vector<Level> levels;
    std::vector<NeckStage> neck;
    std::shared_ptr<nn::TrainableBatchNorm> norm;
    std::shared_ptr<nn::LayerNorm2d> layerNorm;
    std::map<std::string, std::shared_ptr<Adaptor>> adaptors;

    void buildStem(const EradioConfig& config, torch::nn::Module& trunk) {
        const auto list = group(*group(trunk, "patch_embed"), "conv_down");
        if (config.stemShuffle) {
            stem.push_back(list->register_module(
                "0", std::make_shared<ConvNorm>(config.channels * 16, config.width, strided(3, 1))));
            return;
        }
        stem.push_back(list->register_module(
            "0", std::make_shared<ConvNorm>(config.channels, config.stemWidth, strided(3, 2))));
        stem.push_back(list->register_module(
            "2", std::make_shared<ConvNorm>(config.stemWidth, config.width, strided(3, 2))));
    }

    void buildLevel(const EradioConfig& config, const EradioLevelConfig& sizes, torch::nn::Module& module) {
        Level level;
        if (!sizes.attention && sizes.splitConvolutions) {
            level.split = module.register_module(
                "blocks", std::make_shared<SplitConvolutions>(sizes.width, sizes.depth));
        } else {
            const auto list = group(module, "blocks");
            for (int64_t i = 0; i < sizes.depth; ++i) {
                if (!sizes.attention) {
                    level.convolutions.push_back(list->register_module(
                        std::to_string(i),
                        std::make_shared<ConvBlock>(sizes.width, config.convolutionLayerScale)));
                    continue;
                }
                const auto inner = group(*group(*list, std::to_string(i)), "attention_blocks");
                auto& blocks = level.attention.emplace_back();
                for (size_t j = 0; j < sizes.ratios.size(); ++j)
                    blocks.push_back(inner->register_module(
                        std::to_string(j), std::make_shared<AttentionBlock>(config, sizes, j)));
            }
        }
        const auto isOne = [](int64_t ratio) { return ratio == 1; };
        level.singleWindowing =
            config.groupsRatio == -1 && std::all_of(sizes.ratios.begin(), sizes.ratios.end(), isOne) &&
            std::adjacent_find(sizes.windows.begin(), sizes.windows.end(), std::not_equal_to<>()) ==
                sizes.windows.end();
        if (sizes.downsample) {
            const bool shuffle = config.downsampleShuffle;
            level.down = group(module, "downsample")
                             ->register_module("reduction",
                                               std::make_shared<ConvNorm>(
                                                   shuffle ? 4 * sizes.width : sizes.width, 2 * sizes.width,
                                                   shuffle ? strided(1, 1) : strided(3, 2)));
        }
        levels.push_back(std::move(level));
    }

    void buildNeck(const EradioConfig& config, torch::nn::Module& trunk) {
        const auto list = group(*group(trunk, "high_res_neck"), "neck_features_proj");
        int64_t upsample = 1;
        for (size_t i = 0; i < config.levels.size(); ++i) {
            if (int64_t(i) < config.neckStart)
                continue;
            const int64_t width = config.levels[i].width;
            const auto stage = group(*list, std::to_string(neck.size()));
            NeckStage parts;
            parts.upsample = upsample;
            if (upsample > 1 || config.neckWidth != width) {
                nn::ConvOptions depthwise = strided(3, 1);
                depthwise.groups = width;
                depthwise.bias = true;
                parts.depthwise =
                    stage->register_module("conv1", std::make_shared<nn::Conv2d>(width, width, depthwise));
                parts.norm =
                    stage->register_module("norm", std::make_shared<nn::TrainableBatchNorm>(width, kEpsilon));
                parts.pointwise = stage->register_module(
                    "conv2", std::make_shared<nn::Conv2d>(width, config.neckWidth, nn::ConvOptions{}));
            }
            neck.push_back(std::move(parts));
            if (i > 0 && config.levels[i].downsample)
                upsample *= 2;
        }
    }

    at::Tensor embed(const EradioConfig& config, const at::Tensor& pixels) const {
        at::Tensor x =
            pixels.to(at::kFloat).sub(conditioner->mean.to(at::kFloat)).div(conditioner->std.to(at::kFloat));
        x = x.to(conditioner->mean.scalar_type());
        if (config.stemShuffle)
            x = unshuffle(x, 4);
        for (const auto& layer : stem)
            x = at::relu(layer->forward(x));
        return x;
    }
};

EradioModule::EradioModule(const EradioConfig& config) : config_(config), parts_(std::make_unique<Parts>()) {
    const auto body = group(*this, "radio_model");
    parts_->conditioner =
        body->register_module("input_conditioner", std::make_shared<Conditioner>(config.mean, config.std));
    const auto trunk = group(*body, "model");
    parts_->buildStem(config_, *trunk);
    const auto levels = group(*trunk, "levels");
    for (size_t i = 0; i < config_.levels.size(); ++i)
        parts_->buildLevel(config_, config_.levels[i], *group(*levels, std::to_string(i)));
    if (config_.neck)
        parts_->buildNeck(config_, *trunk);
    const int64_t last = config_.levels.back().width;
    if (config_.lastLayerNorm)
        parts_->layerNorm = trunk->register_module("norm", std::make_shared<nn::LayerNorm2d>(last, 1e-6));
    else
        parts_->norm =
            trunk->register_module("norm", std::make_shared<nn::TrainableBatchNorm>(last, kEpsilon));
    if (config_.adaptors.empty())
        return;
    const auto adaptors = group(*body, "adaptors");
    for (const RadioAdaptorConfig& entry : config_.adaptors)
        parts_->adaptors[entry.name] =
            adaptors->register_module(entry.name, std::make_shared<Adaptor>(entry));
}

EradioModule::~EradioModule() = default;

const Adaptor* EradioModule::adaptor(const std::string& name) const {
    const auto it = parts_->adaptors.find(name);
    return it == parts_->adaptors.end() ? nullptr : it->second.get();
}

EradioModule::Maps EradioModule::forward(const at::Tensor& pixels, int64_t windowSize, bool recompute) const {
    const auto pass = [recompute](const auto& block, const at::Tensor& x, auto... more) {
        const auto step = [block, more...](const at::Tensor& input) {
            return block->forward(input, more...);
        };
        return recompute ? nn::recomputed(step, x) : step(x);
    };
    Maps maps;
    at::Tensor x = parts_->embed(config_, pixels);
    maps.levels.push_back(x);
    for (size_t i = 0; i < config_.levels.size(); ++i) {
        const Level& level = parts_->levels[i];
        const EradioLevelConfig& sizes = config_.levels[i];
        const int64_t height = x.size(2), width = x.size(3);
        if (sizes.attention) {
            // Maps that do not divide into windows are enlarged for the level, and brought back after it.
            const int64_t step = *std::max_element(sizes.ratios.begin(), sizes.ratios.end()) *
                                 (windowSize > 0 ? windowSize : sizes.windows[0]);
            x = nn::resizeMap(x, (height + step - 1) / step * step, (width + step - 1) / step * step,
                              "nearest");
        }
        if (level.split)
            x = pass(level.split, x);
        for (const auto& block : level.convolutions)
            x = pass(block, x);
        for (const auto& layer : level.attention)
            for (const auto& block : layer)
                x = pass(block, x, windowSize);
        if (sizes.attention && !level.singleWindowing)
            x = nn::resizeMap(x, height, width, "nearest");
        const int64_t stage = int64_t(i) - config_.neckStart;
        if (config_.neck && stage >= 0 && stage < int64_t(parts_->neck.size())) {
            at::Tensor part = parts_->neck[size_t(stage)].forward(x);
            if (maps.features.defined()) {
                part = at::constant_pad_nd(
                    part, {0, maps.features.size(3) - part.size(3), 0, maps.features.size(2) - part.size(2)});
                part = maps.features + part;
            }
            maps.features = part;
        }
        if (level.down)
            x = level.down->forward(config_.downsampleShuffle ? unshuffle(x, 2) : x);
        maps.levels.push_back(x);
    }
    // The last norm belongs to the unprojected map only.
    if (!maps.features.defined())
        maps.features = parts_->norm ? parts_->norm->forward(x) : parts_->layerNorm->forward(x);
    return maps;
}

}  // namespace vitrine
