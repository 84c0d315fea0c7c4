// Masks n:m and the counts of what they leave.
#include "kernels/operators.h"
#include "tests/kernels/kernel_checks.h"

namespace vitrine::kernels {
namespace {

TEST(Kernels, MaskKeepsTheLargestAndTheLowerIndexOfTies) {
    for (const auto& device : testedDevices())
        for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
            const auto scores = at::tensor({1., 2., 3., 4., 5., 5., 5., 5., 0., 9., 9., 1.}).to(device, type);
            const auto mask = nmMask(scores.reshape({1, 12}), 2, 4).cpu();
            const auto expected =
                at::tensor({0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0}, at::kByte).reshape({1, 12});
            EXPECT_TRUE(mask.equal(expected)) << type << " on " << device;
        }
    const auto withNan = at::tensor({std::nan(""), 1., std::nan(""), -2.});
    EXPECT_TRUE(nmMask(withNan, 2, 4).equal(at::tensor({0, 1, 0, 1}, at::kByte)));
}

TEST(Kernels, MaskAgreesWithStableSorting) {
    at::manual_seed(3);
    for (const auto& device : testedDevices())
        for (const auto& [n, m] :
             std::vector<std::pair<int64_t, int64_t>>{{2, 4}, {4, 8}, {1, 4}, {3, 5}, {8, 16}}) {
            // Few distinct values: many ties.
            const auto scores = at::randint(0, 5, {37, m * 9}, at::kFloat);
            const auto order = std::get<1>(at::sort(scores.reshape({-1, m}), true, -1, true));
            const auto expected =
                at::zeros({37 * 9, m}, at::kByte).scatter(1, order.slice(1, 0, n), 1).reshape(scores.sizes());
            EXPECT_TRUE(nmMask(scores.to(device), n, m).cpu().equal(expected)) << n << ":" << m;
        }
}

TEST(Kernels, ScanCountsNonZerosOfEveryGroup) {
    at::manual_seed(5);
    for (const auto& device : testedDevices())
        for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16})
            for (const int64_t m : {4, 5, 8}) {
                const auto weight = (at::randn({301, m * 7}) * (at::rand({301, m * 7}) > 0.4)).to(type);
                const auto counts = (weight != 0).reshape({-1, m}).sum(1);
                EXPECT_TRUE(nmScan(weight.to(device), m).cpu().equal(counts.bincount({}, m + 1)))
                    << type << " m=" << m;
            }
    EXPECT_EQ(nmScan(at::tensor({-0.0, 0.0, 1.0, 0.0}).to(at::kHalf), 4)[1].item<int64_t>(), 1);
}

}  // namespace
}  // namespace vitrine::kernels
