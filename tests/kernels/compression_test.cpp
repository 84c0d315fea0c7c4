// 2:4 sparsity, relaxed masks and low-bit codecs: what the table of kernels_test.cpp cannot say.
#include "kernels/compression_operators.h"
#include "tests/kernels/compression_references.h"
#include "tests/kernels/kernel_checks.h"

#include <gmock/gmock.h>

namespace vitrine::kernels {
namespace {

const std::vector<at::ScalarType> kTypes{at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};

at::Tensor maskOf(const at::Tensor& patterns) {
    auto shape = patterns.sizes().vec();
    shape.back() *= 4;
    return patternMatrix().index_select(0, patterns.cpu().to(at::kLong).flatten()).reshape(shape);
}

TEST(Sparse24, SearchAgreesWithStableSortingWhateverTheTies) {
    at::manual_seed(1);
    for (const auto& device : testedDevices())
        for (const auto type : kTypes)
            for (const int64_t columns : {4, 8, 12, 60, 64, 68, 1028, 2052}) {
                // Few distinct values, both signs: many ties.
                const auto weight = (at::randint(0, 7, {5, columns}, at::kFloat) - 3).to(type);
                const auto found = sparse24Search(weight.to(device));
                EXPECT_TRUE(maskOf(found).equal(plainMask24(weight.to(at::kDouble).abs())))
                    << type << columns;
                const auto plain = sparse24Search(weight.to(device), {}, false);
                EXPECT_TRUE(maskOf(plain).equal(plainMask24(weight.to(at::kDouble)))) << type << columns;
                const auto scale = at::randint(1, 4, {columns}, at::kFloat);
                const auto scaled = sparse24Search(weight.to(device), scale.to(device));
                EXPECT_TRUE(maskOf(scaled).equal(plainMask24(weight.to(at::kDouble).abs() * scale))) << type;
            }
}

TEST(Sparse24, NearlyEqualScoresAreRankedExactlyAndNanRanksLast) {
    // Sums of pairs would round these to the same number.
    const auto scores = at::tensor({1e8f, 1.f, 2.f, 0.5f}).reshape({1, 4});
    EXPECT_EQ(sparse24Search(scores).item<int>(), 1);
    const float nan = std::nanf("");
    EXPECT_EQ(sparse24Search(at::tensor({nan, 0.f, nan, 1.f}).reshape({1, 4})).item<int>(), 4);
    EXPECT_EQ(sparse24Search(at::tensor({nan, nan, nan, nan}).reshape({1, 4})).item<int>(), 0);
}

TEST(Sparse24, SearchRanksWhatIsNoOrdinaryNumber) {
    at::manual_seed(2);
    const double infinity = std::numeric_limits<double>::infinity();
    const auto values = at::tensor({std::nan(""), infinity, -infinity, -0.0, 0.0, 1.0, -1.0}, at::kDouble);
    const auto drawn = values.index_select(0, at::randint(0, 7, {3 * 1044}, at::kLong)).reshape({3, 1044});
    const auto lowest = [&](const at::Tensor& scores) {
        return scores.masked_fill(scores.isnan(), -infinity);
    };
    for (const auto& device : testedDevices())
        for (const auto type : kTypes) {
            const auto scores = drawn.to(type).to(device);
            EXPECT_TRUE(maskOf(sparse24Search(scores)).equal(plainMask24(lowest(drawn.abs())))) << type;
            EXPECT_TRUE(maskOf(sparse24Search(scores, {}, false)).equal(plainMask24(lowest(drawn)))) << type;
        }
}

TEST(Sparse24, MetadataIsThatOfTheFormat) {
    // All six patterns, then the deficient groups; one word holds four groups, the first in the lowest bits.
    const auto weight = at::tensor({1, 2, 0, 0, 1, 0, 2, 0, 1, 0, 0, 2, 0, 1, 2, 0,   // 0100 1000 1100 1001
                                    0, 1, 0, 2, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1,   // 1101 1110 1110 1110
                                    0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0},  // 1110 1101 1100 1100
                                   at::kFloat)
                            .reshape({1, 48});
    for (const auto& device : testedDevices()) {
        const auto packed = sparse24Pack(weight.to(device));
        EXPECT_TRUE(packed.metadata.cpu().equal(
            at::tensor({int16_t(0x9C84), int16_t(0xEEED), int16_t(0xCCDE)}, at::kShort).reshape({1, 3})));
        EXPECT_EQ(packed.violations, 0);
        EXPECT_TRUE(sparse24Unpack(packed.values, packed.metadata).cpu().equal(weight));
        const auto bytes = sparse24Pack(weight.to(at::kChar).to(device));
        EXPECT_TRUE(bytes.metadata.cpu().equal(
            at::tensor({int(0xEEED9C84), int(0xEEEECCDE)}, at::kInt).reshape({1, 2})));
        EXPECT_TRUE(sparse24Unpack(bytes.values, bytes.metadata).cpu().equal(weight.to(at::kChar)));
    }
}

TEST(Sparse24, UnpackingGivesBackWhatWasPacked) {
    at::manual_seed(2);
    for (const auto& device : testedDevices())
        for (const auto type : kTypes)
            for (const int64_t columns : {4, 12, 16, 20, 64, 1028}) {
                auto weight = at::randn({7, columns});
                weight = weight * (at::rand({7, columns}) > 0.2);  // deficient groups too
                const auto given =
                    sparse24Apply(weight.to(type).to(device), sparse24Search(weight.to(device)));
                const auto packed = sparse24Pack(given);
                poisonFreeBlocks(given.to(at::kFloat));
                EXPECT_TRUE(sparse24Unpack(packed.values, packed.metadata).equal(given)) << type << columns;
                EXPECT_EQ(packed.violations, 0);
                EXPECT_EQ(packed.metadata.size(1), (columns + 15) / 16);
            }
}

TEST(Sparse24, GroupsWithMoreThanTwoWeightsAreCounted) {
    const auto weight =
        at::tensor({1, 2, 3, 0, 1, 2, 3, 4, 1, 0, 2, 0, 0, 0, 0, 0}, at::kFloat).reshape({2, 8});
    for (const auto& device : testedDevices())
        EXPECT_EQ(sparse24Pack(weight.to(device)).violations, 2);
}

TEST(Sparse24, ProductOfEveryCountOfRowsIsThatOfTheMaskedWeight) {
    at::manual_seed(3);
    for (const auto& device : testedDevices())
        for (const int64_t count : {1, 2, 3, 4, 7, 16, 17, 64, 130})
            for (const int64_t columns : {4, 36, 128, 132, 1100}) {
                const auto dense = at::randn({45, columns}).to(device),
                           x = at::randn({count, columns}).to(device), bias = at::randn({45}).to(device);
                const auto weight = sparse24Apply(dense, sparse24Search(dense));
                const auto packed = sparse24Pack(weight);
                poisonFreeBlocks(at::empty({count, 45}, x.options()));
                const auto expected = x.to(at::kDouble).matmul(weight.to(at::kDouble).t()) + bias;
                EXPECT_LE(errorAgainst(sparse24Linear(x, packed.values, packed.metadata, bias), expected),
                          2e-6)
                    << count << " x " << columns;
            }
}

TEST(GumbelMask, NoiseIsFreshForEverySeedAndTheSameForOne) {
    const auto logits = at::zeros({500, 6});
    const auto first = gumbelMask(logits, {}, 7, 1, 1), again = gumbelMask(logits, {}, 7, 1, 1);
    EXPECT_TRUE(first.equal(again));
    EXPECT_FALSE(first.equal(gumbelMask(logits, {}, 8, 1, 1)));
    EXPECT_NEAR(first.sum(1).sub(2).abs().max().item<double>(), 0, 1e-6);  // two of four stay
}

TEST(GumbelMask, HardChoicesFollowTheSoftmaxOfTheLogits) {
    const auto logits = at::tensor({0.3, -0.5, 1.0, 0.0, 0.2, -1.0}, at::kDouble);
    const int64_t groups = 200000;
    const auto mask = gumbelMask(logits.expand({groups, 6}).contiguous(), {}, 11, 1.5, 2.0, true);
    const auto expected = (1.5 * logits).softmax(0).matmul(patternMatrix());
    // Five standard deviations of a share.
    EXPECT_LE((mask.mean(0) - expected).abs().max().item<double>(), 5 * 0.5 / std::sqrt(double(groups)));
    EXPECT_TRUE(((mask == 0) | (mask == 1)).all().item<bool>());
    EXPECT_TRUE((mask.sum(1) == 2).all().item<bool>());
}

TEST(GumbelMask, GradientsAgreeWithDifferenceQuotients) {
    at::manual_seed(4);
    for (const auto& device : testedDevices())
        for (const int64_t candidates : {6, 4}) {
            const auto logits = at::randn({9, 5, candidates}, at::kDouble).to(device);
            const auto weight = at::randn({9, 5, 4}, at::kDouble).to(device);
            const auto function = [&](const TensorList& in) {
                return gumbelMask(in[0], weight, 3, 1.3, 0.7);
            };
            EXPECT_LE(differenceQuotientError(function, {logits}), 1e-7) << candidates;
        }
}

TEST(GumbelMask, HardMasksHaveTheGradientOfTheSoftOne) {
    at::manual_seed(5);
    const auto logits = at::randn({33, 6}), direction = at::randn({33, 4});
    const auto soft = gradientsOf([](const TensorList& in) { return gumbelMask(in[0], {}, 3, 2, 1); },
                                  {logits}, direction)[0];
    const auto hard = gradientsOf([](const TensorList& in) { return gumbelMask(in[0], {}, 3, 2, 1, true); },
                                  {logits}, direction)[0];
    EXPECT_TRUE(soft.equal(hard));
    EXPECT_GT(soft.norm().item<double>(), 0);
}

TEST(GumbelMask, LargeScalesStayFinite) {
    at::manual_seed(6);
    const auto logits = at::randn({1000, 6});
    const auto mask = gumbelMask(logits, {}, 1, 500, 0.05);
    EXPECT_TRUE(mask.isfinite().all().item<bool>());
    const auto grad = gradientsOf([](const TensorList& in) { return gumbelMask(in[0], {}, 1, 500, 0.05); },
                                  {logits}, at::ones_like(mask));
    EXPECT_TRUE(grad[0].isfinite().all().item<bool>());
}

struct Codec {
    LowBitFormat format;
    int64_t bits, group;
};

// The definitions of low_bit.h in LibTorch, float32: decoded values.
at::Tensor plainCodec(const at::Tensor& values, const Codec& codec) {
    const int64_t width = codec.format == LowBitFormat::Nvfp4 ? 16
                          : codec.group == 0                  ? values.size(1)
                                                              : codec.group;
    const double largestOfAll = values.abs().max().item<double>();
    const float tensorScale = float(largestOfAll) / (6.f * 448.f);
    std::vector<at::Tensor> parts;
    for (int64_t start = 0; start < values.size(1); start += width) {
        const auto w = values.slice(1, start, start + width);
        const auto largest = w.abs().amax({1}, true);
        const auto safe = at::where(largest == 0, at::ones_like(largest), largest);
        const auto nearest = [&](const at::Tensor& x, const std::vector<float>& table) {
            const auto entries = at::tensor(table);
            return entries.index_select(0, (x.unsqueeze(-1) - entries).abs().argmin(-1).flatten())
                .reshape(x.sizes());
        };
        switch (codec.format) {
            case LowBitFormat::Affine: {
                auto low = w.amin({1}, true).clamp_max(0), high = w.amax({1}, true).clamp_min(0);
                const auto zero = (low == 0) & (high == 0);
                low = at::where(zero, -at::ones_like(low), low);
                high = at::where(zero, at::ones_like(high), high);
                const auto s = (high - low) / float((1 << codec.bits) - 1), z = (-low / s).round();
                parts.push_back(s * (((w / s).round() + z).clamp(0, (1 << codec.bits) - 1) - z));
                break;
            }
            case LowBitFormat::Symmetric: {
                const auto s = 2 * safe / float((1 << codec.bits) - 1);
                const float z = float(1 << (codec.bits - 1));
                parts.push_back(s * (((w / s).round() + z).clamp(0, (1 << codec.bits) - 1) - z));
                break;
            }
            case LowBitFormat::E4M3: {
                const auto s = at::where(largest == 0, at::ones_like(largest), largest / 448);
                parts.push_back((w / s).clamp(-448, 448).to(at::kFloat8_e4m3fn).to(at::kFloat) * s);
                break;
            }
            case LowBitFormat::E5M2: {
                const auto s = at::where(largest == 0, at::ones_like(largest), largest / 57344);
                parts.push_back((w / s).clamp(-57344, 57344).to(at::kFloat8_e5m2).to(at::kFloat) * s);
                break;
            }
            case LowBitFormat::Nf4:
                parts.push_back(nearest(w / safe, std::vector<float>(kNormalFloat4, kNormalFloat4 + 16)) *
                                safe);
                break;
            case LowBitFormat::Nvfp4: {
                const auto s =
                    (largest / 6 / tensorScale).clamp_max(448).to(at::kFloat8_e4m3fn).to(at::kFloat) *
                    tensorScale;
                const auto x = at::where(s == 0, at::zeros_like(w), w / s), m = x.abs();
                // Steps of 0.5 below 2, of 1 below 4, of 2 above; at::round rounds ties to even.
                const auto rounded =
                    at::where(m < 2, (m * 2).round() / 2,
                              at::where(m < 4, m.round(), ((m / 2).round() * 2).clamp_max(6)));
                parts.push_back(rounded * x.sign() * s);
                break;
            }
        }
    }
    return at::cat(parts, 1);
}

TEST(LowBit, DecodedValuesAreThoseOfTheDefinition) {
    at::manual_seed(7);
    const std::vector<Codec> codecs{
        {LowBitFormat::Affine, 4, 0},  {LowBitFormat::Affine, 3, 16},   {LowBitFormat::Affine, 2, 128},
        {LowBitFormat::Affine, 8, 32}, {LowBitFormat::Symmetric, 4, 8}, {LowBitFormat::E4M3, 8, 0},
        {LowBitFormat::E5M2, 8, 32},   {LowBitFormat::Nf4, 4, 64},      {LowBitFormat::Nvfp4, 4, 16}};
    for (const auto& device : testedDevices())
        for (const auto& codec : codecs)
            for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16})
                for (const int64_t columns : {1, 16, 37, 130, 2100}) {
                    auto values = (at::randn({5, columns}) * at::randn({5, 1}).exp()).to(type);
                    values[2].zero_();
                    poisonFreeBlocks(values.to(at::kFloat));
                    const auto codes = lowBitEncode(values.to(device), codec.format, codec.bits, codec.group);
                    const auto found = lowBitDecode(codes, codec.format, codec.group).cpu();
                    const auto expected = plainCodec(values.to(at::kFloat), codec);
                    // Divisions may differ in the last bit, and then a code beside a boundary by one.
                    const auto off = (found - expected).abs() > 1e-6 * (expected.abs() + 1e-30);
                    EXPECT_LE(off.sum().item<int64_t>(), values.numel() / 1000 + 1)
                        << int(codec.format) << " " << codec.bits << " " << type << " " << columns;
                    EXPECT_EQ(found[2].abs().max().item<double>(), 0);
                    EXPECT_TRUE(codes.codes.lt(1 << std::min<int64_t>(codec.bits, 7)).all().item<bool>() ||
                                codec.bits == 8);
                }
}

