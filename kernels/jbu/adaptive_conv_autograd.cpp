// Gradients of the adaptive convolution. Convolution, spreading and neighbour products are one trilinear
// form's three partial derivatives, so each one's gradients are the other two and every order of derivative
// exists:
//   F(x, w, g) = Σ g[b,c,y,x] w[b,y,x,i,j] x[b,c,y+i,x+j],   conv = ∂F/∂g,  spread = ∂F/∂x,  products = ∂F/∂w
#include "kernels/autograd.h"
#include "kernels/operators.h"

namespace vitrine::kernels {
namespace {

using Signature = at::Tensor(const at::Tensor&, const at::Tensor&);

// Saves both inputs and runs the operator `name` below autograd.
at::Tensor runSaving(AutogradContext* context, const c10::TypedOperatorHandle<Signature>& op,
                     const at::Tensor& first, const at::Tensor& second) {
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({first, second});
    return op.call(first, second);
}

class ConvFunction : public torch::autograd::Function<ConvFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& filters) {
        static const auto op = operatorNamed<Signature>("vitrine::adaptive_conv");
        return runSaving(context, op, input, filters);
    }
    static VariableList backward(AutogradContext* context, VariableList grads) {
        const auto saved = context->get_saved_variables();
        return {context->needs_input_grad(0) ? adaptiveConvSpread(grads[0], saved[1]) : at::Tensor(),
                context->needs_input_grad(1) ? neighbourProducts(grads[0], saved[0]) : at::Tensor()};
    }
};

class SpreadFunction : public torch::autograd::Function<SpreadFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, const at::Tensor& centre, const at::Tensor& filters) {
        static const auto op = operatorNamed<Signature>("vitrine::adaptive_conv_spread");
        return runSaving(context, op, centre, filters);
    }
    static VariableList backward(AutogradContext* context, VariableList grads) {
        const auto saved = context->get_saved_variables();
        return {context->needs_input_grad(0) ? adaptiveConv(grads[0], saved[1]) : at::Tensor(),
                context->needs_input_grad(1) ? neighbourProducts(saved[0], grads[0]) : at::Tensor()};
    }
};

class ProductsFunction : public torch::autograd::Function<ProductsFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, const at::Tensor& centre, const at::Tensor& around) {
        static const auto op = operatorNamed<Signature>("vitrine::neighbour_products");
        return runSaving(context, op, centre, around);
    }
    static VariableList backward(AutogradContext* context, VariableList grads) {
        const auto saved = context->get_saved_variables();
        return {context->needs_input_grad(0) ? adaptiveConv(saved[1], grads[0]) : at::Tensor(),
                context->needs_input_grad(1) ? adaptiveConvSpread(saved[0], grads[0]) : at::Tensor()};
    }
};

template <typename Function>
at::Tensor withGradient(const at::Tensor& first, const at::Tensor& second) {
    return Function::apply(first, second);
}

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, Autograd, library) {
    library.impl("adaptive_conv", &withGradient<ConvFunction>);
    library.impl("adaptive_conv_spread", &withGradient<SpreadFunction>);
    library.impl("neighbour_products", &withGradient<ProductsFunction>);
}

}  // namespace vitrine::kernels
