// Selective scan between torch and the plain kernels, for both devices. Backend: as in operator_bodies.h,
// with run(...) for the two argument structs.
#pragma once

#include "kernels/operator_bodies.h"
#include "kernels/selective_scan/selective_scan.h"

#include <optional>

namespace vitrine::kernels {

using OptionalTensor = std::optional<at::Tensor>;

// The arguments of both operators, checked and in the layouts that the kernels read.
class SelectiveScanCall {
  public:
    SelectiveScanCall(const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b,
                      const at::Tensor& c, const OptionalTensor& skip, const OptionalTensor& gate,
                      const OptionalTensor& deltaBias, const OptionalTensor& initialState, bool softplus)
        : u_(u), delta_(delta), softplus_(softplus), plainGroups_(b.defined() && b.dim() == 3) {
        checkDimensions(kName, "u", u, 3);
        checkReal(kName, "u", u, false);
        checkDimensions(kName, "A", a, 2);
        same("delta", delta, {u.size(0), u.size(1), u.size(2)});
        same("A", a, {u.size(1), a.size(1)});
        TORCH_CHECK(a.size(1) >= 1 && (!u.is_cuda() || a.size(1) <= kScanCudaStates), kName,
                    ": A must have 1 to ", kScanCudaStates, " states (more on the CPU only), found ",
                    shapeText(a));
        a_ = a.contiguous();
        b_ = grouped("B", b);
        c_ = grouped("C", c);
        TORCH_CHECK(b_.sizes() == c_.sizes(), kName, ": B and C must have the same groups, found ",
                    shapeText(b), " and ", shapeText(c));
        skip_ = packed(optional("D", skip, {u.size(1)}));
        gate_ = optional("z", gate, {u.size(0), u.size(1), u.size(2)});
        deltaBias_ = packed(optional("delta_bias", deltaBias, {u.size(1)}));
        initialState_ = packed(optional("initial_state", initialState, {u.size(0), u.size(1), a.size(1)}));
    }

    SelectiveScanSizes sizes() const { return {u_.size(0), u_.size(1), b_.size(1), a_.size(1), u_.size(2)}; }

    template <typename T>
    SelectiveScanInputs<T> inputs() const {
        return {sizes(),
                sequence<const T>(u_),
                sequence<const T>(delta_),
                sequence<const T>(gate_),
                data<T>(a_),
                data<T>(b_),
                data<T>(c_),
                data<T>(skip_),
                data<T>(deltaBias_),
                data<T>(initialState_),
                softplus_};
    }

    template <typename T>
    static Sequence<T> sequence(const at::Tensor& tensor) {
        if (!tensor.defined())
            return {};
        T* start;
        if constexpr (std::is_const_v<T>)
            start = static_cast<T*>(tensor.const_data_ptr());
        else
            start = static_cast<T*>(tensor.mutable_data_ptr());
        return {start, tensor.stride(0), tensor.stride(1), tensor.stride(2)};
    }

    // Sums of (batch, groups, slices, length, states) over the slices, in the shape of B.
    at::Tensor ungrouped(const at::Tensor& parts) const {
        const auto sum = parts.sum(2).transpose(2, 3);
        return plainGroups_ ? sum.squeeze(1) : sum;
    }

    const at::Tensor& u() const { return u_; }
    const at::Tensor& delta() const { return delta_; }
    const at::Tensor& gate() const { return gate_; }
    bool hasSkip() const { return skip_.defined(); }
    bool hasDeltaBias() const { return deltaBias_.defined(); }
    bool hasInitialState() const { return initialState_.defined(); }
    at::Tensor initialStateOrZeros() const {
        return initialState_.defined() ? initialState_.clone()
                                       : at::zeros({u_.size(0), u_.size(1), a_.size(1)}, u_.options());
    }

  private:
    static constexpr const char* kName = "selective_scan";

    void same(const char* name, const at::Tensor& tensor, at::IntArrayRef shape) const {
        checkDimensions(kName, name, tensor, int64_t(shape.size()));
        for (size_t dimension = 0; dimension < shape.size(); ++dimension)
            checkSize(kName, name, tensor, int64_t(dimension), shape[dimension]);
        checkSameDevice(kName, name, tensor, u_);
        TORCH_CHECK(tensor.scalar_type() == u_.scalar_type(), kName, ": ", name, " must be ",
                    u_.scalar_type(), ", found ", tensor.scalar_type());
    }

    at::Tensor optional(const char* name, const OptionalTensor& tensor, at::IntArrayRef shape) const {
        if (!tensor || !tensor->defined())
            return {};
        same(name, *tensor, shape);
        return *tensor;
    }

