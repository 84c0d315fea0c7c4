#include "core/features/numeric_scan.h"

#include "kernels/operators.h"

#include <ATen/core/grad_mode.h>

namespace vitrine {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

// Arguments of the call as leaves of a graph.
class Leaves {
  public:
    static Result<Leaves> of(const Json& call, const Tensors& inputs) {
        Leaves leaves;
        leaves.id_ = call["id"].get<std::string>();
        for (const auto& [argument, name] : call["inputs"].items()) {
            const auto found = inputs.find(name.is_string() ? name.get<std::string>() : argument);
            if (found == inputs.end())
                return fail(ErrorCode::NotFound, "the case lacks this input", name.dump());
            leaves.tensors_[argument] = found->second.detach().clone().requires_grad_();
        }
        return leaves;
    }
    Result<void> require(std::initializer_list<const char*> names) const {
        for (const char* name : names)
            if (!tensors_.contains(name))
                return fail(ErrorCode::NotFound, "the case lacks this input", name);
        return {};
    }
    std::optional<at::Tensor> find(const std::string& argument) const {
        const auto found = tensors_.find(argument);
        return found == tensors_.end() ? std::nullopt : std::optional(found->second);
    }
    at::Tensor operator[](const char* argument) const { return tensors_.at(argument); }

    // `outputs` by their short names, with the gradients of Σ output · grad_output.
    Tensors results(const Tensors& outputs, const Tensors& inputs) const {
        Tensors named;
        at::Tensor objective;
        for (const auto& [name, output] : outputs) {
            named[id_ + "." + name] = output.detach();
            if (const auto grad = inputs.find(id_ + ".grad_" + name); grad != inputs.end()) {
                const at::Tensor part = (output * grad->second).sum();
                objective = objective.defined() ? objective + part : part;
            }
        }
        if (!objective.defined())
            return named;
        objective.backward();
        for (const auto& [argument, leaf] : tensors_)
            named[id_ + ".grad." + argument] = leaf.grad();
        return named;
    }

  private:
    std::string id_;
    Tensors tensors_;
};

Result<Tensors> runSelectiveScan(const Json& call, const Leaves& leaves, const Tensors& inputs) {
    VITRINE_TRY_VOID(leaves.require({"u", "delta", "A", "B", "C"}));
    kernels::SelectiveScanTensors scan{
        leaves["u"],      leaves["delta"],           leaves["A"], leaves["B"], leaves["C"], leaves.find("D"),
        leaves.find("z"), leaves.find("delta_bias"), {},          false};
    if (const auto arguments = call.find("arguments"); arguments != call.end() && arguments->is_object())
        scan.softplus = arguments->value("delta_softplus", false);
    const auto [out, lastState] = kernels::selectiveScan(scan);
    return leaves.results({{"out", out}, {"last_state", lastState}}, inputs);
}

// x (B, D, L), weight (D, W): output t sees inputs t - W + 1 to t.
Result<Tensors> runCausalConvolution(const Leaves& leaves, const Tensors& inputs) {
    VITRINE_TRY_VOID(leaves.require({"x", "weight", "bias"}));
    const at::Tensor x = leaves["x"], weight = leaves["weight"];
    if (x.dim() != 3 || weight.dim() != 2)
        return fail(ErrorCode::ShapeMismatch, "expected x (B, D, L) and weight (D, W)", "causal_conv1d");
    const at::Tensor padded = at::constant_pad_nd(x, {weight.size(1) - 1, 0});
    const at::Tensor out = at::silu(
        at::conv1d(padded, weight.unsqueeze(1), leaves["bias"], 1, at::IntArrayRef{0}, 1, x.size(1)));
    return leaves.results({{"out", out}}, inputs);
}

}  // namespace

bool isScanCall(const Json& call) {
    if (!call.is_object() || !call.value("id", Json()).is_string())
        return false;
    const auto arguments = call.find("inputs");
    if (arguments == call.end() || !arguments->is_object())
        return false;
    return call["id"] == "causal_conv1d" || (arguments->contains("u") && arguments->contains("delta"));
}

Result<Tensors> runScanCall(const Json& call, const Tensors& inputs) {
    const at::AutoGradMode withGradients(true);
    VITRINE_TRY(const Leaves leaves, Leaves::of(call, inputs));
    return call["id"] == "causal_conv1d" ? runCausalConvolution(leaves, inputs)
                                         : runSelectiveScan(call, leaves, inputs);
}

}  // namespace vitrine
