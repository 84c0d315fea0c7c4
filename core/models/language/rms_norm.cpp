#include "core/models/language/rms_norm.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

namespace vitrine {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kLanes = 16;       // sums that run side by side: enough to keep vector units busy
constexpr int64_t kWeightRows = 64;  // whose gradients of the weight are added up by one thread
constexpr int64_t kGrainNumbers = 32768;

template <class Product>
float meanOf(int64_t n, const Product& product) {
    float sums[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (int64_t lane = 0; lane < kLanes; ++lane)
            sums[lane] += product(i + lane);
    float sum = 0;
    for (; i < n; ++i)
        sum += product(i);
    for (const float lane : sums)
        sum += lane;
    return sum / float(n);
}

float inverseOf(const float* x, int64_t n, double epsilon) {
    return 1.0f / std::sqrt(meanOf(n, [x](int64_t i) { return x[i] * x[i]; }) + float(epsilon));
}

at::Tensor forwardRows(const at::Tensor& rows, const at::Tensor& weight, double epsilon) {
    at::Tensor result = at::empty_like(rows);
    const int64_t width = weight.size(0), count = rows.numel() / width;
    const float* in = rows.const_data_ptr<float>();
    const float* scale = weight.const_data_ptr<float>();
    float* out = result.mutable_data_ptr<float>();
    const auto run = [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const float* from = in + row * width;
            float* to = out + row * width;
            const float factor = inverseOf(from, width, epsilon);
            for (int64_t i = 0; i < width; ++i)
                to[i] = from[i] * factor * scale[i];
        }
    };
    if (count == 1)
        run(0, 1);
    else
        at::parallel_for(0, count, std::max<int64_t>(1, kGrainNumbers / width), run);
    return result;
}

// With f = 1 / sqrt(mean(x²) + ε) and u = g ⊙ w: dx = f u - x f³ mean(u ⊙ x), dw = Σ over rows of f g ⊙ x.
variable_list backwardRows(const at::Tensor& gradient, const at::Tensor& rows, const at::Tensor& weight,
                           double epsilon) {
    const at::Tensor given = gradient.contiguous();
    at::Tensor ofRows = at::empty_like(rows);
    const int64_t width = weight.size(0), count = rows.numel() / width;
    const int64_t pieces = (count + kWeightRows - 1) / kWeightRows;
    // Added up in pieces that do not depend on the number of threads.
    at::Tensor ofWeight = at::zeros({pieces, width}, weight.options());
    const float *x = rows.const_data_ptr<float>(), *g = given.const_data_ptr<float>(),
                *w = weight.const_data_ptr<float>();
    float *dx = ofRows.mutable_data_ptr<float>(), *dw = ofWeight.mutable_data_ptr<float>();
    at::parallel_for(0, pieces, 1, [&](int64_t first, int64_t last) {
        for (int64_t row = first * kWeightRows; row < std::min(count, last * kWeightRows); ++row) {
            const float *xs = x + row * width, *gs = g + row * width;
            float *dxs = dx + row * width, *sum = dw + row / kWeightRows * width;
            const float factor = inverseOf(xs, width, epsilon);
            const float along =
                factor * factor * factor * meanOf(width, [=](int64_t i) { return gs[i] * w[i] * xs[i]; });
            for (int64_t i = 0; i < width; ++i)
                dxs[i] = factor * gs[i] * w[i] - along * xs[i];
            for (int64_t i = 0; i < width; ++i)
                sum[i] += factor * gs[i] * xs[i];
        }
    });
    return {ofRows, ofWeight.sum(0), at::Tensor()};
}

class RmsNormRows : public torch::autograd::Function<RmsNormRows> {
  public:
    static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                              double epsilon) {
        const at::Tensor rows = x.contiguous();
        context->save_for_backward({rows, weight});
        context->saved_data["epsilon"] = epsilon;
        return forwardRows(rows, weight, epsilon);
    }
    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        return backwardRows(gradients[0], saved[0], saved[1], context->saved_data["epsilon"].toDouble());
    }
};

bool isPlain(const at::Tensor& tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == at::kFloat;
}

}  // namespace

at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
    if (!isPlain(x) || !isPlain(weight) || !weight.is_contiguous() || x.numel() == 0)
        return at::rms_norm(x, {weight.size(0)}, weight, epsilon);
    if (at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad()))
        return RmsNormRows::apply(x, weight, epsilon);
    return forwardRows(x.contiguous(), weight, epsilon);
}

}  // namespace vitrine
