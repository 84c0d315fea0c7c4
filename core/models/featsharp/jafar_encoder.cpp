#include "core/models/featsharp/jafar_encoder.h"

namespace vitrine::featsharp {
namespace {

std::shared_ptr<nn::Conv2d> convolution(int64_t in, int64_t out, int64_t kernel) {
    nn::ConvOptions options;
    options.kernelHeight = options.kernelWidth = kernel;
    options.bias = false;
    return std::make_shared<nn::Conv2d>(in, out, options);
}

class GroupNorm : public torch::nn::Module {
  public:
    explicit GroupNorm(int64_t width) {
        weight_ = register_parameter("weight", at::ones({width}));
        bias_ = register_parameter("bias", at::zeros({width}));
    }
    // `moments`: of the map that x is a strip of; null: x is the whole map.
    at::Tensor forward(const at::Tensor& x, const GroupMoments* moments) const {
        if (!moments)
            return at::group_norm(x, kJafarGroups, weight_, bias_, kJafarNormEpsilon);
        const at::Tensor scale = moments->rate().unsqueeze(2) * weight_.view({1, kJafarGroups, -1});
        const at::Tensor shift = bias_.view({1, kJafarGroups, -1}) - moments->mean().unsqueeze(2) * scale;
        const auto ofChannels = [&](const at::Tensor& values) {
            return values.reshape({x.size(0), x.size(1), 1, 1}).to(x.scalar_type());
        };
        return (x * ofChannels(scale)).add_(ofChannels(shift));
    }

  private:
    at::Tensor weight_, bias_;
};

}  // namespace

// x + conv2(silu(norm2(conv1(silu(norm1 x))))).
class JafarBlock : public torch::nn::Module {
  public:
    using Moments = std::array<GroupMoments, 2>;

    explicit JafarBlock(int64_t width) {
        norm1_ = register_module("norm1", std::make_shared<GroupNorm>(width));
        conv1_ = register_module("conv1", convolution(width, width, 1));
        norm2_ = register_module("norm2", std::make_shared<GroupNorm>(width));
        conv2_ = register_module("conv2", convolution(width, width, 1));
    }
    // What the second norm gets.
    at::Tensor inner(const at::Tensor& x, const Moments* moments) const {
        return conv1_->forward(at::silu(norm1_->forward(x, moments ? &(*moments)[0] : nullptr)));
    }
    at::Tensor forward(const at::Tensor& x, const Moments* moments) const {
        return x + conv2_->forward(
                       at::silu(norm2_->forward(inner(x, moments), moments ? &(*moments)[1] : nullptr)));
    }

  private:
    std::shared_ptr<GroupNorm> norm1_, norm2_;
    std::shared_ptr<nn::Conv2d> conv1_, conv2_;
};

void GroupMoments::add(const at::Tensor& strip) {
    const int64_t pixels = strip.size(2) * strip.size(3);
    // LibTorch's norm tells mean and 1 / sqrt(variance + ε); the normed strip is of no use here.
    const auto norm = at::native_group_norm(strip, {}, {}, strip.size(0), strip.size(1), pixels, kJafarGroups,
                                            kJafarNormEpsilon);
    const at::Tensor mean = std::get<1>(norm).to(at::kDouble);
    const at::Tensor square = std::get<2>(norm).to(at::kDouble).square().reciprocal() + mean.square();
    sum_ = sum_.defined() ? sum_ + mean * pixels : mean * pixels;
    squareSum_ = squareSum_.defined() ? squareSum_ + square * pixels : square * pixels;
    pixels_ += pixels;
}

at::Tensor GroupMoments::mean() const {
    return sum_ / pixels_;
}

at::Tensor GroupMoments::rate() const {
    return (squareSum_ / pixels_ - mean().square()).rsqrt();
}

JafarEncoder::JafarEncoder(int64_t in, int64_t width, int64_t kernel) : border_(kernel / 2) {
    first_ = register_module("0", convolution(in, width, kernel));
    blocks_ = {register_module("1", std::make_shared<JafarBlock>(width)),
               register_module("2", std::make_shared<JafarBlock>(width))};
}

JafarEncoder::~JafarEncoder() = default;

at::Tensor JafarEncoder::forward(const at::Tensor& x) const {
    Strips whole{start(bordered(x), 0, x.size(2))};
    finish(whole);
    return whole[0];
}

at::Tensor JafarEncoder::bordered(const at::Tensor& x) const {
    return border_ == 0 ? x : at::reflection_pad2d(x, {border_, border_, border_, border_});
}

at::Tensor JafarEncoder::start(const at::Tensor& bordered, int64_t first, int64_t count) const {
    return first_->forward(bordered.narrow(2, first, count + 2 * border_));
}

JafarEncoder::Moments JafarEncoder::finish(Strips& strips) const {
    Moments moments;
    for (size_t index = 0; index < blocks_.size(); ++index) {
        const JafarBlock& block = *blocks_[index];
        if (strips.size() == 1) {
            strips[0] = block.forward(strips[0], nullptr);
            continue;
        }
        for (const at::Tensor& strip : strips)
            moments[index][0].add(strip);
        // The inner map is made twice: it would be a second one as large.
        for (const at::Tensor& strip : strips)
            moments[index][1].add(block.inner(strip, &moments[index]));
        for (at::Tensor& strip : strips)
            strip = block.forward(strip, &moments[index]);
    }
    return moments;
}

at::Tensor JafarEncoder::again(const at::Tensor& started, const Moments& moments) const {
    at::Tensor x = started;
    for (size_t index = 0; index < blocks_.size(); ++index)
        x = blocks_[index]->forward(x, &moments[index]);
    return x;
}

}  // namespace vitrine::featsharp
