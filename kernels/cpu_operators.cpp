// CPU versions of the operators, and the gradients for all devices.
#include "kernels/local_attention/local_attention_operators.h"
#include "kernels/operator_bodies.h"
#include "kernels/selective_scan/selective_scan_operators.h"

#include <torch/csrc/autograd/custom_function.h>

namespace vitrine::kernels {
namespace {

struct CpuBackend {
    template <typename T>
    static void run(const CosineMapArguments<T>& arguments) {
        cosineSimilarityMapCpu(arguments);
    }
    template <typename T>
    static void run(const PcaProjectionArguments<T>& arguments) {
        pcaProjectionCpu(arguments);
    }
    template <typename T, typename Tap>
    static void run(const AdaptiveConvArguments<T, Tap>& arguments) {
        adaptiveConvCpu(arguments);
    }
    template <typename T>
    static void run(const AdaptiveConvGradArguments<T>& arguments) {
        adaptiveConvGradCpu(arguments);
    }
    template <typename T>
    static void run(const HadamardArguments<T>& arguments) {
        hadamardCpu(arguments);
    }
    template <typename T>
    static void run(const LocalAttentionArguments<T>& arguments) {
        localAttentionCpu(arguments);
    }
    template <typename T>
    static void run(const LocalAttentionQueryGradArguments<T>& arguments) {
        localAttentionGradCpu(arguments);
    }
    template <typename T>
    static void run(const LocalAttentionKeyGradArguments<T>& arguments) {
        localAttentionGradCpu(arguments);
    }
    template <typename T>
    static void run(const SelectiveScanArguments<T>& arguments) {
        selectiveScanCpu(arguments);
    }
    template <typename T>
    static void run(const SelectiveScanGradArguments<T>& arguments) {
        selectiveScanGradCpu(arguments);
    }
    template <typename T, typename Tap>
    static void jbuLearnedTaps(const JbuTapArguments<T, Tap>& arguments) {
        jbuLearnedTapsCpu(arguments);
    }
    template <typename T, typename Tap>
    static void jbuGuidedTaps(const JbuTapArguments<T, Tap>& arguments) {
        jbuGuidedTapsCpu(arguments);
    }
    template <typename T>
    static void nmMask(const T* scores, uint8_t* mask, int64_t groups, int64_t n, int64_t m) {
        nmMaskCpu(scores, mask, groups, n, m);
    }
    template <typename T>
    static void nmScan(const T* weight, int64_t* histogram, int64_t groups, int64_t m) {
        nmScanCpu(weight, histogram, groups, m);
    }
};

// The transform is symmetric: its gradient is the transform of the gradient.
class HadamardFunction : public torch::autograd::Function<HadamardFunction> {
  public:
    static at::Tensor transform(const at::Tensor& input, int64_t order, double scale) {
        static const auto op = c10::Dispatcher::singleton()
                                   .findSchemaOrThrow("vitrine::hadamard_transform", "")
                                   .typed<at::Tensor(const at::Tensor&, int64_t, double)>();
        return op.call(input, order, scale);
    }
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                              int64_t order, double scale) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->saved_data["order"] = order;
        context->saved_data["scale"] = scale;
        context->saved_data["type"] = int64_t(input.scalar_type());
        return transform(input, order, scale);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list grads) {
        const auto type = at::ScalarType(context->saved_data["type"].toInt());
        const auto grad = transform(grads[0], context->saved_data["order"].toInt(),
                                    context->saved_data["scale"].toDouble());
        return {grad.to(type), at::Tensor(), at::Tensor()};
    }
};

at::Tensor hadamardWithGradient(const at::Tensor& input, int64_t order, double scale) {
    return HadamardFunction::apply(input, order, scale);
}

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, CPU, library) {
    Operators<CpuBackend>::registerIn(library);
    LocalAttentionOperators<CpuBackend>::registerIn(library);
    SelectiveScanOperators<CpuBackend>::registerIn(library);
}

TORCH_LIBRARY_IMPL(vitrine, Autograd, library) {
    library.impl("hadamard_transform", &hadamardWithGradient);
}

}  // namespace vitrine::kernels