TEST(LowBit, GivenScalesAreUsed) {
    const auto values = at::tensor({0.f, 1.f, 2.f, 3.f, -1.f, 100.f}).reshape({1, 6});
    const auto codes =
        lowBitEncode(values, LowBitFormat::Affine, 2, 3,
                     {{}, at::tensor({1.f, 2.f}).reshape({1, 2}), at::tensor({0.f, 1.f}).reshape({1, 2})});
    EXPECT_TRUE(codes.codes.equal(at::tensor({0, 1, 2, 3, 1, 3}, at::kByte).reshape({1, 6})));
}

TEST(LowBit, SpecialValuesDoNotSpread) {
    auto values = at::randn({3, 64});
    values[1][5] = std::nanf("");
    values[2][7] = std::numeric_limits<float>::infinity();
    for (const auto format : {LowBitFormat::E4M3, LowBitFormat::Nf4, LowBitFormat::Affine}) {
        const auto clean = lowBitEncode(values.slice(0, 0, 1), format, 4, 32);
        const auto codes = lowBitEncode(values, format, 4, 32);
        EXPECT_TRUE(codes.codes[0].equal(clean.codes[0]));
        EXPECT_TRUE(codes.scales.slice(0, 0, 2).isfinite().all().item<bool>());
    }
    const auto given = LowBitCodes{{}, at::ones({1, 1}), {}};
    const auto large =
        lowBitEncode(at::tensor({1e9f, -1e9f}).reshape({1, 2}), LowBitFormat::E4M3, 8, 0, given);
    EXPECT_TRUE(
        large.codes.equal(at::tensor({0x7e, 0xfe}, at::kByte).reshape({1, 2})));  // saturated, not NaN
}

