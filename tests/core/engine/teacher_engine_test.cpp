// What the Teachers workspace asks: covariance and feature cloud before and after a normaliser.
#include "core/distill/normalizer.h"
#include "core/distill/teacher_moments.h"
#include "core/engine/teacher_engine_impl.h"
#include "core/features/feature_sample.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vitrine {
namespace {

constexpr int64_t kChannels = 8;

// Correlated channels of different loudness around a mean, 40 maps of 5 x 4.
at::Tensor someMaps() {
    at::manual_seed(5);
    const at::Tensor mix = at::randn({kChannels, kChannels}, at::kDouble) *
                           at::pow(2.0, at::arange(kChannels, at::kDouble)).unsqueeze(1);
    const at::Tensor vectors = at::randn({40 * 20, kChannels}, at::kDouble).matmul(mix.t()) + 3;
    return vectors.to(at::kFloat).reshape({40, 5, 4, kChannels}).permute({0, 3, 1, 2}).contiguous();
}

class TeacherEngineTest : public ::testing::Test {
  protected:
    void SetUp() override {
        TeacherMoments moments({.precision = MomentPrecision::Float64});
        FeatureSample sample(6, 10, 1);
        const at::Tensor maps = someMaps();
        ASSERT_TRUE(moments.add(maps, {}));
        std::vector<std::string> names;
        for (int picture = 0; picture < 40; ++picture)
            names.push_back(fmt::format("{}.jpg", picture));
        ASSERT_TRUE(sample.addMaps(maps, {}, names));
        ASSERT_TRUE(moments.save(moments_));
        ASSERT_TRUE(sample.save(sample_));
        statistics_ = *moments.spatial.statistics();
        list_ = sample.list();
    }

    static at::Tensor square(const std::vector<float>& values) {
        return at::tensor(at::ArrayRef<float>(values)).reshape({kChannels, kChannels}).to(at::kDouble);
    }
    static at::Tensor points(const std::vector<float>& values) {
        return at::tensor(at::ArrayRef<float>(values)).reshape({-1, 3}).to(at::kDouble);
    }
    FeatureClouds cloudsOf(const std::string& normalizer, CloudAxes axes = CloudAxes::Principal) {
        auto clouds = engine_->clouds(moments_, sample_, normalizer, axes, job_);
        EXPECT_TRUE(clouds) << clouds.error().text();
        return clouds ? *clouds : FeatureClouds();
    }

