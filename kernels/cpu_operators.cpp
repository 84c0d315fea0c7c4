// CPU versions of the operators, and the gradient of the adaptive convolution for all devices.
#include "kernels/operator_bodies.h"

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

using ConvSignature = at::Tensor(const at::Tensor&, const at::Tensor&);
using ConvBackwardSignature = std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&,
                                                                 const at::Tensor&);

class AdaptiveConvFunction : public torch::autograd::Function<AdaptiveConvFunction> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                              const at::Tensor& filters) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({input, filters});
        static const auto op = c10::Dispatcher::singleton()
                                   .findSchemaOrThrow("vitrine::adaptive_conv", "")
                                   .typed<ConvSignature>();
        return op.call(input, filters);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list grads) {
        const auto saved = context->get_saved_variables();
        static const auto op = c10::Dispatcher::singleton()
                                   .findSchemaOrThrow("vitrine::adaptive_conv_backward", "")
                                   .typed<ConvBackwardSignature>();
        const auto [gradInput, gradFilters] = op.call(grads[0], saved[0], saved[1]);
        return {gradInput, gradFilters};
    }
};

at::Tensor adaptiveConvWithGradient(const at::Tensor& input, const at::Tensor& filters) {
    return AdaptiveConvFunction::apply(input, filters);
}

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, CPU, library) {
    Operators<CpuBackend>::registerIn(library);
}

TORCH_LIBRARY_IMPL(vitrine, Autograd, library) {
    library.impl("adaptive_conv", &adaptiveConvWithGradient);
}

}  // namespace vitrine::kernels