TEST(LowBit, SignalToNoiseIsThatOfTheFormats) {
    at::manual_seed(8);
    const auto values = at::randn({64, 1024});
    const auto decibels = [&](LowBitFormat format) {
        const auto decoded = lowBitDecode(lowBitEncode(values, format, 8, 0), format, 0);
        return 10 * std::log10(values.square().mean().item<double>() /
                               (values - decoded).square().mean().item<double>());
    };
    EXPECT_NEAR(decibels(LowBitFormat::E4M3), 31.6, 0.5);
    EXPECT_NEAR(decibels(LowBitFormat::E5M2), 25.6, 0.5);
}

TEST(PackBits, CodesComeBackForEveryWidth) {
    at::manual_seed(9);
    for (const auto& device : testedDevices())
        for (int64_t bits = 1; bits <= 8; ++bits)
            for (const int64_t columns : {1, 7, 8, 9, 64, 131}) {
                const auto codes = at::randint(0, 1 << bits, {3, columns}, at::kByte).to(device);
                const auto packed = packBits(codes, bits);
                EXPECT_EQ(packed.size(1), (columns * bits + 7) / 8);
                EXPECT_TRUE(unpackBits(packed, bits, columns).equal(codes)) << bits << " " << columns;
                if (bits == 4) {
                    EXPECT_TRUE(unpackBits(packBits(codes, 4, true), 4, columns, true).equal(codes));
                }
            }
    const auto two = at::tensor({1, 2}, at::kByte).reshape({1, 2});
    EXPECT_EQ(packBits(two, 4).item<int>(), 0x21);
    EXPECT_EQ(packBits(two, 4, true).item<int>(), 0x12);
}

