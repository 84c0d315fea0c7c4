#include "core/upsampling/attention_downsampler.h"

#include "core/nn/module_tree.h"
#include "kernels/operators.h"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kBlurRadius = 2, kBlurSide = 2 * kBlurRadius + 1;

at::Tensor gaussian() {
    const at::Tensor axis = at::arange(kBlurSide, at::kFloat) - kBlurRadius;
    const at::Tensor line = (-axis.square() / 2).exp();
    const at::Tensor normalized = line / line.sum();
    return (normalized.unsqueeze(1) * normalized.unsqueeze(0)).view({1, 1, kBlurSide, kBlurSide});
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// out[b,c,y,x] = Σ_ij shares[b,ij,y,x] map[b,c,y·stride+i,x·stride+j]. Cell by cell of the window: unfolded
// windows (C K² values for each coarse cell) would be the largest tensors of the training by far, and kept
// for each view.
class WindowMeans : public torch::autograd::Function<WindowMeans> {
  public:
    static at::Tensor forward(AutogradContext* context, const at::Tensor& map, const at::Tensor& shares,
                              int64_t kernel, int64_t stride) {
        context->save_for_backward({map, shares});
        context->saved_data["kernel"] = kernel;
        context->saved_data["stride"] = stride;
        at::Tensor out = at::zeros({map.size(0), map.size(1), shares.size(2), shares.size(3)}, map.options());
        for (int64_t cell = 0; cell < kernel * kernel; ++cell)
            out.addcmul_(cellsOf(map, shares, cell, kernel, stride), shares.narrow(1, cell, 1));
        return out;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &map = saved[0], &shares = saved[1], gradient = gradients[0];
        const int64_t kernel = context->saved_data["kernel"].toInt();
        const int64_t stride = context->saved_data["stride"].toInt();
        at::Tensor ofMap = at::zeros_like(map), ofShares = at::empty_like(shares);
        for (int64_t cell = 0; cell < kernel * kernel; ++cell) {
            cellsOf(ofMap, shares, cell, kernel, stride).addcmul_(gradient, shares.narrow(1, cell, 1));
            ofShares.select(1, cell).copy_((gradient * cellsOf(map, shares, cell, kernel, stride)).sum(1));
        }
        return {ofMap, ofShares, {}, {}};
    }

  private:
    // The fine cells that lie at place `cell` of each window: (B, C, h, w), a view.
    static at::Tensor cellsOf(const at::Tensor& map, const at::Tensor& shares, int64_t cell, int64_t kernel,
                              int64_t stride) {
        const auto every = [&](const at::Tensor& x, int64_t axis, int64_t first) {
            return x.slice(axis, first, first + (shares.size(axis) - 1) * stride + 1, stride);
        };
        return every(every(map, 2, cell / kernel), 3, cell % kernel);
    }
};

}  // namespace

AttentionDownsampler::AttentionDownsampler(const DownsamplerOptions& options, const at::Generator& random)
    : options_(options) {
    const at::NoGradGuard noGrad;
    const int64_t kernel = options.kernel, cells = kernel * kernel;
    const auto normal = [&](at::IntArrayRef shape, double deviation) {
        return at::randn(shape, random, at::TensorOptions()) * deviation;
    };
    blur_ = register_buffer("blur_kernel", gaussian());
    if (options.kind == DownsamplerKind::FeatSharp) {
        // Small enough for nearly equal weights at the start.
        kernel_ = register_parameter("attn_kernel", normal({cells, options.channels, kernel, kernel}, 1e-3));
        kernelBias_ = register_parameter("kernel_bias", at::zeros({cells}));
        logitBias_ = register_parameter("logit_bias", at::zeros({1, cells, 1, 1}));
        return;
    }
    const double bound = 1 / std::sqrt(double(options.channels));
    const auto uniform = [&](at::IntArrayRef shape) {
        return (at::rand(shape, random, at::TensorOptions()) * 2 - 1) * bound;
    };
    torch::nn::Module& holder = nn::holderOf(*this, "attention_net.1.weight");
    saliencyWeight_ = holder.register_parameter("weight", uniform({1, options.channels}));
    saliencyBias_ = holder.register_parameter("bias", uniform({1}));
    gain_ = register_parameter("w", 1 + normal({kernel, kernel}, 0.01));
    offset_ = register_parameter("b", normal({kernel, kernel}, 0.01));
}

at::Tensor AttentionDownsampler::blurred(const at::Tensor& fine) const {
    // Channel by channel in one call: planes as pictures of one channel would be filled up to 16 on a
    // processor.
    const int64_t channels = fine.size(1);
    const std::vector<int64_t> once{1, 1}, none{0, 0};
    const at::Tensor smooth = at::convolution(kernels::padReflected(fine, kBlurSide / 2),
                                              blur_.expand({channels, 1, kBlurSide, kBlurSide}), {}, once,
                                              none, once, false, none, channels);
    return options_.kind == DownsamplerKind::FeatSharp ? kernels::padReflected(smooth, options_.kernel / 2)
                                                       : smooth;
}

at::Tensor AttentionDownsampler::weights(const at::Tensor& map, const at::Generator* random) const {
    at::Tensor logits;
    const int64_t kernel = options_.kernel, stride = options_.stride;
    if (options_.kind == DownsamplerKind::FeatSharp) {
        logits = at::conv2d(map, kernel_, kernelBias_, {stride, stride});
    } else {
        const at::Tensor saliency = at::conv2d(map, saliencyWeight_.view({1, -1, 1, 1}), saliencyBias_);
        const int64_t height = (map.size(2) - kernel) / stride + 1;
        const int64_t width = (map.size(3) - kernel) / stride + 1;
        logits = at::im2col(saliency, {kernel, kernel}, {1, 1}, {0, 0}, {stride, stride})
                     .view({map.size(0), kernel * kernel, height, width});
    }
    if (random) {
        const at::Tensor draw =
            at::rand({logits.size(0), 1, logits.size(2), logits.size(3)}, *random, at::TensorOptions());
        logits = logits * draw.ge(options_.ignored).to(logits.options());
    }
    logits = options_.kind == DownsamplerKind::FeatSharp
                 ? logits + logitBias_
                 : logits * gain_.view({1, -1, 1, 1}) + offset_.view({1, -1, 1, 1});
    return logits.softmax(1);
}

at::Tensor AttentionDownsampler::forward(const at::Tensor& fine, const at::Generator* random) const {
    const at::Tensor map = blurred(fine);
    const at::Tensor shares = weights(map, random);
    return WindowMeans::apply(map, shares, options_.kernel, options_.stride);
}

}  // namespace vitrine
