#include "core/features/feature_sample.h"

#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

// Maps whose value says picture and cell: channel 0 the picture, channel 1 the cell.
at::Tensor maps(int64_t first, int64_t count, int64_t height, int64_t width) {
    const at::Tensor picture = at::arange(first, first + count, at::kFloat).reshape({count, 1, 1, 1});
    const at::Tensor cell = at::arange(height * width, at::kFloat).reshape({1, 1, height, width});
    return at::cat({picture.expand({count, 1, height, width}), cell.expand({count, 1, height, width})}, 1);
}

std::vector<std::string> names(int64_t first, int64_t count) {
    std::vector<std::string> list;
    for (int64_t index = first; index < first + count; ++index)
        list.push_back(fmt::format("{}.jpg", index));
    return list;
}

void feed(FeatureSample& sample, int64_t total, int64_t batch) {
    for (int64_t first = 0; first < total; first += batch) {
        const int64_t count = std::min(batch, total - first);
        ASSERT_TRUE(sample.addMaps(maps(first, count, 4, 6), {}, names(first, count)));
    }
}

void expectEqual(const FeatureSample& one, const FeatureSample& other) {
    const auto a = one.list(), b = other.list();
    ASSERT_EQ(a.size(), b.size());
    EXPECT_EQ(one.seen(), other.seen());
    for (size_t index = 0; index < a.size(); ++index) {
        EXPECT_EQ(a[index].name, b[index].name);
        EXPECT_EQ(a[index].number, b[index].number);
        EXPECT_TRUE(a[index].tokens.equal(b[index].tokens));
        EXPECT_TRUE(a[index].places.equal(b[index].places));
    }
}

TEST(FeatureSample, KeepsVectorsOfTheirPicturesAndPlaces) {
    FeatureSample sample(5, 7, 3);
    feed(sample, 40, 8);
    const auto list = sample.list();
    ASSERT_EQ(list.size(), 5u);
    EXPECT_EQ(sample.seen(), 40);
    for (const SampledPicture& picture : list) {
        EXPECT_EQ(picture.name, fmt::format("{}.jpg", picture.number));
        ASSERT_EQ(picture.tokens.sizes(), at::IntArrayRef({7, 2}));
        for (int64_t row = 0; row < 7; ++row) {
            EXPECT_EQ(picture.tokens[row][0].item<float>(), float(picture.number));
            const auto cell = picture.tokens[row][1].item<int64_t>();
            EXPECT_NEAR(picture.places[row][0].item<float>(), (double(cell % 6) + 0.5) / 6, 1e-6);
            EXPECT_NEAR(picture.places[row][1].item<float>(), (double(cell / 6) + 0.5) / 4, 1e-6);
        }
    }
}

TEST(FeatureSample, DoesNotDependOnTheBatches) {
    FeatureSample one(5, 7, 3), other(5, 7, 3), seeded(5, 7, 4);
    feed(one, 40, 8);
    feed(other, 40, 3);
    feed(seeded, 40, 8);
    expectEqual(one, other);
    EXPECT_NE(one.list().front().number * 100 + one.list().back().number,
              seeded.list().front().number * 100 + seeded.list().back().number);
}

TEST(FeatureSample, EveryPictureHasTheSameChance) {
    std::vector<int> kept(30, 0);
    for (uint64_t seed = 0; seed < 500; ++seed) {
        FeatureSample sample(6, 1, seed);
        feed(sample, 30, 7);
        for (const SampledPicture& picture : sample.list())
            ++kept[size_t(picture.number)];
    }
    for (const int count : kept)  // 100 expected, standard deviation 9
        EXPECT_NEAR(count, 100, 45);
}

TEST(FeatureSample, LeavesOutPaddingAndPicturesWithoutAnyCell) {
    FeatureSample sample(4, 100, 0);
    at::Tensor mask = at::zeros({3, 4, 6}, at::kBool);
    mask[0].fill_(true);
    mask[2].narrow(0, 0, 2).fill_(true);
    ASSERT_TRUE(sample.addMaps(maps(0, 3, 4, 6), mask, names(0, 3)));
    const auto list = sample.list();
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].tokens.size(0), 24);
    EXPECT_EQ(list[1].name, "2.jpg");
    EXPECT_EQ(list[1].tokens.size(0), 12);
    EXPECT_LT(list[1].places.select(1, 1).max().item<float>(), 0.5f);
}

TEST(FeatureSample, GoesOnFromItsFileAndRefusesDamage) {
    const testing::TemporaryFolder folder;
    const auto file = folder.path() / "sample.safetensors";
    FeatureSample whole(5, 7, 3), half(5, 7, 3);
    feed(whole, 40, 5);
    feed(half, 20, 5);
    ASSERT_TRUE(half.save(file, {{"model", "m"}}));
    auto resumed = FeatureSample::load(file);
    ASSERT_TRUE(resumed) << resumed.error().text();
    for (int64_t first = 20; first < 40; first += 4)
        ASSERT_TRUE(resumed->addMaps(maps(first, 4, 4, 6), {}, names(first, 4)));
    expectEqual(whole, *resumed);
    // Other channels, NaN and wrong counts leave it as it was.
    EXPECT_EQ(resumed->addMaps(at::zeros({1, 3, 4, 6}), {}, names(0, 1)).error().code,
              ErrorCode::ShapeMismatch);
    EXPECT_EQ(resumed->addMaps(maps(0, 2, 4, 6), {}, names(0, 1)).error().code, ErrorCode::ShapeMismatch);
    const at::Tensor bad = at::full({100, 2, 4, 6}, std::nan(""));
    const auto refused = resumed->addMaps(bad, {}, names(0, 100));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::InvalidArgument);
    expectEqual(whole, *resumed);
    FeatureSample none(0, 7, 3);
    feed(none, 10, 5);
    EXPECT_TRUE(none.list().empty());
    ASSERT_TRUE(none.save(file));
    ASSERT_TRUE(FeatureSample::load(file));
}

}  // namespace
}  // namespace vitrine
