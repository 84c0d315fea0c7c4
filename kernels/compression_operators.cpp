#include "kernels/compression_operators.h"

#include "kernels/autograd.h"
#include "kernels/operators.h"

namespace vitrine::kernels {

using OptionalInput = std::optional<at::Tensor>;

TORCH_LIBRARY_FRAGMENT(vitrine, library) {
    library.def("sparse24_search(Tensor scores, Tensor? scale, bool magnitude) -> Tensor");
    library.def("sparse24_apply(Tensor weight, Tensor patterns) -> Tensor");
    library.def("sparse24_pack(Tensor weight) -> (Tensor, Tensor, Tensor)");
    library.def("sparse24_unpack(Tensor values, Tensor metadata) -> Tensor");
    library.def("sparse24_linear(Tensor x, Tensor values, Tensor metadata, Tensor? bias) -> Tensor");
    library.def(
        "gumbel_mask(Tensor logits, Tensor? weight, int seed, float kappa, float tau, bool hard) -> Tensor");
    library.def(
        "gumbel_mask_backward(Tensor grad, Tensor logits, Tensor? weight, int seed, float kappa, float tau) "
        "-> "
        "Tensor");
    library.def(
        "low_bit_encode(Tensor values, int format, int bits, int group, Tensor? scales, Tensor? zeros, float "
        "tensor_scale) -> (Tensor, Tensor, Tensor)");
    library.def(
        "low_bit_decode(Tensor codes, Tensor scales, Tensor? zeros, int format, int group, float "
        "tensor_scale) -> "
        "Tensor");
    library.def("pack_bits(Tensor codes, int bits, bool high_first) -> Tensor");
    library.def("unpack_bits(Tensor packed, int bits, int columns, bool high_first) -> Tensor");
}

namespace {

template <typename Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
    ensureRegistered();
    return operatorNamed<Signature>(name);
}

// Nothing of the forward pass is kept but the logits: the backward pass makes the same noise again.
class GumbelMaskFunction : public torch::autograd::Function<GumbelMaskFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, const at::Tensor& logits, const OptionalInput& weight,
                              int64_t seed, double kappa, double tau, bool hard) {
        static const auto op =
            operatorNamed<at::Tensor(const at::Tensor&, const OptionalInput&, int64_t, double, double, bool)>(
                "vitrine::gumbel_mask");
        const bool weighted = weight && weight->defined();
        TORCH_CHECK(!weighted || !weight->requires_grad(),
                    "gumbel_mask: weight must not need gradients; multiply the mask by it instead");
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({logits, weighted ? *weight : at::Tensor()});
        context->saved_data["seed"] = seed;
        context->saved_data["kappa"] = kappa;
        context->saved_data["tau"] = tau;
        return op.call(logits, weight, seed, kappa, tau, hard);
    }
    static VariableList backward(AutogradContext* context, VariableList grads) {
        static const auto op =
            operatorNamed<at::Tensor(const at::Tensor&, const at::Tensor&, const OptionalInput&, int64_t,
                                     double, double)>("vitrine::gumbel_mask_backward");
        const auto saved = context->get_saved_variables();
        const auto weight = saved[1].defined() ? OptionalInput(saved[1]) : OptionalInput();
        const auto grad =
            op.call(grads[0], saved[0], weight, context->saved_data["seed"].toInt(),
                    context->saved_data["kappa"].toDouble(), context->saved_data["tau"].toDouble());
        return {grad, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

at::Tensor gumbelWithGradient(const at::Tensor& logits, const OptionalInput& weight, int64_t seed,
                              double kappa, double tau, bool hard) {
    return GumbelMaskFunction::apply(logits, weight, seed, kappa, tau, hard);
}

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, Autograd, library) {
    library.impl("gumbel_mask", &gumbelWithGradient);
}

at::Tensor sparse24Search(const at::Tensor& scores, const OptionalInput& scale, bool magnitude) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, const OptionalInput&, bool)>("vitrine::sparse24_search");
    return op.call(scores, scale, magnitude);
}

at::Tensor sparse24Apply(const at::Tensor& weight, const at::Tensor& patterns) {
    static const auto op = find<at::Tensor(const at::Tensor&, const at::Tensor&)>("vitrine::sparse24_apply");
    return op.call(weight, patterns);
}

Packed24 sparse24Pack(const at::Tensor& weight) {
    static const auto op =
        find<std::tuple<at::Tensor, at::Tensor, at::Tensor>(const at::Tensor&)>("vitrine::sparse24_pack");
    const auto [values, metadata, violations] = op.call(weight);
    return {values, metadata, violations.item<int64_t>()};
}

at::Tensor sparse24Unpack(const at::Tensor& values, const at::Tensor& metadata) {
    static const auto op = find<at::Tensor(const at::Tensor&, const at::Tensor&)>("vitrine::sparse24_unpack");
    return op.call(values, metadata);
}

at::Tensor sparse24Linear(const at::Tensor& x, const at::Tensor& values, const at::Tensor& metadata,
                          const OptionalInput& bias) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const OptionalInput&)>(
            "vitrine::sparse24_linear");
    return op.call(x, values, metadata, bias);
}

at::Tensor gumbelMask(const at::Tensor& logits, const OptionalInput& weight, int64_t seed, double kappa,
                      double tau, bool hard) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, const OptionalInput&, int64_t, double, double, bool)>(
            "vitrine::gumbel_mask");
    return op.call(logits, weight, seed, kappa, tau, hard);
}

LowBitCodes lowBitEncode(const at::Tensor& values, LowBitFormat format, int64_t bits, int64_t group,
                         const LowBitCodes& given) {
    using Signature = std::tuple<at::Tensor, at::Tensor, at::Tensor>(
        const at::Tensor&, int64_t, int64_t, int64_t, const OptionalInput&, const OptionalInput&, double);
    static const auto op = find<Signature>("vitrine::low_bit_encode");
    const auto optional = [](const at::Tensor& tensor) {
        return tensor.defined() ? OptionalInput(tensor) : OptionalInput();
    };
    double tensorScale = given.tensorScale;
    if (format == LowBitFormat::Nvfp4 && !given.scales.defined()) {
        const double largest = values.numel() > 0 ? values.abs().max().item<double>() : 0;
        tensorScale = largest > 0 ? double(float(largest) / (6.f * 448.f)) : 1;
    }
    const auto [codes, scales, zeros] = op.call(values, int64_t(format), bits, group, optional(given.scales),
                                                optional(given.zeros), tensorScale);
    return {codes, scales, zeros.numel() > 0 ? zeros : at::Tensor(), tensorScale};
}

at::Tensor lowBitDecode(const LowBitCodes& codes, LowBitFormat format, int64_t group) {
    static const auto op = find<at::Tensor(const at::Tensor&, const at::Tensor&, const OptionalInput&,
                                           int64_t, int64_t, double)>("vitrine::low_bit_decode");
    return op.call(codes.codes, codes.scales,
                   codes.zeros.defined() ? OptionalInput(codes.zeros) : OptionalInput(), int64_t(format),
                   group, codes.tensorScale);
}

at::Tensor packBits(const at::Tensor& codes, int64_t bits, bool highFirst) {
    static const auto op = find<at::Tensor(const at::Tensor&, int64_t, bool)>("vitrine::pack_bits");
    return op.call(codes, bits, highFirst);
}

at::Tensor unpackBits(const at::Tensor& packed, int64_t bits, int64_t columns, bool highFirst) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, int64_t, int64_t, bool)>("vitrine::unpack_bits");
    return op.call(packed, bits, columns, highFirst);
}

}  // namespace vitrine::kernels
