#include "core/models/efficientnet/network.h"

#include <fmt/format.h>

#include <map>

namespace vitrine::efficientnet {
namespace {

// TensorFlow's SAME: the output has ceil(size / stride) cells; an odd pixel of padding goes to the bottom and
// right.
at::Tensor padSame(const at::Tensor& x, int64_t kernel, int64_t stride) {
    const auto total = [&](int64_t size) {
        const int64_t cells = (size + stride - 1) / stride;
        return std::max<int64_t>(0, (cells - 1) * stride + kernel - size);
    };
    const int64_t vertical = total(x.size(2)), horizontal = total(x.size(3));
    if (vertical == 0 && horizontal == 0)
        return x;
    return at::constant_pad_nd(
        x, {horizontal / 2, horizontal - horizontal / 2, vertical / 2, vertical - vertical / 2});
}

nn::ConvOptions pointwise() {
    return {.bias = false};
}

}  // namespace

class Block : public torch::nn::Module {
  public:
    explicit Block(const BlockShape& shape) : shape_(shape) {
        if (shape.expandedChannels != shape.inChannels) {
            expand_ = register_module(
                "_expand_conv",
                std::make_shared<nn::Conv2d>(shape.inChannels, shape.expandedChannels, pointwise()));
            expandNorm_ = register_module(
                "_bn0", std::make_shared<nn::BatchNorm>(shape.expandedChannels, kBatchNormEpsilon));
        }
        depthwise_ = register_module(
            "_depthwise_conv", std::make_shared<nn::Conv2d>(shape.expandedChannels, shape.expandedChannels,
                                                            nn::ConvOptions{.kernelHeight = shape.kernel,
                                                                            .kernelWidth = shape.kernel,
                                                                            .stride = shape.stride,
                                                                            .groups = shape.expandedChannels,
                                                                            .bias = false}));
        depthwiseNorm_ = register_module(
            "_bn1", std::make_shared<nn::BatchNorm>(shape.expandedChannels, kBatchNormEpsilon));
        project_ = register_module(
            "_project_conv",
            std::make_shared<nn::Conv2d>(shape.expandedChannels, shape.outChannels, pointwise()));
        projectNorm_ =
            register_module("_bn2", std::make_shared<nn::BatchNorm>(shape.outChannels, kBatchNormEpsilon));
    }
    at::Tensor forward(const at::Tensor& x) const {
        at::Tensor y = expand_ ? at::relu6(expandNorm_->forward(expand_->forward(x))) : x;
        y = at::relu6(depthwiseNorm_->forward(depthwise_->forward(padSame(y, shape_.kernel, shape_.stride))));
        y = projectNorm_->forward(project_->forward(y));
        return shape_.stride == 1 && shape_.inChannels == shape_.outChannels ? x + y : y;
    }

  private:
    BlockShape shape_;
    std::shared_ptr<nn::Conv2d> expand_, depthwise_, project_;
    std::shared_ptr<nn::BatchNorm> expandNorm_, depthwiseNorm_, projectNorm_;
};

Result<std::vector<BlockShape>> blockShapes(const TensorSource& weights) {
    const std::map<int64_t, int64_t> strideOfStage = {{1, 1}, {2, 2}, {3, 2}, {4, 2}, {5, 1}, {6, 2}, {7, 1}};
    std::vector<BlockShape> blocks;
    int64_t channels = weights.find("_conv_stem.weight")->shape.at(0), stage = 0;
    while (true) {
        const std::string prefix = fmt::format("_blocks.{}.", blocks.size());
        const TensorInfo* depthwise = weights.find(prefix + "_depthwise_conv.weight");
        const TensorInfo* project = weights.find(prefix + "_project_conv.weight");
        if (!depthwise || !project)
            break;
        const int64_t outChannels = project->shape.at(0);
        const bool startsStage = blocks.empty() || outChannels != channels;
        stage += startsStage;
        if (!strideOfStage.contains(stage))
            return fail(ErrorCode::InvalidFile, "has more than the seven stages of EfficientNet-Lite",
                        prefix);
        blocks.push_back({channels, outChannels, depthwise->shape.at(0), depthwise->shape.at(2),
                          startsStage ? strideOfStage.at(stage) : 1});
        channels = outChannels;
    }
    return blocks;
}

Network::Network(const std::vector<BlockShape>& blocks, int64_t stemChannels, int64_t headChannels,
                 int64_t classCount) {
    stem_ = register_module(
        "_conv_stem", std::make_shared<nn::Conv2d>(
                          3, stemChannels,
                          nn::ConvOptions{.kernelHeight = 3, .kernelWidth = 3, .stride = 2, .bias = false}));
    stemNorm_ = register_module("_bn0", std::make_shared<nn::BatchNorm>(stemChannels, kBatchNormEpsilon));
    auto list = register_module("_blocks", std::make_shared<torch::nn::Module>());
    for (size_t i = 0; i < blocks.size(); ++i)
        blocks_.push_back(list->register_module(std::to_string(i), std::make_shared<Block>(blocks[i])));
    head_ = register_module(
        "_conv_head", std::make_shared<nn::Conv2d>(blocks.back().outChannels, headChannels, pointwise()));
    headNorm_ = register_module("_bn1", std::make_shared<nn::BatchNorm>(headChannels, kBatchNormEpsilon));
    if (classCount > 0)
        classifier_ = register_module("_fc", std::make_shared<nn::Linear>(headChannels, classCount));
}

std::vector<at::Tensor> Network::maps(const at::Tensor& pixels) const {
    // Channels last: several times faster for the depthwise convolutions and the norms.
    const at::Tensor input = pixels.contiguous(at::MemoryFormat::ChannelsLast);
    std::vector<at::Tensor> maps{at::relu6(stemNorm_->forward(stem_->forward(padSame(input, 3, 2))))};
    for (const auto& block : blocks_)
        maps.push_back(block->forward(maps.back()));
    maps.push_back(at::relu6(headNorm_->forward(head_->forward(maps.back()))));
    return maps;
}

at::Tensor Network::logits(const at::Tensor& summary) const {
    return classifier_->forward(summary);
}

}  // namespace vitrine::efficientnet
