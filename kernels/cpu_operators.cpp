// CPU versions of the operators.
#include "kernels/local_attention/local_attention_operators.h"
#include "kernels/operator_bodies.h"

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

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, CPU, library) {
    Operators<CpuBackend>::registerIn(library);
    LocalAttentionOperators<CpuBackend>::registerIn(library);
}

}  // namespace vitrine::kernels
