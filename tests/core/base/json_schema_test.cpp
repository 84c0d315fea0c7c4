#include "core/base/json_schema.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

const Json kSchema = Json::parse(R"({
  "type": "object",
  "required": ["kind"],
  "properties": {
    "kind": {"type": "string", "enum": ["extract", "distill"]},
    "settings": {"$ref": "#/$defs/settings"}
  },
  "$defs": {"settings": {"type": "object", "default": {}, "properties": {
    "resolution": {"type": "integer", "minimum": 16, "maximum": 4096, "default": 224},
    "layers": {"type": "array", "items": {"type": "integer", "minimum": 0}, "default": []}}}}
})");

}  // namespace

TEST(JsonSchema, AcceptsAValidRecipe) {
    EXPECT_TRUE(
        validateJson({{"kind", "extract"}, {"settings", {{"resolution", 448}, {"layers", {1, 2}}}}}, kSchema)
            .empty());
}

TEST(JsonSchema, RefusesAMisspeltKeyWithPathAndSuggestion) {
    const auto problems = validateJson({{"kind", "extract"}, {"settings", {{"resoluton", 448}}}}, kSchema);
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].path, "$.settings.resoluton");
    EXPECT_EQ(problems[0].hint, "Did you mean \"resolution\"?");
}

TEST(JsonSchema, ReportsTypeRangeChoiceAndMissing) {
    const auto problems = validateJson({{"settings", {{"resolution", 8}, {"layers", {0, "two"}}}}}, kSchema);
    ASSERT_EQ(problems.size(), 3u);
    EXPECT_EQ(problems[0].message, "must be at least 16, found 8");
    EXPECT_EQ(problems[1].path, "$.settings.layers[1]");
    EXPECT_EQ(problems[2].message, "the key \"kind\" is missing");
    const auto choice = validateJson({{"kind", "extrakt"}}, kSchema);
    ASSERT_EQ(choice.size(), 1u);
    EXPECT_EQ(choice[0].hint, "Did you mean \"extract\"?");
}

TEST(JsonSchema, FillsDefaultsThroughReferences) {
    const Json filled = withDefaults({{"kind", "extract"}}, kSchema);
    EXPECT_EQ(filled["settings"]["resolution"], 224);
}

TEST(JsonSchema, SetsValuesAtDottedPaths) {
    Json value = Json::object();
    ASSERT_TRUE(setAtPath(value, "settings.layers[0]", "3"));
    ASSERT_TRUE(setAtPath(value, "settings.name", "a b"));
    EXPECT_EQ(value, Json::parse(R"({"settings": {"layers": [3], "name": "a b"}})"));
    EXPECT_FALSE(setAtPath(value, "settings.layers[5]", "3"));
    EXPECT_FALSE(setAtPath(value, "settings.name.x", "3"));
    EXPECT_FALSE(setAtPath(value, "", "3"));
}

}  // namespace vitrine
