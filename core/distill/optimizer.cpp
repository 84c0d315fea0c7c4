#include "core/distill/optimizer.h"

#include "core/base/nearest.h"

#include <cmath>
#include <numbers>

namespace vitrine {
namespace {

constexpr std::pair<const char*, OptimizerKind> kKinds[] = {
    {"adamw", OptimizerKind::AdamW}, {"lamb", OptimizerKind::Lamb}, {"nadam", OptimizerKind::NAdam}};
constexpr double kMomentumDecay = 0.004;  // PyTorch's default for NAdam

}  // namespace

Result<OptimizerKind> optimizerFromName(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& [known, kind] : kKinds) {
        if (name == known)
            return kind;
        names.emplace_back(known);
    }
    const auto nearest = nearestName(name, names);
    return fail(ErrorCode::InvalidArgument, fmt::format("there is no optimiser \"{}\"", name), {},
                nearest ? fmt::format("Did you mean \"{}\"?", *nearest) : "Known: adamw, lamb, nadam");
}

const char* optimizerName(OptimizerKind kind) {
    for (const auto& [name, known] : kKinds)
        if (known == kind)
            return name;
    return "";
}

Optimizer::Optimizer(std::vector<OptimizedParameter> parameters, OptimizerOptions options)
    : parameters_(std::move(parameters)), options_(options) {
    const at::NoGradGuard noGrad;
    for (const OptimizedParameter& parameter : parameters_) {
        first_.push_back(at::zeros_like(parameter.tensor, at::MemoryFormat::Preserve));
        second_.push_back(at::zeros_like(parameter.tensor, at::MemoryFormat::Preserve));
    }
}

void Optimizer::step(double learningRate) {
    const at::NoGradGuard noGrad;
    ++steps_;
    switch (options_.kind) {
        case OptimizerKind::AdamW:
            return stepAdam(learningRate);
        case OptimizerKind::Lamb:
            return stepLamb(learningRate);
        case OptimizerKind::NAdam:
            return stepNAdam(learningRate);
    }
}

// LibTorch's fused kernel updates a whole list in one pass over memory; lists are cut by rate and decay.
void Optimizer::stepAdam(double learningRate) {
    struct Group {
        std::vector<at::Tensor> tensors, gradients, first, second, steps;
    };
    std::map<std::pair<double, bool>, Group> groups;
    for (size_t i = 0; i < parameters_.size(); ++i) {
        const OptimizedParameter& parameter = parameters_[i];
        if (!parameter.tensor.grad().defined())
            continue;
        Group& group = groups[{parameter.rateFactor, parameter.decays}];
        group.tensors.push_back(parameter.tensor);
        group.gradients.push_back(parameter.tensor.grad());
        group.first.push_back(first_[i]);
        group.second.push_back(second_[i]);
        group.steps.push_back(at::full({}, double(steps_), parameter.tensor.options().dtype(at::kFloat)));
    }
    for (auto& [key, group] : groups)
        at::_fused_adamw_(group.tensors, group.gradients, group.first, group.second, {}, group.steps,
                          learningRate * key.first, options_.beta1, options_.beta2,
                          key.second ? options_.weightDecay : 0.0, options_.epsilon, false, false);
}

void Optimizer::stepLamb(double learningRate) {
    const double correction1 = 1 - std::pow(options_.beta1, double(steps_));
    const double correction2 = 1 - std::pow(options_.beta2, double(steps_));
    for (size_t i = 0; i < parameters_.size(); ++i) {
        OptimizedParameter& parameter = parameters_[i];
        const at::Tensor gradient = parameter.tensor.grad();
        if (!gradient.defined())
            continue;
        first_[i].mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
        second_[i].mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
        at::Tensor update =
            (first_[i] / correction1).div_((second_[i] / correction2).sqrt_().add_(options_.epsilon));
        double trust = 1;
        if (parameter.decays) {
            update.add_(parameter.tensor, options_.weightDecay);
            const double weightNorm = parameter.tensor.norm().item<double>();
            const double updateNorm = update.norm().item<double>();
            if (weightNorm > 0 && updateNorm > 0)
                trust = weightNorm / updateNorm;
        }
        parameter.tensor.add_(update, -learningRate * parameter.rateFactor * trust);
    }
}

