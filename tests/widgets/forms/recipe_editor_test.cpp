#include "widgets/forms/recipe_editor.h"

#include "core/runs/recipe.h"
#include "tests/widgets/qt_fixture.h"

#include <gmock/gmock.h>

#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QSignalSpy>
#include <QTest>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

struct RecipeEditorTest : ::testing::Test {
    RecipeEditorTest() {
        editor.setSchema(recipeSchema(selftestKind()));
        editor.setRecipe({{"kind", "selftest"}, {"tags", {"kept"}}, {"settings", {{"steps", 7}}}});
        editor.showJson(true);
        editor.resize(800, 600);
        editor.show();
    }
    QPlainTextEdit* json() { return editor.findChild<QPlainTextEdit*>("recipeJson"); }
    QLineEdit* field(const char* name) { return editor.findChild<QLineEdit*>(name); }
    std::string strip() { return editor.findChild<QLabel*>("recipeJsonProblem")->text().toStdString(); }
    QApplication& application = testing::qtApplication();  // before any widget
    RecipeEditor editor;
};

TEST_F(RecipeEditorTest, FormAndJsonAreInStep) {
    EXPECT_EQ(field("field:settings.steps")->text(), "7");
    EXPECT_EQ(Json::parse(json()->toPlainText().toStdString())["settings"]["samples_per_step"], 10000);
    QSignalSpy edited(&editor, &RecipeEditor::edited);
    field("field:settings.steps")->selectAll();
    QTest::keyClicks(field("field:settings.steps"), "9");
    EXPECT_EQ(edited.count(), 1);
    const Json shown = Json::parse(json()->toPlainText().toStdString());
    EXPECT_EQ(shown["settings"]["steps"], 9);
    EXPECT_EQ(shown["tags"], Json({"kept"}));  // what the form does not show stays
    json()->setPlainText(R"({"kind": "selftest", "seed": 3, "settings": {"steps": 21}})");
    EXPECT_EQ(field("field:settings.steps")->text(), "21");
    EXPECT_EQ(field("field:seed")->text(), "3");
    EXPECT_EQ(editor.recipe()["settings"]["steps"], 21);
    EXPECT_TRUE(editor.isValid());
    // The text stays as it was typed.
    EXPECT_THAT(json()->toPlainText().toStdString(), HasSubstr(R"("seed": 3, "settings")"));
}

TEST_F(RecipeEditorTest, SaysWhatIsWrongWithTheJson) {
    json()->setPlainText("{\"kind\": \"selftest\",\n \"settings\": {\"steps\": }}");
    EXPECT_THAT(strip(), HasSubstr("line 2"));
    EXPECT_EQ(editor.recipe()["settings"]["steps"], 7);  // the last text that could be read
    json()->setPlainText(R"({"kind": "selftest", "settings": {"stepz": 1, "steps": 0}})");
    EXPECT_THAT(strip(), HasSubstr("Did you mean \"steps\"?"));
    EXPECT_THAT(strip(), HasSubstr("$.settings.steps: must be at least 1, found 0"));
    EXPECT_FALSE(editor.isValid());
    auto* problem = editor.findChild<QLabel*>("problem:settings.steps");
    EXPECT_EQ(problem->text(), "must be at least 1, found 0");
}

}  // namespace
}  // namespace vitrine