    // (B, states, L) or (B, G, states, L) -> (B, G, L, states)
    at::Tensor grouped(const char* name, const at::Tensor& tensor) const {
        TORCH_CHECK(tensor.defined() && (tensor.dim() == 3 || tensor.dim() == 4), kName, ": ", name,
                    " must be (batch, states, length) or (batch, groups, states, length), found ",
                    tensor.defined() ? shapeText(tensor) : std::string("no tensor"));
        const auto four = tensor.dim() == 3 ? tensor.unsqueeze(1) : tensor;
        const int64_t groups = four.size(1);
        TORCH_CHECK(groups >= 1 && u_.size(1) % groups == 0, kName, ": the ", groups, " groups of ", name,
                    " must divide the ", u_.size(1), " channels");
        same(name, four, {u_.size(0), groups, a_.size(1), u_.size(2)});
        return four.transpose(2, 3).contiguous();
    }

    template <typename T>
    static const T* data(const at::Tensor& tensor) {
        return tensor.defined() ? elements<T>(tensor) : nullptr;
    }
    static at::Tensor packed(const at::Tensor& tensor) {
        return tensor.defined() ? tensor.contiguous() : tensor;
    }

    at::Tensor u_, delta_, gate_, a_, b_, c_, skip_, deltaBias_, initialState_;
    bool softplus_, plainGroups_;
};

template <typename Backend>
struct SelectiveScanOperators {
    static std::tuple<at::Tensor, at::Tensor> selectiveScan(
        const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b,
        const at::Tensor& c, const OptionalTensor& skip, const OptionalTensor& gate,
        const OptionalTensor& deltaBias, const OptionalTensor& initialState, bool softplus) {
        const c10::OptionalDeviceGuard guard(at::device_of(u));
        const SelectiveScanCall call(u, delta, a, b, c, skip, gate, deltaBias, initialState, softplus);
        auto out = at::empty_like(u), lastState = call.initialStateOrZeros();
        if (out.numel() == 0)
            return {out, lastState};
        withFull(u.scalar_type(), [&]<typename T>(T) {
            Backend::run(SelectiveScanArguments<T>{call.inputs<T>(), SelectiveScanCall::sequence<T>(out),
                                                   writable<T>(lastState)});
        });
        return {out, lastState};
    }

    // Gradients in the order of the inputs; undefined where an input is absent.
    static std::vector<at::Tensor> selectiveScanBackward(
        const at::Tensor& gradOut, const at::Tensor& gradLastState, const at::Tensor& u,
        const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b, const at::Tensor& c,
        const OptionalTensor& skip, const OptionalTensor& gate, const OptionalTensor& deltaBias,
        const OptionalTensor& initialState, bool softplus) {
        const c10::OptionalDeviceGuard guard(at::device_of(u));
        const SelectiveScanCall call(u, delta, a, b, c, skip, gate, deltaBias, initialState, softplus);
        const auto s = call.sizes();
        const auto like = u.options();
        const auto gradLast = gradLastState.contiguous();
        const auto kept = at::empty({s.batch, s.chunks(), s.states, s.channels}, like);
        const auto gradU = at::empty_like(u), gradDelta = at::empty_like(delta);
        const auto gradGate = call.gate().defined() ? at::empty_like(call.gate()) : at::Tensor();
        const auto gradA = at::empty({s.batch, s.channels, s.states}, like),
                   gradInitial = at::empty_like(gradA);
        const auto gradB = at::empty({s.batch, s.groups, s.slices(), s.length, s.states}, like),
                   gradC = at::empty_like(gradB);
        const auto gradSkip = at::empty({s.batch, s.channels}, like), gradBias = at::empty_like(gradSkip);
        if (u.numel() > 0)
            withFull(u.scalar_type(), [&]<typename T>(T) {
                const auto sequence = [](const at::Tensor& t) { return SelectiveScanCall::sequence<T>(t); };
                Backend::run(SelectiveScanGradArguments<T>{
                    call.inputs<T>(), SelectiveScanCall::sequence<const T>(gradOut), elements<T>(gradLast),
                    writable<T>(kept), sequence(gradU), sequence(gradDelta), sequence(gradGate),
                    writable<T>(gradA), writable<T>(gradB), writable<T>(gradC), writable<T>(gradSkip),
                    writable<T>(gradBias), writable<T>(gradInitial)});
            });
        else {
            gradInitial.copy_(gradLast);
            for (const auto& sum : {gradA, gradSkip, gradBias})
                sum.zero_();
        }
        return {gradU,
                gradDelta,
                gradA.sum(0),
                call.ungrouped(gradB),
                call.ungrouped(gradC),
                call.hasSkip() ? gradSkip.sum(0) : at::Tensor(),
                gradGate,
                call.hasDeltaBias() ? gradBias.sum(0) : at::Tensor(),
                call.hasInitialState() ? gradInitial : at::Tensor()};
    }

    static void registerIn(torch::Library& library) {
        library.impl("selective_scan", &SelectiveScanOperators::selectiveScan);
        library.impl("selective_scan_backward", &SelectiveScanOperators::selectiveScanBackward);
    }
};

}  // namespace vitrine::kernels
