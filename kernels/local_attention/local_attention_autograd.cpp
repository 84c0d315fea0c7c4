#include "kernels/autograd.h"

namespace vitrine::kernels {
namespace {

using Tensor = at::Tensor;
using ForwardSignature = std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&,
                                                    const Tensor&, int64_t, double);
using BackwardSignature = std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&,
                                                             const Tensor&, const Tensor&, const Tensor&,
                                                             int64_t, double);

class LocalAttentionFunction : public torch::autograd::Function<LocalAttentionFunction> {
  public:
    static VariableList forward(AutogradContext* context, const Tensor& query, const Tensor& key,
                                const Tensor& value, const Tensor& slopes, int64_t radius, double scale) {
        const at::AutoDispatchBelowADInplaceOrView below;
        static const auto op = operatorNamed<ForwardSignature>("vitrine::local_attention");
        const auto [out, logSum] = op.call(query, key, value, slopes, radius, scale);
        context->save_for_backward({query, key, value, slopes, logSum});
        context->saved_data["radius"] = radius;
        context->saved_data["scale"] = scale;
        context->mark_non_differentiable({logSum});
        return {out, logSum};
    }
    static VariableList backward(AutogradContext* context, VariableList grads) {
        const auto saved = context->get_saved_variables();
        static const auto op = operatorNamed<BackwardSignature>("vitrine::local_attention_backward");
        const auto [query, key, value] =
            op.call(grads[0], saved[0], saved[1], saved[2], saved[3], saved[4],
                    context->saved_data["radius"].toInt(), context->saved_data["scale"].toDouble());
        return {query, key, value, Tensor(), Tensor(), Tensor()};
    }
};

std::tuple<Tensor, Tensor> withGradient(const Tensor& query, const Tensor& key, const Tensor& value,
                                        const Tensor& slopes, int64_t radius, double scale) {
    const auto results = LocalAttentionFunction::apply(query, key, value, slopes, radius, scale);
    return {results[0], results[1]};
}

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, Autograd, library) {
    library.impl("local_attention", &withGradient);
}

}  // namespace vitrine::kernels
