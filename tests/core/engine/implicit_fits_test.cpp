// Kept fits of FeatUp: found again, and within their limit. The encoder is one of means of patches.
#include "core/engine/implicit_fits.h"

#include "core/distill/random_stream.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kLimit = "VITRINE_FIT_CACHE_LIMIT";

class ImplicitFits : public ::testing::Test {
  protected:
    ImplicitFits() {
        ::setenv("VITRINE_CACHE_DIR", folder_.path().c_str(), 1);
        model_.description.identity = "patches 1";
        model_.description.dtype = "float32";
        options_.jitters = 6;
        options_.steps = 2;
        options_.batch = 2;
        options_.cell = 4;
        options_.components = 4;
    }
    ~ImplicitFits() override { ::unsetenv(kLimit); }

    static at::Tensor picture(int64_t number) {
        return at::randn({1, 3, 16, 24}, randomStream(7, number, "picture"), at::TensorOptions());
    }
    Result<KeptFit> fit(int64_t number) {
        ImplicitEncoder encoder;
        encoder.name = "patches";
        encoder.identity = model_.description.identity;
        encoder.patchSize = 8;
        encoder.features = [](const at::Tensor& pictures) -> Result<at::Tensor> {
            const at::Tensor colors =
                at::randn({6, 3, 1, 1}, randomStream(7, 0, "colours"), at::TensorOptions());
            return at::avg_pool2d(at::conv2d(pictures, colors), {8, 8});
        };
        return implicitFit(model_, std::move(encoder), picture(number), options_, job_);
    }
    fs::path fileOf(int64_t number) { return implicitFitFile(model_, picture(number), options_); }
    void age(int64_t number, int minutes) {
        fs::last_write_time(fileOf(number), fs::file_time_type::clock::now() - std::chrono::minutes(minutes));
    }

    testing::TemporaryFolder folder_;
    StoredModel model_;
    ImplicitOptions options_;
    JobContext job_;
};

TEST_F(ImplicitFits, ThoseUsedLongestAgoMakeRoom) {
    for (int64_t number = 0; number < 3; ++number) {
        const auto made = fit(number);
        ASSERT_TRUE(made) << made.error().text();
        EXPECT_TRUE(made->fittedNow);
    }
    const auto bytes = double(fs::file_size(fileOf(0)));
    ::setenv(kLimit, fmt::format("{}", 3.5 * bytes / 1e9).c_str(), 1);
    age(0, 30);
    age(1, 20);
    age(2, 10);
    EXPECT_FALSE(fit(0)->fittedNow);  // used now
    EXPECT_TRUE(fit(3)->fittedNow);
    EXPECT_TRUE(fs::exists(fileOf(0)));
    EXPECT_FALSE(fs::exists(fileOf(1)));
    EXPECT_TRUE(fs::exists(fileOf(2)));
    EXPECT_TRUE(fs::exists(fileOf(3)));

    // What was just used may be in use: it stays whatever the limit, and goes later.
    ::setenv(kLimit, "1e-9", 1);
    EXPECT_TRUE(fit(4)->fittedNow);
    EXPECT_FALSE(fs::exists(fileOf(2)));
    for (const int64_t number : {0, 3, 4}) {
        EXPECT_TRUE(fs::exists(fileOf(number))) << number;
        age(number, 2);
    }
    EXPECT_TRUE(fit(1)->fittedNow);
    for (const int64_t number : {0, 3, 4})
        EXPECT_FALSE(fs::exists(fileOf(number))) << number;
}

TEST_F(ImplicitFits, ALimitIsANumberOfGigabytes) {
    EXPECT_EQ(fitCacheLimit(), 1000000000);
    ::setenv(kLimit, "2.5", 1);
    EXPECT_EQ(fitCacheLimit(), 2500000000);
    for (const char* wrong : {"0", "-1", "nan", "2 GB", "much", "1e9"}) {
        ::setenv(kLimit, wrong, 1);
        const auto made = fit(0);  // before minutes are spent on it
        ASSERT_FALSE(made) << wrong;
        EXPECT_THAT(made.error().text(), HasSubstr("VITRINE_FIT_CACHE_LIMIT"));
        EXPECT_THAT(made.error().text(), HasSubstr(fmt::format("\"{}\"", wrong)));
    }
    EXPECT_FALSE(fs::exists(fileOf(0)));
}

}  // namespace
}  // namespace vitrine
