#include "core/nn/recompute.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace vitrine::nn {
namespace {

using Step = std::function<at::Tensor(const at::Tensor&)>;

// What a step ran under, put back while it runs again on the engine's thread.
class AutocastState {
  public:
    explicit AutocastState(at::DeviceType device)
        : device_(device),
          enabled_(at::autocast::is_autocast_enabled(device)),
          type_(at::autocast::get_autocast_dtype(device)) {}
    void apply() const {
        at::autocast::set_autocast_enabled(device_, enabled_);
        at::autocast::set_autocast_dtype(device_, type_);
    }

  private:
    at::DeviceType device_;
    bool enabled_;
    at::ScalarType type_;
};

struct StepHolder : torch::CustomClassHolder {
    StepHolder(Step wanted, AutocastState state) : step(std::move(wanted)), autocast(state) {}
    Step step;
    AutocastState autocast;
};

class Recompute : public torch::autograd::Function<Recompute> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                              const c10::intrusive_ptr<StepHolder>& holder) {
        context->save_for_backward({x});
        context->saved_data["step"] = c10::IValue::make_capsule(holder);
        return holder->step(x);  // gradients are off in here
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto holder =
            c10::static_intrusive_pointer_cast<StepHolder>(context->saved_data["step"].toCapsule());
        const at::Tensor x = context->get_saved_variables()[0].detach().requires_grad_(true);
        const AutocastState outer(x.device().type());
        at::Tensor y;
        {
            const at::AutoGradMode gradients(true);
            holder->autocast.apply();
            y = holder->step(x);
            outer.apply();
        }
        // Gradients of the parameters are added to them here; that of the input goes on.
        torch::autograd::backward({y}, {gradients[0]});
        return {x.grad(), at::Tensor()};
    }
};

}  // namespace

at::Tensor recomputed(Step step, const at::Tensor& x) {
    if (!at::GradMode::is_enabled() || !x.requires_grad())
        return step(x);
    return Recompute::apply(
        x, c10::make_intrusive<StepHolder>(std::move(step), AutocastState(x.device().type())));
}

}  // namespace vitrine::nn