std::string messageOf(const std::function<void()>& call) {
    try {
        call();
    } catch (const c10::Error& error) {
        return error.what_without_backtrace();
    }
    return "no error";
}

TEST(CompressionKernels, MismatchedArgumentsAreNamed) {
    using ::testing::HasSubstr;
    EXPECT_THAT(messageOf([] { sparse24Search(at::zeros({2, 6})); }), HasSubstr("multiple of 4"));
    EXPECT_THAT(messageOf([] {
                    sparse24Search(at::zeros({2, 8}), at::ones({4}));
                }),
                HasSubstr("scale must have size 8"));
    EXPECT_THAT(messageOf([] {
                    sparse24Apply(at::zeros({2, 8}), at::zeros({2, 3}, at::kByte));
                }),
                HasSubstr("patterns"));
    EXPECT_THAT(messageOf([] {
                    sparse24Unpack(at::zeros({2, 8}), at::zeros({2, 2}, at::kShort));
                }),
                HasSubstr("metadata must have size 1"));
    EXPECT_THAT(messageOf([] {
                    sparse24Unpack(at::zeros({2, 8}), at::zeros({2, 1}, at::kInt));
                }),
                HasSubstr("metadata of"));
    EXPECT_THAT(messageOf([] {
                    sparse24Linear(at::zeros({1, 12}), at::zeros({2, 8}), at::zeros({2, 1}, at::kShort));
                }),
                HasSubstr("last dimension of x must be 16"));
    EXPECT_THAT(messageOf([] {
                    gumbelMask(at::zeros({3, 5}), {}, 1, 1, 1);
                }),
                HasSubstr("must be 6 (2:4) or 4"));
    EXPECT_THAT(messageOf([] {
                    gumbelMask(at::zeros({3, 6}), {}, 1, 1, 0);
                }),
                HasSubstr("tau must be positive"));
    EXPECT_THAT(messageOf([] {
                    gumbelMask(at::zeros({3, 6}), at::zeros({3, 3}), 1, 1, 1);
                }),
                HasSubstr("four numbers for each group"));
    EXPECT_THAT(messageOf([] {
                    lowBitEncode(at::zeros({2, 8}), LowBitFormat::Affine, 9, 0);
                }),
                HasSubstr("bits must be 2 to 8"));
    EXPECT_THAT(messageOf([] { unpackBits(at::zeros({2, 3}, at::kByte), 4, 9); }), HasSubstr("size 5"));
}

}  // namespace
}  // namespace vitrine::kernels
