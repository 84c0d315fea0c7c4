// CPU versions of the compression operators.
#include "kernels/compression_bodies.h"

namespace vitrine::kernels {
namespace {

struct CompressionCpu {
    template <typename T>
    static void run(const Search24Arguments<T>& arguments) {
        search24Cpu(arguments);
    }
    template <typename T>
    static void run(const Apply24Arguments<T>& arguments) {
        apply24Cpu(arguments);
    }
    template <typename T, typename Word>
    static void run(const Pack24Arguments<T, Word>& arguments) {
        pack24Cpu(arguments);
    }
    template <typename T, typename Word>
    static void run(const Unpack24Arguments<T, Word>& arguments) {
        unpack24Cpu(arguments);
    }
    template <typename T>
    static void run(const Product24Arguments<T>& arguments) {
        product24Cpu(arguments);
    }
    template <typename T>
    static void run(const GumbelMaskArguments<T>& arguments, int64_t candidates) {
        gumbelMaskCpu(arguments, candidates);
    }
    template <typename T>
    static void run(const GumbelMaskGradArguments<T>& arguments, int64_t candidates) {
        gumbelMaskGradCpu(arguments, candidates);
    }
    template <typename T>
    static void run(const LowBitArguments<T>& arguments) {
        lowBitEncodeCpu(arguments);
    }
    static void run(const LowBitDecodeArguments& arguments) { lowBitDecodeCpu(arguments); }
    static void run(const PackBitsArguments& arguments) { packBitsCpu(arguments); }
    static void run(const UnpackBitsArguments& arguments) { unpackBitsCpu(arguments); }
};

}  // namespace

TORCH_LIBRARY_IMPL(vitrine, CPU, library) {
    CompressionOperators<CompressionCpu>::registerIn(library);
}

}  // namespace vitrine::kernels