void Optimizer::stepNAdam(double learningRate) {
    const auto momentumAt = [&](int64_t step) {
        return options_.beta1 * (1 - 0.5 * std::pow(0.96, double(step) * kMomentumDecay));
    };
    const double now = momentumAt(steps_), next = momentumAt(steps_ + 1);
    momentumProduct_ *= now;
    const double correction2 = 1 - std::pow(options_.beta2, double(steps_));
    for (size_t i = 0; i < parameters_.size(); ++i) {
        OptimizedParameter& parameter = parameters_[i];
        const at::Tensor gradient = parameter.tensor.grad();
        if (!gradient.defined())
            continue;
        const double rate = learningRate * parameter.rateFactor;
        if (parameter.decays)
            parameter.tensor.mul_(1 - rate * options_.weightDecay);
        first_[i].mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
        second_[i].mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
        const at::Tensor denominator = (second_[i] / correction2).sqrt_().add_(options_.epsilon);
        parameter.tensor.addcdiv_(gradient, denominator, -rate * (1 - now) / (1 - momentumProduct_));
        parameter.tensor.addcdiv_(first_[i], denominator, -rate * next / (1 - momentumProduct_ * next));
    }
}

void Optimizer::clearGradients() {
    for (OptimizedParameter& parameter : parameters_)
        parameter.tensor.mutable_grad() = at::Tensor();
}

double Optimizer::clipGradients(double limit) {
    const at::NoGradGuard noGrad;
    double sum = 0;
    for (const OptimizedParameter& parameter : parameters_)
        if (const at::Tensor gradient = parameter.tensor.grad(); gradient.defined())
            sum += std::pow(gradient.norm().item<double>(), 2);
    const double norm = std::sqrt(sum);
    if (limit > 0 && std::isfinite(norm) && norm > limit)
        for (OptimizedParameter& parameter : parameters_)
            if (at::Tensor gradient = parameter.tensor.grad(); gradient.defined())
                gradient.mul_(limit / norm);
    return norm;
}

std::string Optimizer::firstBadGradient() const {
    for (const OptimizedParameter& parameter : parameters_)
        if (const at::Tensor gradient = parameter.tensor.grad();
            gradient.defined() && !at::isfinite(gradient).all().item<bool>())
            return parameter.name;
    return {};
}

std::map<std::string, at::Tensor> Optimizer::state() const {
    std::map<std::string, at::Tensor> state;
    for (size_t i = 0; i < parameters_.size(); ++i) {
        state["optimizer." + parameters_[i].name + ".first"] = first_[i];
        state["optimizer." + parameters_[i].name + ".second"] = second_[i];
    }
    state["optimizer_steps"] = at::tensor({steps_}, at::kLong);
    state["optimizer_momentum_product"] = at::tensor({momentumProduct_}, at::kDouble);
    return state;
}

Result<void> Optimizer::restore(const std::map<std::string, at::Tensor>& state) {
    const auto find = [&](const std::string& name, at::IntArrayRef shape) -> Result<at::Tensor> {
        const auto it = state.find(name);
        if (it == state.end())
            return fail(ErrorCode::NotFound, "the checkpoint lacks this tensor of the optimiser", name,
                        "It belongs to another student or optimiser");
        if (it->second.sizes() != shape)
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("expected {} values, found {}", c10::multiply_integers(shape),
                                    it->second.numel()),
                        name, "It belongs to another student");
        return it->second;
    };
    const at::NoGradGuard noGrad;
    for (size_t i = 0; i < parameters_.size(); ++i) {
        const std::string name = "optimizer." + parameters_[i].name;
        VITRINE_TRY(const at::Tensor first, find(name + ".first", first_[i].sizes()));
        VITRINE_TRY(const at::Tensor second, find(name + ".second", second_[i].sizes()));
        first_[i].copy_(first);
        second_[i].copy_(second);
    }
    VITRINE_TRY(const at::Tensor steps, find("optimizer_steps", {1}));
    VITRINE_TRY(const at::Tensor product, find("optimizer_momentum_product", {1}));
    steps_ = steps.item<int64_t>();
    momentumProduct_ = product.item<double>();
    return {};
}

double cosineRate(int64_t step, int64_t warmup, int64_t total, double peak, double final) {
    if (step < warmup)
        return peak * double(step + 1) / double(warmup);
    const double share = std::min(1.0, double(step - warmup) / double(std::max<int64_t>(1, total - warmup)));
    return final + (peak - final) * 0.5 * (1 + std::cos(std::numbers::pi * share));
}

}  // namespace vitrine
