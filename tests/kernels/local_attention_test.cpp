#include "kernels/operators.h"
#include "tests/kernels/kernel_checks.h"

namespace vitrine::kernels {
namespace {

struct Sizes {
    int64_t batch, heads, width, valueWidth, height, columns, radius;
};
// Widths below, at and above a vector; maps smaller than the window; one row, one column.
const Sizes kSizes[] = {{1, 2, 4, 3, 5, 9, 3},   {2, 3, 8, 8, 7, 16, 3},    {1, 1, 1, 1, 1, 1, 3},
                        {1, 2, 5, 11, 2, 33, 1}, {1, 16, 16, 12, 4, 19, 3}, {1, 1, 3, 2, 20, 1, 2},
                        {1, 2, 2, 9, 3, 70, 7},  {1, 1, 6, 4, 4, 5, 0}};

at::Tensor slopesOf(int64_t heads) {
    auto slopes = at::zeros({heads, 2}, at::kDouble);
    for (int64_t head = 0; head < heads; ++head)
        slopes[head][head % 2] = std::exp2(-double(head / 2 + 1));
    return slopes;
}

// With the position x position matrix that the kernel avoids.
at::Tensor plainAttention(const TensorList& in, const at::Tensor& slopes, int64_t radius, double scale) {
    const auto &q = in[0], &k = in[1], &v = in[2];
    const int64_t height = q.size(3), columns = q.size(4);
    const auto place = at::arange(height * columns, at::kLong);
    const auto row = place.div(columns, "floor"), column = place.remainder(columns);
    const auto rows = (row.unsqueeze(1) - row.unsqueeze(0)).abs(),
               cols = (column.unsqueeze(1) - column.unsqueeze(0)).abs();
    auto bias =
        -(slopes.select(1, 0).reshape({-1, 1, 1}) * rows + slopes.select(1, 1).reshape({-1, 1, 1}) * cols);
    bias = bias.masked_fill(rows.gt(radius).logical_or(cols.gt(radius)),
                            -std::numeric_limits<double>::infinity());
    const auto scores = q.flatten(3).transpose(2, 3).matmul(k.flatten(3)) * scale + bias;
    return v.flatten(3).matmul(scores.softmax(-1).transpose(2, 3)).reshape(v.sizes());
}

TensorList inputsOf(const Sizes& s) {
    const auto planes = [&](int64_t channels) {
        return at::randn({s.batch, s.heads, channels, s.height, s.columns}, at::kDouble);
    };
    return {planes(s.width), planes(s.width), planes(s.valueWidth)};
}

TEST(LocalAttention, AgreesWithTheFullMatrixInBothDirections) {
    at::manual_seed(5);
    for (const auto& device : testedDevices())
        for (const auto& sizes : kSizes)
            for (const auto type : {at::kDouble, at::kFloat}) {
                const double tolerance = type == at::kDouble ? 1e-12 : 4e-6;
                const auto slopes = slopesOf(sizes.heads);
                const double scale = 1 / std::sqrt(double(sizes.width));
                TensorList given, rounded;
                for (const auto& input : inputsOf(sizes)) {
                    given.push_back(input.to(device, type));
                    rounded.push_back(given.back().cpu().to(at::kDouble));
                }
                const auto run = [&](const TensorList& in) {
                    return localAttention(in[0], in[1], in[2], slopes.to(device), sizes.radius, scale);
                };
                const auto plain = [&](const TensorList& in) {
                    return plainAttention(in, slopes, sizes.radius, scale);
                };
                const auto expected = plain(rounded);
                poisonFreeBlocks(expected.to(device, type));
                EXPECT_LE(errorAgainst(run(given), expected), tolerance) << sizes.columns << " on " << device;
                const auto direction = at::randn(expected.sizes(), at::kDouble).to(type);
                const auto found = gradientsOf(run, given, direction.to(device));
                const auto wanted = gradientsOf(plain, rounded, direction.to(at::kDouble));
                for (size_t index = 0; index < found.size(); ++index) {
                    // A window of one position has no gradient in query and key.
                    if (wanted[index].norm().item<double>() < 1e-9)
                        EXPECT_LE(found[index].norm().item<double>(), 1e-5);
                    else
                        EXPECT_LE(errorAgainst(found[index], wanted[index]), tolerance * 5)
                            << "gradient " << index << ", " << sizes.columns << " columns, " << type << " on "
                            << device;
                }
            }
}

TEST(LocalAttention, GradientsAgreeWithDifferenceQuotients) {
    at::manual_seed(6);
    for (const auto& device : testedDevices()) {
        const Sizes sizes{1, 4, 5, 3, 5, 18, 3};
        TensorList inputs;
        for (const auto& input : inputsOf(sizes))
            inputs.push_back(input.to(device));
        const auto slopes = slopesOf(4).to(device);
        EXPECT_LE(
            differenceQuotientError(
                [&](const TensorList& in) { return localAttention(in[0], in[1], in[2], slopes, 3, 0.4); },
                inputs),
            1e-7);
    }
}

TEST(LocalAttention, LargeScoresStayFinite) {
    for (const auto& device : testedDevices()) {
        const auto q = at::full({1, 1, 2, 3, 20}, 200.f).to(device),
                   v = at::randn({1, 1, 2, 3, 20}).to(device);
        const auto out = localAttention(q, q, v, at::zeros({1, 2}).to(device), 3, 1);
        EXPECT_TRUE(out.isfinite().all().item<bool>());
        // Equal scores: the mean of the window.
        EXPECT_NEAR(out[0][0][0][1][10].item<double>(), v[0][0][0].slice(1, 7, 14).mean().item<double>(),
                    1e-5);
    }
}

TEST(LocalAttention, ValuesMayBeAViewOfMoreChannels) {
    at::manual_seed(7);
    const auto packed = at::randn({1, 3, 2, 8, 5, 17}, at::kDouble);  // q, k, v of two heads
    const auto slopes = slopesOf(2);
    const auto run = [&](const TensorList& in) {
        const auto x = in[0];
        return localAttention(x.select(1, 0), x.select(1, 1), x.select(1, 2).narrow(2, 0, 5), slopes, 2, 0.3);
    };
    EXPECT_LE(errorAgainst(run({packed}), plainAttention({packed.select(1, 0), packed.select(1, 1),
                                                          packed.select(1, 2).narrow(2, 0, 5)},
                                                         slopes, 2, 0.3)),
              1e-12);
    EXPECT_LE(differenceQuotientError(run, {packed}), 1e-7);
}

TEST(LocalAttention, MismatchedArgumentsAreNamed) {
    const auto message = [](const at::Tensor& key, const at::Tensor& slopes, int64_t radius) {
        const auto q = at::zeros({1, 2, 4, 3, 3});
        try {
            localAttention(q, key, q, slopes, radius, 1);
        } catch (const c10::Error& error) {
            return std::string(error.what_without_backtrace());
        }
        return std::string("no error");
    };
    const auto good = at::zeros({1, 2, 4, 3, 3});
    EXPECT_NE(message(at::zeros({1, 2, 4, 3, 4}), at::zeros({2, 2}), 3).find("key"), std::string::npos);
    EXPECT_NE(message(good, at::zeros({3, 2}), 3).find("slopes"), std::string::npos);
    EXPECT_NE(message(good, at::zeros({2, 2}), 8).find("radius must be 0..7"), std::string::npos);
}

}  // namespace
}  // namespace vitrine::kernels
