#include "core/nn/joined_linear.h"

#include "core/nn/fused.h"

#include <ATen/core/grad_mode.h>

namespace vitrine::nn {

void JoinedLinear::join() {
    at::NoGradGuard noGrad;
    std::vector<at::Tensor> weights, biases;
    bool anyBias = false;
    for (const auto& part : parts_) {
        weights.push_back(part->weight.detach());
        anyBias |= part->bias.defined();
        biases.push_back(part->bias.defined() ? part->bias.detach()
                                              : at::zeros({part->weight.size(0)}, weights.back().options()));
    }
    weight_ = at::cat(weights, 0);
    bias_ = anyBias ? at::cat(biases, 0) : at::Tensor();
    int64_t row = 0;
    for (const auto& part : parts_) {
        const int64_t rows = part->weight.size(0);
        part->weight.set_data(weight_.narrow(0, row, rows));
        if (part->bias.defined())
            part->bias.set_data(bias_.narrow(0, row, rows));
        row += rows;
    }
}

bool JoinedLinear::isJoined() const {
    if (!weight_.defined())
        return false;
    int64_t row = 0;
    for (const auto& part : parts_) {
        const auto sharesRows = [row](const at::Tensor& tensor, const at::Tensor& joined) {
            return tensor.scalar_type() == joined.scalar_type() &&
                   tensor.const_data_ptr() == joined.select(0, row).const_data_ptr();
        };
        if (!sharesRows(part->weight, weight_) || (part->bias.defined() && !sharesRows(part->bias, bias_)))
            return false;
        row += part->weight.size(0);
    }
    return true;
}

at::Tensor JoinedLinear::forward(const at::Tensor& x) const {
    bool gradientWanted = false;
    if (at::GradMode::is_enabled())
        for (const auto& part : parts_)
            gradientWanted |= part->weight.requires_grad();
    if (!gradientWanted && isJoined())
        return linear(x, weight_, bias_);
    std::vector<at::Tensor> results;
    for (const auto& part : parts_)
        results.push_back(part->forward(x));
    return at::cat(results, -1);
}

}  // namespace vitrine::nn
