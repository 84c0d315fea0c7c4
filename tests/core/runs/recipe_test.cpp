#include "core/runs/recipe.h"

#include "core/base/file.h"
#include "tests/core/runs/selftest_only.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::selftestOnly;
using testing::TemporaryFolder;

TEST(Recipe, FillsDefaultsAndAppliesSets) {
    TemporaryFolder folder;
    ASSERT_TRUE(writeFileAtomically(folder / "r.json", R"({"kind": "selftest", "settings": {"steps": 5}})"));
    const auto recipe = loadRecipe(folder / "r.json", {"settings.samples_per_step=20", "name=mine", "seed=3"},
                                   selftestOnly());
    ASSERT_TRUE(recipe) << recipe.error().text();
    EXPECT_EQ((*recipe)["settings"]["steps"], 5);
    EXPECT_EQ((*recipe)["settings"]["samples_per_step"], 20);
    EXPECT_EQ((*recipe)["settings"]["checkpoint_every"], 10);
    EXPECT_EQ((*recipe)["name"], "mine");
    EXPECT_EQ((*recipe)["seed"], 3);
    EXPECT_EQ((*recipe)["device"], "cpu");
}

TEST(Recipe, RefusesMisspeltKeysWithPathAndHint) {
    TemporaryFolder folder;
    const auto errorOf = [&](const std::string& text, std::vector<std::string> sets = {}) {
        EXPECT_TRUE(writeFileAtomically(folder / "r.json", text));
        const auto recipe = loadRecipe(folder / "r.json", sets, selftestOnly());
        return recipe ? std::string("accepted") : recipe.error().text();
    };
    const std::string misspelt = errorOf(R"({"kind": "selftest", "settings": {"stepz": 5}})");
    EXPECT_THAT(misspelt, HasSubstr("$.settings.stepz"));
    EXPECT_THAT(misspelt, HasSubstr("Did you mean \"steps\""));
    EXPECT_THAT(misspelt, HasSubstr("r.json"));
    EXPECT_THAT(errorOf(R"({"kind": "selftest", "sede": 5})"), HasSubstr("Did you mean \"seed\""));
    EXPECT_THAT(errorOf(R"({"kind": "selftes"})"), HasSubstr("Did you mean \"selftest\""));
    EXPECT_THAT(errorOf(R"({"kin": "selftest"})"), HasSubstr("\"kin\" should be \"kind\""));
    EXPECT_THAT(errorOf(R"({"kind": "selftest", "settings": {"steps": "many"}})"),
                HasSubstr("expected integer"));
    EXPECT_THAT(errorOf(R"({"kind": "selftest"})", {"settings.steps=0"}), HasSubstr("at least 1"));
    EXPECT_THAT(errorOf(R"({"kind": "selftest"})", {"settings.steps"}), HasSubstr("--set"));
    EXPECT_THAT(errorOf("[1]"), HasSubstr("must be a JSON object"));
}

}  // namespace
}  // namespace vitrine
