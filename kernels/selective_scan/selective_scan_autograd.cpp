#include "kernels/autograd.h"

#include <optional>

namespace vitrine::kernels {
namespace {

using Tensor = at::Tensor;
using Optional = std::optional<at::Tensor>;
using ForwardSignature = std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&,
                                                    const Tensor&, const Tensor&, const Optional&,
                                                    const Optional&, const Optional&, const Optional&, bool);
using BackwardSignature = std::vector<Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                              const Tensor&, const Tensor&, const Tensor&, const Optional&,
                                              const Optional&, const Optional&, const Optional&, bool);

Tensor orUndefined(const Optional& tensor) {
    return tensor.value_or(Tensor());
}

class SelectiveScanFunction : public torch::autograd::Function<SelectiveScanFunction> {
  public:
    static VariableList forward(AutogradContext* context, const Tensor& u, const Tensor& delta,
                                const Tensor& a, const Tensor& b, const Tensor& c, const Optional& skip,
                                const Optional& gate, const Optional& deltaBias, const Optional& initialState,
                                bool softplus) {
        const at::AutoDispatchBelowADInplaceOrView below;
        static const auto op = operatorNamed<ForwardSignature>("vitrine::selective_scan");
        const auto [out, lastState] =
            op.call(u, delta, a, b, c, skip, gate, deltaBias, initialState, softplus);
        context->save_for_backward({u, delta, a, b, c, orUndefined(skip), orUndefined(gate),
                                    orUndefined(deltaBias), orUndefined(initialState)});
        context->saved_data["softplus"] = softplus;
        return {out, lastState};
    }
    static VariableList backward(AutogradContext* context, VariableList grads) {
        const auto s = context->get_saved_variables();
        static const auto op = operatorNamed<BackwardSignature>("vitrine::selective_scan_backward");
        const auto present = [&](size_t index) {
            return s[index].defined() ? Optional(s[index]) : Optional();
        };
        VariableList found = op.call(grads[0], grads[1], s[0], s[1], s[2], s[3], s[4], present(5), present(6),
                                     present(7), present(8), context->saved_data["softplus"].toBool());
        found.emplace_back();  // softplus
        return found;
    }
};

std::tuple<Tensor, Tensor> withGradient(const Tensor& u, const Tensor& delta, const Tensor& a,
                                        const Tensor& b, const Tensor& c, const Optional& skip,
                                        const Optional& gate, const Optional& deltaBias,
                                        const Optional& initialState, bool softplus) {
    const auto results =
        SelectiveScanFunction::apply(u, delta, a, b, c, skip, gate, deltaBias, initialState, softplus);
    return {results[0], results[1]};
}

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, Autograd, library) {
    library.impl("selective_scan", &withGradient);
}

}  // namespace vitrine::kernels
