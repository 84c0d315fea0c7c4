#include "core/models/radio/convolutional_module.h"

#include "core/nn/functional.h"

namespace vitrine {
namespace {

constexpr double kNeckEpsilon = 1e-6;
constexpr int64_t kNeckExpansion = 2;

class Conditioner : public torch::nn::Module {
  public:
    Conditioner(const std::vector<double>& meanValues, const std::vector<double>& stdValues) {
        mean = register_buffer("norm_mean", at::tensor(meanValues, at::kFloat).view({-1, 1, 1}));
        std = register_buffer("norm_std", at::tensor(stdValues, at::kFloat).view({-1, 1, 1}));
    }
    at::Tensor mean, std;
};

// One map of the trunk on the neck's grid, in the neck's width.
class Lateral : public torch::nn::Module {
  public:
    Lateral(int64_t in, int64_t out, int64_t stride, int64_t cell) : stride_(stride), cell_(cell) {
        norm_ = register_module("norm", std::make_shared<nn::LayerNorm2d>(in, kNeckEpsilon));
        conv_ = register_module("conv", std::make_shared<nn::Conv2d>(in, out, nn::ConvOptions{}));
    }
    at::Tensor forward(const at::Tensor& map, int64_t height, int64_t width) const {
        at::Tensor x = norm_->forward(map);
        if (stride_ < cell_)
            x = at::avg_pool2d(x, {cell_ / stride_, cell_ / stride_});
        x = conv_->forward(x);
        return stride_ > cell_ ? nn::resizeMap(x, height, width, "bilinear") : x;
    }

  private:
    int64_t stride_, cell_;
    std::shared_ptr<nn::LayerNorm2d> norm_;
    std::shared_ptr<nn::Conv2d> conv_;
};

class NeckBlock : public torch::nn::Module {
  public:
    explicit NeckBlock(int64_t width) {
        nn::ConvOptions options{.kernelHeight = 3, .kernelWidth = 3, .padding = 1, .groups = width};
        depthwise_ = register_module("depthwise", std::make_shared<nn::Conv2d>(width, width, options));
        norm_ = register_module("norm", std::make_shared<nn::LayerNorm>(width, kNeckEpsilon));
        fc1_ = register_module("fc1", std::make_shared<nn::Linear>(width, kNeckExpansion * width));
        fc2_ = register_module("fc2", std::make_shared<nn::Linear>(kNeckExpansion * width, width));
    }
    at::Tensor forward(const at::Tensor& x) const {
        const at::Tensor rows = depthwise_->forward(x).permute({0, 2, 3, 1});
        return x + fc2_->forward(at::gelu(fc1_->forward(norm_->forward(rows)))).permute({0, 3, 1, 2});
    }

  private:
    std::shared_ptr<nn::Conv2d> depthwise_;
    std::shared_ptr<nn::LayerNorm> norm_;
    std::shared_ptr<nn::Linear> fc1_, fc2_;
};

std::shared_ptr<torch::nn::Module> group(torch::nn::Module& parent, const std::string& name) {
    return parent.register_module(name, std::make_shared<torch::nn::Module>());
}

// EfficientNet-Lite's blocks with the neck as a further child, under the trunk's names.
class Trunk : public efficientnet::Network {
  public:
    explicit Trunk(const ConvolutionalRadioConfig& config)
        : Network(config.blocks, config.stemWidth, config.headWidth, 0), taps_(config.taps()) {
        const auto neck = group(*this, "neck"), list = group(*neck, "lateral"),
                   refine = group(*neck, "blocks");
        for (size_t i = 0; i < taps_.size(); ++i)
            laterals_.push_back(list->register_module(
                std::to_string(i), std::make_shared<Lateral>(taps_[i].width, config.neckWidth,
                                                             taps_[i].stride, config.patchSize)));
        for (int64_t i = 0; i < config.neckBlocks; ++i)
            blocks_.push_back(
                refine->register_module(std::to_string(i), std::make_shared<NeckBlock>(config.neckWidth)));
        norm_ =
            neck->register_module("norm", std::make_shared<nn::LayerNorm2d>(config.neckWidth, kNeckEpsilon));
    }

    at::Tensor gather(const std::vector<at::Tensor>& maps, int64_t height, int64_t width) const {
        at::Tensor sum;
        for (size_t i = 0; i < taps_.size(); ++i) {
            const at::Tensor part = laterals_[i]->forward(maps[size_t(taps_[i].map)], height, width);
            sum = sum.defined() ? sum + part : part;
        }
        for (const auto& block : blocks_)
            sum = block->forward(sum);
        return norm_->forward(sum).contiguous();
    }

  private:
    std::vector<ConvolutionalRadioConfig::Tap> taps_;
    std::vector<std::shared_ptr<Lateral>> laterals_;
    std::vector<std::shared_ptr<NeckBlock>> blocks_;
    std::shared_ptr<nn::LayerNorm2d> norm_;
};

}  // namespace

struct ConvolutionalRadioModule::Parts {
    std::shared_ptr<Conditioner> conditioner;
    std::shared_ptr<Trunk> trunk;
    std::map<std::string, std::shared_ptr<Adaptor>> adaptors;
};

ConvolutionalRadioModule::ConvolutionalRadioModule(const ConvolutionalRadioConfig& config)
    : config_(config), parts_(std::make_unique<Parts>()) {
    const auto body = group(*this, "radio_model");
    parts_->conditioner =
        body->register_module("input_conditioner", std::make_shared<Conditioner>(config.mean, config.std));
    parts_->trunk = body->register_module("model", std::make_shared<Trunk>(config));
    const auto adaptors = group(*body, "adaptors");
    for (const RadioAdaptorConfig& entry : config.adaptors)
        parts_->adaptors[entry.name] =
            adaptors->register_module(entry.name, std::make_shared<Adaptor>(entry));
}

ConvolutionalRadioModule::~ConvolutionalRadioModule() = default;

ConvolutionalRadioModule::Maps ConvolutionalRadioModule::forward(const at::Tensor& pixels) const {
    const Conditioner& conditioner = *parts_->conditioner;
    const at::Tensor x = pixels.to(at::kFloat)
                             .sub(conditioner.mean.to(at::kFloat))
                             .div(conditioner.std.to(at::kFloat))
                             .to(conditioner.mean.scalar_type());
    Maps maps;
    maps.levels = parts_->trunk->maps(x);
    maps.features =
        parts_->trunk->gather(maps.levels, x.size(2) / config_.patchSize, x.size(3) / config_.patchSize);
    maps.summary = maps.levels.back().mean({2, 3});
    return maps;
}

const Adaptor* ConvolutionalRadioModule::adaptor(const std::string& name) const {
    const auto it = parts_->adaptors.find(name);
    return it == parts_->adaptors.end() ? nullptr : it->second.get();
}

bool ConvolutionalRadioModule::isTrunk(const std::string& parameterName) {
    return parameterName.starts_with("radio_model.model._");
}

}  // namespace vitrine
