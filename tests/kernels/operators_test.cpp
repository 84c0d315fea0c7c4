// What the table of kernels_test.cpp does not see: edge values, gradients, messages, devices.
#include "kernels/operators.h"

#include "tests/kernels/kernel_checks.h"

#include <gmock/gmock.h>

namespace vitrine::kernels {
namespace {

TEST(Kernels, ZeroVectorsHaveCosineZero) {
    const auto map = cosineSimilarityMap(at::zeros({5, 2, 3}), at::ones({1, 5}));
    EXPECT_EQ(map.abs().max().item<double>(), 0);
    EXPECT_EQ(cosineSimilarityMap(at::ones({5, 2, 3}), at::zeros({1, 5})).abs().max().item<double>(), 0);
}

TEST(Kernels, HalfPrecisionTapsAreReadExactly) {
    at::manual_seed(11);
    const auto map = at::randn({2, 3, 13, 70});
    auto taps = at::randn({1, 49, 13, 70}).to(at::kHalf);
    taps[0][0][0][0] = 3e-6;  // a subnormal of float16
    EXPECT_LE(errorAgainst(jbuApply(map, taps), jbuApply(map.to(at::kDouble), taps.to(at::kDouble))), 1e-6);
}

TEST(Kernels, HalfPrecisionTapsAreTheRoundedOnes) {
    at::manual_seed(12);
    for (const auto& device : testedDevices()) {
        const auto guidance = at::rand({1, 3, 11, 37}).to(device);
        const auto full = jbuGuidedTaps(guidance, 1, 0.05, 3),
                   half = jbuGuidedTaps(guidance, 1, 0.05, 3, true);
        EXPECT_EQ(half.scalar_type(), at::kHalf);
        // Half a unit in the last place, and the smallest subnormal number.
        const auto bound = full.cpu() * 0x1.01p-11 + 0x1p-25;
        EXPECT_TRUE(((half.to(at::kFloat) - full).abs().cpu() <= bound).all().item<bool>());
    }
}

TEST(Kernels, HadamardGradientIsTheTransformOfTheGradient) {
    at::manual_seed(13);
    for (const auto& device : testedDevices()) {
        auto input = at::randn({3, 2, 24}, at::kDouble).to(device).requires_grad_();
        const auto weights = at::randn({3, 2, 24}, at::kDouble).to(device);
        (hadamardTransform(input, 8, 0.5) * weights).sum().backward();
        EXPECT_LE(errorAgainst(input.grad(), hadamardTransform(weights, 8, 0.5).cpu()), 1e-14);
        // Against a difference quotient, which is exact for a linear map.
        const auto change = at::randn({3, 2, 24}, at::kDouble).to(device);
        const at::NoGradGuard plain;
        const auto moved =
            ((hadamardTransform(input + change, 8, 0.5) - hadamardTransform(input, 8, 0.5)) * weights)
                .sum()
                .item<double>();
        EXPECT_NEAR(moved, (change * input.grad()).sum().item<double>(), 1e-10);
    }
    auto half = at::randn({4, 8}).to(at::kBFloat16).requires_grad_();
    hadamardTransform(half, 8, 1).sum().backward();
    EXPECT_EQ(half.grad().scalar_type(), at::kBFloat16);
}

TEST(Kernels, MismatchedArgumentsAreNamed) {
    const auto message = [](const std::function<void()>& call) {
        try {
            call();
        } catch (const c10::Error& error) {
            return std::string(error.what_without_backtrace());
        }
        return std::string("no error");
    };
    EXPECT_THAT(message([] {
                    cosineSimilarityMap(at::zeros({4, 2, 2}), at::zeros({1, 5}));
                }),
                ::testing::AllOf(::testing::HasSubstr("queries"), ::testing::HasSubstr("[1, 5]")));
    EXPECT_THAT(message([] {
                    pcaProjection(at::zeros({4, 2}), at::zeros({3}), at::zeros({1, 4}));
                }),
                ::testing::HasSubstr("mean must have size 4"));
    EXPECT_THAT(message([] { nmMask(at::zeros({2, 6}), 2, 4); }), ::testing::HasSubstr("multiple of m=4"));
    EXPECT_THAT(message([] {
                    nmScan(at::zeros({2, 4}, at::kInt), 4);
                }),
                ::testing::HasSubstr("weight must be"));
    EXPECT_THAT(message([] {
                    jbuApply(at::zeros({1, 2, 4, 4}), at::zeros({1, 49, 4, 5}));
                }),
                ::testing::HasSubstr("taps"));
    EXPECT_THAT(message([] {
                    jbuGuidedTaps(at::zeros({1, 3, 4, 4}), 1, -1, 3);
                }),
                ::testing::HasSubstr("sigma_range must be positive"));
    EXPECT_THAT(message([] {
                    adaptiveConv(at::zeros({1, 2, 5, 5}), at::zeros({1, 4, 4, 3, 3}));
                }),
                ::testing::HasSubstr("6 x 6"));
    EXPECT_THAT(message([] {
                    hadamardTransform(at::zeros({2, 24}), 3, 1);
                }),
                ::testing::HasSubstr("power of two"));
    EXPECT_THAT(
        message([] {
            hadamardTransform(at::zeros({2, 20}), 8, 1);
        }),
        ::testing::AllOf(::testing::HasSubstr("multiple of order=8"), ::testing::HasSubstr("[2, 20]")));
}

TEST(Kernels, CudaLoaderSaysWhyNothingWasLoaded) {
    EXPECT_EQ(loadCudaKernels(), cudaKernelsStatus().empty());
}

TEST(Kernels, EveryCudaDeviceHasAName) {
    for (int index = 0; index < cudaDeviceCount(); ++index)
        EXPECT_FALSE(cudaDeviceName(index).empty()) << index;
    EXPECT_EQ(cudaDeviceName(-1), "");
    EXPECT_EQ(cudaDeviceName(cudaDeviceCount()), "");
}

}  // namespace
}  // namespace vitrine::kernels
