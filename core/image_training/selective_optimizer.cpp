#include "core/image_training/selective_optimizer.h"

namespace vitrine {

using Kind = SelectiveOptimizerOptions::Kind;

SelectiveOptimizer::SelectiveOptimizer(const std::vector<at::Tensor>& weights, std::vector<bool> decays,
                                       SelectiveOptimizerOptions options)
    : options_(options), decays_(std::move(decays)) {
    for (const at::Tensor& weight : weights) {
        first_.push_back(at::zeros_like(weight));
        if (options_.kind == Kind::AdamW) {
            second_.push_back(at::zeros_like(weight));
            count_.push_back(at::zeros_like(weight));
        }
    }
}

void SelectiveOptimizer::step(std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& gradients,
                              const std::vector<at::Tensor>& selection, double rate) {
    const at::NoGradGuard plain;
    for (size_t index = 0; index < weights.size(); ++index) {
        const at::Tensor& chosen = selection[index];
        if (!gradients[index].defined() || (chosen.defined() && chosen.numel() == 0))
            continue;
        at::Tensor& weight = weights[index];
        const auto put = [&](at::Tensor& place, const at::Tensor& value) {
            place.copy_(chosen.defined() ? at::where(chosen, value, place) : value);
        };
        at::Tensor gradient = gradients[index];
        if (options_.kind == Kind::Sgd) {
            if (decays_[index] && options_.weightDecay > 0)
                gradient = gradient + options_.weightDecay * weight;
            put(first_[index], first_[index] * options_.momentum + gradient);
            put(weight, weight - rate * first_[index]);
            continue;
        }
        put(count_[index], count_[index] + 1);
        put(first_[index], at::lerp(gradient, first_[index], options_.momentum));
        put(second_[index], at::lerp(gradient.square(), second_[index], options_.beta2));
        // A count of 0 belongs to weights that are not selected.
        const at::Tensor count = count_[index].clamp_min(1);
        const at::Tensor mean = first_[index] / (1 - at::pow(options_.momentum, count));
        const at::Tensor square = second_[index] / (1 - at::pow(options_.beta2, count));
        const double kept = decays_[index] ? 1 - rate * options_.weightDecay : 1;
        put(weight, weight * kept - rate * mean / (square.sqrt() + options_.epsilon));
    }
}

void SelectiveOptimizer::reset(size_t parameter, const at::Tensor& places) {
    for (auto* list : {&first_, &second_, &count_})
        if (!list->empty())
            (*list)[parameter].masked_fill_(places, 0);
}

void SelectiveOptimizer::save(std::map<std::string, at::Tensor>& state) const {
    for (size_t index = 0; index < first_.size(); ++index) {
        state[fmt::format("optimizer.{}.first", index)] = first_[index];
        if (options_.kind == Kind::AdamW) {
            state[fmt::format("optimizer.{}.second", index)] = second_[index];
            state[fmt::format("optimizer.{}.count", index)] = count_[index];
        }
    }
}

Result<void> SelectiveOptimizer::restore(const std::map<std::string, at::Tensor>& state) {
    const auto read = [&](at::Tensor& into, size_t index, const char* part) -> Result<void> {
        const std::string name = fmt::format("optimizer.{}.{}", index, part);
        const auto found = state.find(name);
        if (found == state.end() || found->second.sizes() != into.sizes())
            return fail(ErrorCode::InvalidFile, "the checkpoint has no such tensor of this shape", name);
        into.copy_(found->second);
        return {};
    };
    for (size_t index = 0; index < first_.size(); ++index) {
        VITRINE_TRY_VOID(read(first_[index], index, "first"));
        if (options_.kind == Kind::AdamW) {
            VITRINE_TRY_VOID(read(second_[index], index, "second"));
            VITRINE_TRY_VOID(read(count_[index], index, "count"));
        }
    }
    return {};
}

}  // namespace vitrine
