#include "core/distill/weight_noise.h"

#include "core/base/check.h"
#include "core/nn/batch_norm.h"

namespace vitrine {

WeightNoise::WeightNoise(const std::vector<OptimizedParameter>& parameters, double deviation,
                         at::Generator generator) {
    if (deviation <= 0)
        return;
    const at::NoGradGuard noGrad;
    for (const OptimizedParameter& parameter : parameters) {
        if (!parameter.decays)
            continue;
        tensors_.push_back(parameter.tensor);
        plain_.push_back(parameter.tensor.detach().clone());
        // Drawn on the CPU, so that a step is the same on every device.
        noise_.push_back(at::randn(parameter.tensor.sizes(), generator, at::TensorOptions().dtype(at::kFloat))
                             .mul_(deviation)
                             .add_(1)
                             .to(parameter.tensor.device(), parameter.tensor.scalar_type()));
        tensors_.back().mul_(noise_.back());
    }
}

void WeightNoise::finish() {
    const at::NoGradGuard noGrad;
    for (size_t i = 0; i < tensors_.size(); ++i)
        if (at::Tensor gradient = tensors_[i].grad(); gradient.defined())
            gradient.mul_(noise_[i]);
    restore();
}

void WeightNoise::restore() {
    const at::NoGradGuard noGrad;
    for (size_t i = 0; i < tensors_.size(); ++i)
        tensors_[i].copy_(plain_[i]);
    tensors_.clear();
    plain_.clear();
    noise_.clear();
}

SlowCopy::SlowCopy(std::shared_ptr<torch::nn::Module> slow, const torch::nn::Module& fast, double decay)
    : slow_(std::move(slow)), decay_(decay) {
    const at::NoGradGuard noGrad;
    auto targets = slow_->named_parameters();
    for (const auto& entry : fast.named_parameters())
        targets[entry.key()].copy_(entry.value()).requires_grad_(false);
    auto buffers = slow_->named_buffers();
    for (const auto& entry : fast.named_buffers())
        buffers[entry.key()].copy_(entry.value());
}

void SlowCopy::follow(const torch::nn::Module& fast) {
    const at::NoGradGuard noGrad;
    auto targets = slow_->named_parameters();
    for (const auto& entry : fast.named_parameters())
        targets[entry.key()].lerp_(entry.value(), 1 - decay_);
    // They belong to the weights: those of the fast copy would not fit the slow one's.
    auto statistics = nn::batchStatistics(*slow_);
    for (const auto& [name, value] : nn::batchStatistics(fast))
        if (value.is_floating_point())
            statistics[name].lerp_(value, 1 - decay_);
        else
            statistics[name] = value;
    VITRINE_CHECK(nn::restoreBatchStatistics(*slow_, statistics), "the builds are equal");
}

std::map<std::string, at::Tensor> SlowCopy::state() const {
    std::map<std::string, at::Tensor> state;
    for (const auto& entry : slow_->named_parameters())
        state["slow." + entry.key()] = entry.value();
    for (const auto& [name, value] : nn::batchStatistics(*slow_))
        state["slow." + name] = value;
    return state;
}

Result<void> SlowCopy::restore(const std::map<std::string, at::Tensor>& state) {
    const at::NoGradGuard noGrad;
    for (auto& entry : slow_->named_parameters()) {
        const auto it = state.find("slow." + entry.key());
        if (it == state.end() || it->second.sizes() != entry.value().sizes())
            return fail(ErrorCode::NotFound, "the checkpoint lacks this tensor of the slow copy", entry.key(),
                        "It belongs to another student");
        entry.value().copy_(it->second);
    }
    return nn::restoreBatchStatistics(*slow_, state, "slow.");
}

}  // namespace vitrine
