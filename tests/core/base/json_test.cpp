#include "core/base/json.h"

#include <gtest/gtest.h>

namespace vitrine {

TEST(Json, ReadsPythonsInfinity) {
    const auto json = parseJson(
        R"({"time_step_limit": [0.0, Infinity], "text": "Infinity \" NaN", "low": -Infinity})", "x");
    ASSERT_TRUE(json) << json.error().text();
    EXPECT_EQ((*json)["time_step_limit"][1], "Infinity");
    EXPECT_EQ((*json)["text"], "Infinity \" NaN");
    EXPECT_EQ(*jsonValue<double>(*json, "low", "x"), -INFINITY);
}

TEST(Json, NamesTheLineOfASyntaxError) {
    const auto json = parseJson("{\n  \"a\": 1,\n  oops\n}", "config.json");
    ASSERT_FALSE(json);
    EXPECT_EQ(json.error().code, ErrorCode::InvalidFile);
    EXPECT_NE(json.error().text().find("config.json"), std::string::npos);
    EXPECT_NE(json.error().message.find("line 3"), std::string::npos) << json.error().message;
}

TEST(Json, SaysWhatWasExpectedAndFound) {
    const Json json = {{"depth", "twelve"}};
    const auto depth = jsonValue<int64_t>(json, "depth", "config.json");
    ASSERT_FALSE(depth);
    EXPECT_EQ(depth.error().message, "\"depth\" must be a whole number, found \"twelve\"");
    EXPECT_EQ(jsonValue<int64_t>(json, "heads", "c").error().code, ErrorCode::NotFound);
    EXPECT_EQ(*jsonValueOr<int64_t>(json, "heads", 4, "c"), 4);
}

}  // namespace vitrine
