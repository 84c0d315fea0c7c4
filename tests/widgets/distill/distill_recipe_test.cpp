#include "app/desktop/distill/distill_recipe.h"

#include "core/base/json_schema.h"
#include "core/engine/distill_schema.h"
#include "tests/support/temporary_folder.h"
#include "tests/widgets/qt_fixture.h"
#include "widgets/forms/schema_form.h"

#include <gmock/gmock.h>

#include <fstream>

namespace vitrine {
namespace {

using testing::TemporaryFolder;

const Json& presetOf(const std::vector<DistillPreset>& presets, const char* name) {
    for (const DistillPreset& each : presets)
        if (each.name == name)
            return each.recipe;
    ADD_FAILURE() << "no preset " << name;
    static const Json none = Json::object();
    return none;
}

Json withTeachers(const QStringList& models) {
    Json recipe = Json::object();
    for (const QString& model : models)
        chooseTeacher(recipe, model, true);
    choosePictures(recipe, "/pictures", true);
    return recipe;
}

TEST(DistillRecipe, PresetsWithTeachersAndPicturesAreValid) {
    const auto presets = distillPresets();
    const Json chosen = withTeachers({"/models/a", "/models/b.v2", "/other/a"});
    for (const char* name : {"am_radio", "radio_v2_5", "phi_s", "c_radio_v4", "vitrine_s"}) {
        const Json recipe = withDefaults(withPreset(presetOf(presets, name), chosen), distillRecipeSchema());
        const auto problems = validateJson(recipe, distillRecipeSchema());
        EXPECT_TRUE(problems.empty()) << name << ": " << problems[0].path << " " << problems[0].message;
        EXPECT_EQ(teacherModels(recipe), (QStringList{"/models/a", "/models/b.v2", "/other/a"})) << name;
        EXPECT_EQ(pictureFolders(recipe), QStringList{"/pictures"}) << name;
        // Names are of their own, without dots, and partitions name no others.
        std::vector<std::string> names;
        for (const Json& teacher : recipe["settings"]["teachers"])
            names.push_back(teacher["name"]);
        EXPECT_EQ(names, (std::vector<std::string>{"a", "b-v2", "a-2"})) << name;
        for (const Json& partition : recipe["settings"]["partitions"])
            for (const Json& teacher : partition["teachers"])
                EXPECT_THAT(names, ::testing::Contains(teacher.get<std::string>())) << name;
    }
    // The others keep the student that was chosen; this one is about its own.
    Json small = chosen;
    small["settings"]["student"] = studentSizes()[0].settings;
    EXPECT_EQ(withPreset(presetOf(presets, "vitrine_s"), small)["settings"]["student"]["trunk"],
              "convolutional");
    EXPECT_EQ(withPreset(presetOf(presets, "am_radio"), chosen)["settings"]["teachers"][1]["normalizer"],
              "none");
    // PHI-S gives each teacher a batch of its own.
    EXPECT_EQ(withPreset(presetOf(presets, "phi_s"), chosen)["settings"]["partitions"].size(), 3u);
}

TEST(DistillRecipe, TeachersComeAndGoWithTheirPartitions) {
    const auto presets = distillPresets();
    Json recipe = withPreset(presetOf(presets, "phi_s"), withTeachers({"/m/a", "/m/b"}));
    chooseTeacher(recipe, "/m/c", true);
    ASSERT_EQ(recipe["settings"]["partitions"].size(), 3u);
    EXPECT_EQ(recipe["settings"]["partitions"][2]["teachers"], Json({"c"}));
    chooseTeacher(recipe, "/m/a", false);
    EXPECT_EQ(recipe["settings"]["partitions"].size(), 2u);
    chooseTeacher(recipe, "/m/a", false);  // not there: nothing changes
    chooseTeacher(recipe, "/m/b", true);   // there already
    EXPECT_EQ(teacherModels(recipe), (QStringList{"/m/b", "/m/c"}));
    // A shared partition stays whoever teaches.
    Json shared = withPreset(presetOf(presets, "radio_v2_5"), withTeachers({"/m/a"}));
    chooseTeacher(shared, "/m/a", false);
    EXPECT_EQ(shared["settings"]["partitions"].size(), 2u);
}

TEST(DistillRecipe, KeepsStudentAndSeedWhenTheRecipeChanges) {
    Json recipe = withTeachers({"/m/a"});
    EXPECT_EQ(withPreset(presetOf(distillPresets(), "phi_s"), recipe)["tags"], Json({"phi_s"}));
    recipe["seed"] = 9;
    recipe["settings"]["student"] = studentSizes()[0].settings;
    const Json other = withPreset(presetOf(distillPresets(), "c_radio_v4"), recipe);
    EXPECT_EQ(other["seed"], 9);
    EXPECT_EQ(other["settings"]["student"]["width"], 96);
    EXPECT_EQ(other["settings"]["summary_loss"], "angle");
}

TEST(DistillRecipe, FindsModelsInAFolderOfThem) {
    TemporaryFolder folder;
    for (const char* model : {"set/one", "set/group/two", "set/empty"})
        std::filesystem::create_directories(folder / model);
    std::ofstream(folder / "set/one/config.json") << "{}";
    std::ofstream(folder / "set/group/two/model.safetensors") << "x";
    const QString set = QString::fromStdString((folder / "set").string());
    EXPECT_EQ(modelsBelow(set), (QStringList{set + "/group/two", set + "/one"}));
    EXPECT_EQ(modelsBelow(set + "/one"), QStringList{set + "/one"});
    EXPECT_TRUE(modelsBelow(set + "/empty").isEmpty());
}

// Values of a form with one entry in each list.
int leavesOf(const Json& schema) {
    if (schema.contains("properties")) {
        int sum = 0;
        for (const auto& [key, property] : schema["properties"].items())
            sum += leavesOf(property);
        return sum;
    }
    return fieldKindOf(schema) == FieldKind::ObjectList ? leavesOf(schema["items"]) : 1;
}

// Every setting of a distillation can be reached, and says what it is.
TEST(SchemaForm, ShowsAllSettingsOfADistillation) {
    testing::qtApplication();
    SchemaForm form;
    form.setSchema(distillSettingsSchema());
    form.setValue({{"teachers", {{{"name", "a"}, {"model", "/a"}}}}, {"images", {"/pictures"}}});
    EXPECT_TRUE(form.isValid()) << form.problems()[0].path << form.problems()[0].message;
    int fields = 0;
    for (QWidget* each : form.findChildren<QWidget*>())
        if (each->objectName().startsWith("field:")) {
            ++fields;
            EXPECT_GT(each->accessibleDescription().split('\n').size(), 1)
                << each->objectName().toStdString() << " has no description";
        }
    EXPECT_EQ(fields, leavesOf(distillSettingsSchema()));
    EXPECT_GT(fields, 40);
}

}  // namespace
}  // namespace vitrine