    testing::TemporaryFolder folder_;
    const std::filesystem::path moments_ = folder_ / "moments.safetensors",
                                sample_ = folder_ / "sample.safetensors";
    MomentStatistics statistics_;
    std::vector<SampledPicture> list_;
    std::unique_ptr<TeacherEngine> engine_ = makeTeacherEngine();
    JobContext job_;
};

TEST_F(TeacherEngineTest, CovarianceIsThatOfTheNormalisedFeatures) {
    const at::Tensor maps = someMaps();
    for (const NormalizerKind kind : allNormalizerKinds()) {
        const auto answer = engine_->covariance(moments_, normalizerName(kind), job_);
        ASSERT_TRUE(answer) << answer.error().text();
        ASSERT_EQ(answer->channels, kChannels);
        const double scale = statistics_.covariance.abs().max().item<double>();
        EXPECT_LT((square(answer->before) - statistics_.covariance).abs().max().item<double>(), 1e-6 * scale);
        // Counted over normalised features, not computed from the covariance again.
        const auto normalizer = Normalizer::fit(kind, statistics_, {.smallestEigenvalue = 1e-10});
        ASSERT_TRUE(normalizer);
        at::Tensor rows = normalizer->normalizeMaps(maps.to(at::kDouble)).permute({0, 2, 3, 1});
        rows = rows.reshape({-1, kChannels});
        rows = rows - rows.mean(0);
        const at::Tensor counted = rows.t().matmul(rows) / double(rows.size(0) - 1);
        const double size = counted.abs().max().item<double>();
        EXPECT_LT((square(answer->after) - counted).abs().max().item<double>(), 1e-5 * size)
            << normalizerName(kind);
    }
    const auto white = engine_->covariance(moments_, "zca", job_);
    EXPECT_LT((square(white->after) - at::eye(kChannels, at::kDouble)).abs().max().item<double>(), 1e-5);
}

TEST_F(TeacherEngineTest, CloudsLieAlongThePrincipalDirections) {
    const FeatureClouds white = cloudsOf("pca-whiten");
    ASSERT_EQ(white.axes.size(), 3u);
    ASSERT_EQ(white.count(), 60u);
    EXPECT_EQ(white.pictures.size(), 6u);
    EXPECT_EQ(white.picturesSeen, 40);
    const auto spectrum = spectrumOf(statistics_);
    for (int64_t axis = 0; axis < 3; ++axis) {
        const auto& each = white.axes[size_t(axis)];
        EXPECT_NEAR(each.before, std::sqrt(spectrum->eigenvalues[kChannels - 1 - axis].item<double>()),
                    1e-6 * each.before);
        EXPECT_NEAR(each.after, 1, 1e-6);
        EXPECT_NEAR(each.afterShare, 1.0 / kChannels, 1e-6);
        // Whitening divides each of these directions by its own deviation.
        const at::Tensor before = points(white.before).select(1, axis),
                         after = points(white.after).select(1, axis);
        EXPECT_LT((before / each.before - after).abs().max().item<double>(), 1e-4);
    }
    // PHI-S turns and scales: along the turned directions nothing but the scale changes.
    const FeatureClouds phi = cloudsOf("phi-s");
    EXPECT_LT((points(phi.before) / statistics_.phi() - points(phi.after)).abs().max().item<double>(), 1e-4);
    EXPECT_NEAR(phi.axes[0].beforeShare, phi.axes[0].afterShare, 1e-9);
    // Distances between vectors are theirs in all channels, as far as three directions hold them.
    const at::Tensor vectors = at::cat({list_[0].tokens, list_[1].tokens}).to(at::kDouble);
    EXPECT_LE((points(phi.before)[0] - points(phi.before)[15]).norm().item<double>(),
              (vectors[0] - vectors[15]).norm().item<double>() * (1 + 1e-6));
    EXPECT_NEAR(double(phi.norms[15]), vectors[15].norm().item<double>(), 1e-2);
}

TEST_F(TeacherEngineTest, CloudsAlongTheStrongestChannels) {
    const FeatureClouds clouds = cloudsOf("phi-s", CloudAxes::Channels);
    const at::Tensor variance = statistics_.variance();
    const int64_t strongest = variance.argmax().item<int64_t>();
    EXPECT_EQ(clouds.axes[0].name, fmt::format("channel {}", strongest));
    EXPECT_NEAR(clouds.axes[0].before, std::sqrt(variance[strongest].item<double>()),
                1e-6 * clouds.axes[0].before);
    EXPECT_GT(clouds.axes[0].before, 1.5 * clouds.axes[2].before);
    for (const auto& axis : clouds.axes)  // PHI-S: every channel gets variance 1
        EXPECT_NEAR(axis.after, 1, 1e-6);
    const double mean = statistics_.mean[strongest].item<double>();
    EXPECT_NEAR(double(clouds.before[0]), list_[0].tokens[0][strongest].item<double>() - mean, 1e-3);
}

TEST_F(TeacherEngineTest, ErrorCirclesStayRoundWhereErrorsWeighAlike) {
    const auto errors = engine_->errorContours(moments_, -1, -1, job_);
    ASSERT_TRUE(errors) << errors.error().text();
    const at::Tensor covariance = statistics_.covariance;
    EXPECT_EQ(errors->channels, kChannels);
    EXPECT_EQ(errors->first, statistics_.variance().argmax().item<int64_t>());
    for (int64_t channel = 0; channel < kChannels; ++channel) {
        const double correlation =
            (covariance[errors->first][channel] /
             (covariance[errors->first][errors->first] * covariance[channel][channel]).sqrt())
                .item<double>();
        if (channel != errors->first) {
            EXPECT_LE(std::abs(correlation), std::abs(errors->correlation) + 1e-12);
        }
    }
    ASSERT_EQ(errors->contours.size(), allNormalizerKinds().size() - 1);
    const at::Tensor pair = at::tensor({errors->first, errors->second});
    const at::Tensor plane = covariance.index_select(0, pair).index_select(1, pair);
    const at::Tensor eigenvalues = std::get<0>(at::linalg_eigh(plane));
    const double ellipse = (eigenvalues[1] / eigenvalues[0]).sqrt().item<double>();
    for (const auto& contour : errors->contours) {
        ASSERT_EQ(contour.radius.size(), 361u);
        EXPECT_NEAR(contour.x.front(), contour.x.back(), 1e-9 * contour.radius[0]);
        const bool round = contour.normalizer == "global" || contour.normalizer == "phi-s";
        const bool ratioOfDeviations = contour.normalizer == "standardise";
        const double wanted = round               ? 1
                              : ratioOfDeviations ? errors->firstDeviation / errors->secondDeviation
                                                  : ellipse;
        EXPECT_NEAR(contour.ratio, wanted, 1e-6 * wanted) << contour.normalizer;
        const auto [least, most] = std::minmax_element(contour.radius.begin(), contour.radius.end());
        EXPECT_NEAR(*most, *least * wanted, 0.06 * *most) << contour.normalizer;  // a point a degree
        // Hadamard rotations spread one wrong channel over both directions: both of its errors are as long.
        if (contour.normalizer == "hadamard-whiten") {
            EXPECT_NEAR(contour.radius[0], contour.radius[90], 1e-9 * contour.radius[0]);
        }
    }
    const auto chosen = engine_->errorContours(moments_, 2, 5, job_);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->first, 2);
    EXPECT_EQ(chosen->second, 5);
    EXPECT_EQ(engine_->errorContours(moments_, 2, 2, job_).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(engine_->errorContours(moments_, 0, kChannels, job_).error().code, ErrorCode::InvalidArgument);
}

TEST_F(TeacherEngineTest, SaysWhatIsWrong) {
    EXPECT_EQ(engine_->covariance(folder_ / "none", "zca", job_).error().code, ErrorCode::NotFound);
    EXPECT_EQ(engine_->covariance(sample_, "zca", job_).error().code, ErrorCode::InvalidFile);
    const auto unknown = engine_->covariance(moments_, "phi", job_);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(engine_->clouds(moments_, moments_, "zca", CloudAxes::Principal, job_).error().code,
              ErrorCode::InvalidFile);
    FeatureSample other(2, 3, 0);
    ASSERT_TRUE(other.addMaps(at::ones({1, 3, 2, 2}), {}, {"a.jpg"}));
    ASSERT_TRUE(other.save(sample_));
    EXPECT_EQ(engine_->clouds(moments_, sample_, "zca", CloudAxes::Principal, job_).error().code,
              ErrorCode::ShapeMismatch);
    // What failed does not spoil what comes after.
    EXPECT_TRUE(engine_->covariance(moments_, "zca", job_));
}

}  // namespace
}  // namespace vitrine
