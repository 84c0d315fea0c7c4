#include "core/upsampling/implicit_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

TEST(ImplicitOptions, PublishedSettingsAreTheDefaults) {
    const auto options = implicitOptionsFrom("featup-implicit");
    ASSERT_TRUE(options);
    EXPECT_EQ(*options, ImplicitOptions());
    EXPECT_EQ(options->jitters, 3000);
    EXPECT_EQ(options->steps, 1200);
    EXPECT_EQ(options->kernelFor(16), 29);
    EXPECT_EQ(options->kernelFor(4), 7);
    EXPECT_EQ(options->kernelFor(1), 2);
    EXPECT_EQ(implicitName(*options), "featup-implicit");
}

TEST(ImplicitOptions, NamesAndSettingsAgree) {
    const std::string name = "featup-implicit:jitters=300,steps=40,cell=4,rate=0.001,uncertainty=0,seed=7";
    const auto options = implicitOptionsFrom(name);
    ASSERT_TRUE(options) << options.error().text();
    EXPECT_EQ(options->jitters, 300);
    EXPECT_EQ(options->cell, 4);
    EXPECT_DOUBLE_EQ(options->rate, 1e-3);
    EXPECT_FALSE(options->uncertainty);
    EXPECT_EQ(options->seed, 7u);
    EXPECT_EQ(implicitName(*options), name);
    EXPECT_EQ(implicitName(*implicitOptionsFrom(
                  "featup-implicit:seed=7,steps=40,jitters=300,uncertainty=0,rate=1e-3,cell=4")),
              name);
    const auto again = implicitOptionsFromSettings(implicitSettings(*options));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(*again, *options);
    const Json schema = implicitSettingsSchema();
    const Json published = implicitSettings(ImplicitOptions());
    for (const auto& [key, value] : published.items())
        EXPECT_EQ(schema["properties"][key]["default"], value) << key;
}

TEST(ImplicitOptions, WrongNamesAreToldWithWhatIsRight) {
    const auto told = [](const std::string& name) { return implicitOptionsFrom(name).error().text(); };
    EXPECT_THAT(told("featup-implicit:jiters=3"), HasSubstr("Did you mean \"jitters\"?"));
    EXPECT_THAT(told("featup-implicit:jitters=1"), HasSubstr("a whole number from 2 to 100000, found 1"));
    EXPECT_THAT(told("featup-implicit:steps=2.5"), HasSubstr("a whole number"));
    EXPECT_THAT(told("featup-implicit:steps"), HasSubstr("\"steps\" is no setting and number"));
    EXPECT_THAT(told("featup-implicit:steps=4x"), HasSubstr("\"steps=4x\""));
    EXPECT_THAT(told("featup-implicit:rate=nan"), HasSubstr("found nan"));
    EXPECT_THAT(told("featup"), HasSubstr("featup-implicit:jitters=300"));
    EXPECT_TRUE(isImplicitUpsampler("featup-implicit:x"));
    EXPECT_FALSE(isImplicitUpsampler("featup-implicitly"));
}

}  // namespace
}  // namespace vitrine
