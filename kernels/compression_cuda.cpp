// CUDA versions of the compression operators, in the library that is loaded at run time only (cuda_loader.h).
#include "kernels/compression_bodies.h"

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

struct CompressionCuda {
    template <typename T>
    static void run(const Search24Arguments<T>& arguments) {
        search24Cuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const Apply24Arguments<T>& arguments) {
        apply24Cuda(arguments, stream());
        checkLaunch();
    }
    template <typename T, typename Word>
    static void run(const Pack24Arguments<T, Word>& arguments) {
        pack24Cuda(arguments, stream());
        checkLaunch();
    }
    template <typename T, typename Word>
    static void run(const Unpack24Arguments<T, Word>& arguments) {
        unpack24Cuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const Product24Arguments<T>& arguments) {
        product24Cuda(arguments, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const GumbelMaskArguments<T>& arguments, int64_t candidates) {
        gumbelMaskCuda(arguments, candidates, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const GumbelMaskGradArguments<T>& arguments, int64_t candidates) {
        gumbelMaskGradCuda(arguments, candidates, stream());
        checkLaunch();
    }
    template <typename T>
    static void run(const LowBitArguments<T>& arguments) {
        lowBitEncodeCuda(arguments, stream());
        checkLaunch();
    }
    static void run(const LowBitDecodeArguments& arguments) {
        lowBitDecodeCuda(arguments, stream());
        checkLaunch();
    }
    static void run(const PackBitsArguments& arguments) {
        packBitsCuda(arguments, stream());
        checkLaunch();
    }
    static void run(const UnpackBitsArguments& arguments) {
        unpackBitsCuda(arguments, stream());
        checkLaunch();
    }
};

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, CUDA, library) {
    CompressionOperators<CompressionCuda>::registerIn(library);
}

}  // namespace vitrine::kernels
