// CUDA versions of the operators. This library is loaded at run time only (cuda_loader.h).
#include "kernels/local_attention/local_attention_operators.h"
#include "kernels/operator_bodies.h"
#include "kernels/selective_scan/selective_scan_operators.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

namespace vitrine::kernels {
namespace {

// Of the current device, which the operators set to that of their inputs.
void* stream() {
    return c10::cuda::getCurrentCUDAStream().stream();
}
void checkLaunch() {
    C10_CUDA_KERNEL_LAUNCH_CHECK();
}

struct CudaBackend {
    template <typename T>
    static void run(const CosineMapArguments<T>& arguments) {
        cosineSimilarityMapCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const PcaProjectionArguments<T>& arguments) {
        pcaProjectionCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T, typename Tap>
    static void run(const AdaptiveConvArguments<T, Tap>& arguments) {
        adaptiveConvCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const AdaptiveConvGradArguments<T>& arguments) {
        adaptiveConvGradCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const HadamardArguments<T>& arguments) {
        hadamardCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const LocalAttentionArguments<T>& arguments) {
        localAttentionCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const LocalAttentionQueryGradArguments<T>& arguments) {
        localAttentionGradCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const LocalAttentionKeyGradArguments<T>& arguments) {
        localAttentionGradCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const SelectiveScanArguments<T>& arguments) {
        selectiveScanCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const SelectiveScanGradArguments<T>& arguments) {
        selectiveScanGradCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T, typename Tap>
    static void jbuLearnedTaps(const JbuTapArguments<T, Tap>& arguments) {
        jbuLearnedTapsCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T, typename Tap>
    static void jbuGuidedTaps(const JbuTapArguments<T, Tap>& arguments) {
        jbuGuidedTapsCuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void nmMask(const T* scores, uint8_t* mask, int64_t groups, int64_t n, int64_t m) {
        nmMaskCuda(scores, mask, groups, n, m, stream());
        checkLaunch();
    }
    template <typename T>
    static void nmScan(const T* weight, int64_t* histogram, int64_t groups, int64_t m) {
        nmScanCuda(weight, histogram, groups, m, stream());
        checkLaunch();
    }
};

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, CUDA, library) {
    Operators<CudaBackend>::registerIn(library);
    LocalAttentionOperators<CudaBackend>::registerIn(library);
    SelectiveScanOperators<CudaBackend>::registerIn(library);
}

}  // namespace vitrine::kernels
