#include "app/desktop/distill/recipe_panel.h"

#include "tests/widgets/qt_fixture.h"
#include "widgets/forms/recipe_editor.h"

#include <gmock/gmock.h>

#include <QComboBox>
#include <QLineEdit>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QTest>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::waitUntil;

struct RecipePanelTest : ::testing::Test {
    QApplication& application = testing::qtApplication();  // before any widget
    RecipePanel panel;
    QListWidget* teachers() { return panel.findChild<QListWidget*>("distillTeachers"); }
    void activate(const char* combo, const QString& text) {
        auto* list = panel.findChild<QComboBox*>(combo);
        const int index = list->findText(text, Qt::MatchStartsWith);
        ASSERT_GT(index, 0) << text.toStdString();
        list->setCurrentIndex(index);
        emit list->activated(index);
    }
};

TEST_F(RecipePanelTest, TickedModelsAreTeachersAndTheOtherWayRound) {
    panel.offer({"/m/a", "/m/b"}, {"/pictures"}, false);
    ASSERT_EQ(teachers()->count(), 2);
    EXPECT_EQ(teachers()->item(0)->checkState(), Qt::Unchecked);
    EXPECT_THAT(panel.checkRecipe().error().text(), HasSubstr("no teacher is chosen"));
    teachers()->item(1)->setCheckState(Qt::Checked);
    EXPECT_EQ(teacherModels(panel.recipe()), QStringList{"/m/b"});
    EXPECT_THAT(panel.checkRecipe().error().text(), HasSubstr("no pictures are chosen"));
    panel.offer({}, {"/pictures"}, true);
    EXPECT_TRUE(panel.checkRecipe());
    // Removed in the form: not ticked any more.
    auto* remove = panel.findChild<QAbstractButton*>("remove:settings.teachers[0]");
    ASSERT_TRUE(remove);
    remove->click();
    EXPECT_TRUE(waitUntil([&] { return teachers()->item(1)->checkState() == Qt::Unchecked; }));
}

TEST_F(RecipePanelTest, StartingPointsAreRecognised) {
    panel.offer({"/m/a"}, {"/pictures"}, true);
    activate("distillPreset", "C-RADIOv4");
    EXPECT_EQ(panel.recipe()["settings"]["summary_loss"], "angle");
    activate("distillSize", "ViT-S");
    EXPECT_EQ(panel.recipe()["settings"]["student"]["depth"], 12);
    Json renamed = panel.recipe();
    renamed["name"] = "mine";
    panel.setRecipe(renamed);
    EXPECT_TRUE(panel.findChild<QComboBox*>("distillPreset")->currentText().startsWith("C-RADIOv4"));
    EXPECT_TRUE(panel.findChild<QComboBox*>("distillSize")->currentText().startsWith("ViT-S"));
    EXPECT_THAT(panel.usePreset("phi-s").error().text(), HasSubstr("Did you mean \"phi_s\"?"));
}

TEST_F(RecipePanelTest, AnyJsonMayBeTyped) {
    panel.offer({"/m/a"}, {"/pictures"}, true);
    panel.editor()->showJson(true);
    auto* json = panel.findChild<QPlainTextEdit*>("recipeJson");
    for (const char* text : {"[1, 2]", "3", "{}", R"({"settings": 3})",
                             R"({"settings": {"teachers": [1, null], "student": []}})",
                             R"({"tags": 5, "settings": {"partitions": {"a": 1}, "images": "x"}})"}) {
        json->setPlainText(text);
        EXPECT_FALSE(panel.checkRecipe()) << text;
        activate("distillSize", "tiny");
        activate("distillPreset", "AM-RADIO");
        panel.offer({"/m/b"}, {}, true);
        EXPECT_THAT(teacherModels(panel.recipe()), ::testing::Contains("/m/b")) << text;
    }
}

TEST_F(RecipePanelTest, StartIsRefusedAtTheFieldThatIsWrong) {
    panel.offer({"/m/a"}, {"/pictures"}, true);
    panel.resize(400, 700);
    panel.show();
    auto* rate = panel.findChild<QLineEdit*>("field:settings.learning_rate");
    rate->selectAll();
    QTest::keyClicks(rate, "-1");
    const auto checked = panel.checkRecipe();
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().text(), HasSubstr("$.settings.learning_rate: must be more than 0"));
}

}  // namespace
}  // namespace vitrine
