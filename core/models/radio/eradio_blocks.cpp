#include "core/models/radio/eradio_blocks.h"

#include "core/nn/functional.h"

#include <c10/core/InferenceMode.h>

#include <cmath>

namespace vitrine::eradio {
namespace {

constexpr double kEpsilon = 1e-5;

nn::ConvOptions convolution(int64_t kernel, int64_t stride = 1, int64_t groups = 1, bool bias = false) {
    return {.kernelHeight = kernel,
            .kernelWidth = kernel,
            .stride = stride,
            .padding = kernel / 2,
            .groups = groups,
            .bias = bias};
}

// Windows of a map, padded by reflection to whole windows: (B·windows, ω², C).
at::Tensor partition(const at::Tensor& map, int64_t w) {
    const int64_t padHeight = (w - map.size(2) % w) % w, padWidth = (w - map.size(3) % w) % w;
    const at::Tensor padded =
        padHeight || padWidth ? at::reflection_pad2d(map, {0, padWidth, 0, padHeight}) : map;
    const int64_t batch = padded.size(0), channels = padded.size(1);
    return padded.reshape({batch, channels, padded.size(2) / w, w, padded.size(3) / w, w})
        .permute({0, 2, 4, 3, 5, 1})
        .reshape({-1, w * w, channels});
}

at::Tensor merge(const at::Tensor& windows, int64_t w, int64_t height, int64_t width) {
    const int64_t rows = (height + w - 1) / w, columns = (width + w - 1) / w, channels = windows.size(2);
    return windows.reshape({-1, rows, columns, w, w, channels})
        .permute({0, 5, 1, 3, 2, 4})
        .reshape({-1, channels, rows * w, columns * w})
        .narrow(2, 0, height)
        .narrow(3, 0, width);
}

// (2ω-1, 2ω-1, 2) log-spaced offsets, scaled by the window that the model was trained with.
at::Tensor offsetTable(int64_t window, int64_t trained, const at::TensorOptions& options) {
    const double reach = trained > 1 ? double(trained - 1) : 1.0;
    const at::Tensor line = at::arange(-(window - 1), window, options.dtype(at::kFloat)) * (8.0 / reach);
    const at::Tensor logarithmic = at::sign(line) * at::log2(line.abs() + 1) / 3.0;
    const int64_t n = line.size(0);
    return at::stack({logarithmic.view({n, 1}).expand({n, n}), logarithmic.view({1, n}).expand({n, n})}, 2);
}

// (ω², ω²): which offset separates two patches of a window.
at::Tensor offsetIndex(int64_t window, const at::Device& device) {
    const at::Tensor line = at::arange(window, at::TensorOptions(at::kLong).device(device));
    const at::Tensor y = line.view({window, 1}).expand({window, window}).flatten();
    const at::Tensor x = line.view({1, window}).expand({window, window}).flatten();
    return (y.unsqueeze(1) - y + window - 1) * (2 * window - 1) + (x.unsqueeze(1) - x + window - 1);
}

}  // namespace

ConvNorm::ConvNorm(int64_t in, int64_t out, nn::ConvOptions options, bool silu) : silu_(silu) {
    conv_ = register_module("conv", std::make_shared<nn::Conv2d>(in, out, options));
    norm_ = register_module("bn", std::make_shared<nn::TrainableBatchNorm>(out, kEpsilon));
}

at::Tensor ConvNorm::forward(const at::Tensor& x) const {
    const at::Tensor y = norm_->forward(conv_->forward(x));
    return silu_ ? at::silu(y) : y;
}

SplitConvolutions::SplitConvolutions(int64_t width, int64_t depth) {
    const int64_t half = width / 2;
    first_ = register_module("cv1", std::make_shared<ConvNorm>(width, 2 * half, convolution(1), true));
    last_ =
        register_module("cv2", std::make_shared<ConvNorm>((2 + depth) * half, width, convolution(1), true));
    const auto list = register_module("m", std::make_shared<torch::nn::Module>());
    for (int64_t i = 0; i < depth; ++i) {
        const auto bottleneck =
            list->register_module(std::to_string(i), std::make_shared<torch::nn::Module>());
        const auto layer = [&](const char* name) {
            return bottleneck->register_module(name,
                                               std::make_shared<ConvNorm>(half, half, convolution(3), true));
        };
        auto one = layer("cv1");
        bottlenecks_.emplace_back(std::move(one), layer("cv2"));
    }
}

at::Tensor SplitConvolutions::forward(const at::Tensor& x) const {
    std::vector<at::Tensor> parts = first_->forward(x).chunk(2, 1);
    for (const auto& [one, two] : bottlenecks_) {
        const at::Tensor input = parts.back();
        parts.push_back(input + two->forward(one->forward(input)));
    }
    return last_->forward(at::cat(parts, 1));
}

ConvBlock::ConvBlock(int64_t width, bool layerScale) {
    first_ = register_module("conv1", std::make_shared<ConvNorm>(width, width, convolution(3)));
    second_ = register_module("conv2", std::make_shared<ConvNorm>(width, width, convolution(3)));
    if (layerScale)
        gamma_ = register_parameter("gamma", at::empty({width}, at::kFloat));
}

at::Tensor ConvBlock::forward(const at::Tensor& x) const {
    const at::Tensor y = second_->forward(at::gelu(first_->forward(x)));
    return gamma_.defined() ? x + y * gamma_.view({1, -1, 1, 1}) : x + y;
}

PositionBias::PositionBias(int64_t windowSize, int64_t headCount, int64_t hidden)
    : trainedWindow_(windowSize) {
    const auto mlp = register_module("cpb_mlp", std::make_shared<torch::nn::Module>());
    const auto first = mlp->register_module("0", std::make_shared<nn::Linear>(2, hidden));
    const auto second = mlp->register_module("2", std::make_shared<nn::Linear>(hidden, headCount, false));
    weight0_ = first->weight;
    bias0_ = first->bias;
    weight2_ = second->weight;
    table_ = register_buffer("relative_coords_table", offsetTable(windowSize, windowSize, {}).unsqueeze(0));
    index_ = register_buffer("relative_position_index", offsetIndex(windowSize, at::kCPU));
}

at::Tensor PositionBias::compute(int64_t windowSize) const {
    const bool trained = windowSize == trainedWindow_;
    const at::Tensor table =
        trained ? table_
                : offsetTable(windowSize, trainedWindow_, weight0_.options()).to(weight0_.scalar_type());
    const at::Tensor index = trained ? index_ : offsetIndex(windowSize, weight0_.device());
    const at::Tensor perOffset =
        at::linear(at::relu(at::linear(table, weight0_, bias0_)), weight2_).view({-1, weight2_.size(0)});
    const int64_t tokens = windowSize * windowSize;
    const at::Tensor perPair = perOffset.index_select(0, index.flatten().to(at::kLong));
    return 16 * at::sigmoid(perPair.view({1, tokens, tokens, -1}).permute({0, 3, 1, 2}).contiguous());
}

at::Tensor PositionBias::forward(int64_t windowSize) const {
    if (weight2_.is_inference() || (at::GradMode::is_enabled() && weight2_.requires_grad()))
        return compute(windowSize);
    const uint64_t version =
        uint64_t(weight0_._version()) + uint64_t(weight2_._version()) + uint64_t(bias0_._version());
    const std::lock_guard lock(mutex_);
    if (cached_.window != windowSize || cached_.version != version ||
        cached_.storage != weight2_.const_data_ptr()) {
        const c10::InferenceMode ordinary(false);
        const at::NoGradGuard noGrad;
        cached_ = {windowSize, version, weight2_.const_data_ptr(), compute(windowSize)};
    }
    return cached_.bias;
}

WindowAttention::WindowAttention(const EradioConfig& config, const EradioLevelConfig& level,
                                 int64_t windowSize)
    : width_(level.width),
      headCount_(level.headCount),
      multiQuery_(config.multiQuery),
      scale_(config.scale.value_or(1.0 / std::sqrt(double(level.width) / double(level.headCount)))) {
    const int64_t out = multiQuery_ ? width_ + 2 * (width_ / headCount_) : 3 * width_;
    qkv_ = register_module("qkv", std::make_shared<nn::Linear>(width_, out, config.qkvBias));
    proj_ = register_module("proj", std::make_shared<nn::Linear>(width_, width_, false));
    bias_ = register_module("pos_emb_funct",
                            std::make_shared<PositionBias>(windowSize, headCount_, config.biasHidden));
}

at::Tensor WindowAttention::forward(const at::Tensor& x, int64_t windowSize) const {
    const int64_t shared = multiQuery_ ? width_ / headCount_ : width_;
    const auto parts = qkv_->forward(x).split_with_sizes({width_, shared, shared}, 2);
    const at::Tensor q = nn::splitHeads(parts[0], headCount_);
    at::Tensor k = nn::splitHeads(parts[1], multiQuery_ ? 1 : headCount_);
    at::Tensor v = nn::splitHeads(parts[2], multiQuery_ ? 1 : headCount_);
    if (multiQuery_) {
        k = k.expand({-1, headCount_, -1, -1});
        v = v.expand({-1, headCount_, -1, -1});
    }
    return proj_->forward(nn::mergeHeads(nn::attention(q, k, v, scale_, bias_->forward(windowSize))));
}

AttentionBlock::AttentionBlock(const EradioConfig& config, const EradioLevelConfig& level, size_t index)
    : ratio_(level.ratios[index]), window_(level.windows[index]), gated_(config.gated) {
    const int64_t width = level.width;
    if (ratio_ > 1 && config.convolutionalScaling) {
        const nn::ConvOptions options{.kernelHeight = ratio_, .kernelWidth = ratio_, .stride = ratio_};
        down_ = register_module("downsample_op", std::make_shared<nn::Conv2d>(width, width, options));
        up_ = register_module("upsample_op", std::make_shared<nn::ConvTranspose2d>(width, width, options));
    } else if (ratio_ > 1) {
        downMixer_ =
            register_module("downsample_mixer", std::make_shared<ConvNorm>(width, width, convolution(1)));
        upMixer_ = register_module("upsample_op", std::make_shared<ConvNorm>(width, width, convolution(1)));
    }
    plainSum_ = ratio_ == 1 && config.groupsRatio == -1;
    if (ratio_ == 1 && !plainSum_) {
        const int64_t groups = std::max<int64_t>(1, int64_t(config.groupsRatio * double(width)));
        before_ =
            register_module("pre_conv", std::make_shared<ConvNorm>(width, width, convolution(3, 1, groups)));
    }
    norm1_ = register_module("norm1", std::make_shared<nn::LayerNorm>(width, kEpsilon));
    attention_ = register_module("attn", std::make_shared<WindowAttention>(config, level, window_));
    norm2_ = register_module("norm2", std::make_shared<nn::LayerNorm>(width, kEpsilon));
    // SwiGLU keeps half of the fourfold width, rounded down to a multiple of 64.
    const int64_t hidden = gated_ ? 2 * width / 64 * 64 : 4 * width;
    const auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
    fc1_ =
        mlp->register_module("fc1", std::make_shared<nn::Linear>(width, gated_ ? 2 * hidden : hidden, false));
    fc2_ = mlp->register_module("fc2", std::make_shared<nn::Linear>(hidden, width, false));
    if (config.layerScale) {
        gamma1_ = register_parameter("gamma1", at::empty({width}, at::kFloat));
        gamma2_ = register_parameter("gamma2", at::empty({width}, at::kFloat));
    }
}

at::Tensor AttentionBlock::subsample(const at::Tensor& x) const {
    if (down_)
        return down_->forward(x);
    return downMixer_ ? downMixer_->forward(at::avg_pool2d(x, {ratio_, ratio_})) : x;
}

at::Tensor AttentionBlock::upsample(const at::Tensor& x) const {
    if (up_)
        return up_->forward(x);
    if (!upMixer_)
        return x;
    return upMixer_->forward(nn::resizeMap(x, x.size(2) * ratio_, x.size(3) * ratio_, "nearest"));
}

at::Tensor AttentionBlock::tokenPart(const at::Tensor& tokens, int64_t windowSize) const {
    at::Tensor branch = attention_->forward(norm1_->forward(tokens), windowSize);
    const at::Tensor x = tokens + (gamma1_.defined() ? branch * gamma1_ : branch);
    at::Tensor hidden = fc1_->forward(norm2_->forward(x));
    if (gated_) {
        const auto halves = hidden.chunk(2, -1);
        hidden = at::silu(halves[1]) * halves[0];
    } else {
        hidden = at::gelu(hidden);
    }
    branch = fc2_->forward(hidden);
    return x + (gamma2_.defined() ? branch * gamma2_ : branch);
}

at::Tensor AttentionBlock::forward(const at::Tensor& input, int64_t windowSize) const {
    const int64_t window = windowSize > 0 ? windowSize : window_;
    at::Tensor x = input;
    if (before_)
        x = before_->forward(x) + input;
    else if (plainSum_)
        x = x + input;
    x = subsample(x);
    const int64_t height = x.size(2), width = x.size(3);
    x = merge(tokenPart(partition(x, window), window), window, height, width);
    x = upsample(x);
    const int64_t missingRows = input.size(2) - x.size(2), missingColumns = input.size(3) - x.size(3);
    if (missingRows || missingColumns)
        x = at::reflection_pad2d(x, {0, missingColumns, 0, missingRows});
    return 0.5 * x + 0.5 * input;
}

}  // namespace vitrine::eradio
