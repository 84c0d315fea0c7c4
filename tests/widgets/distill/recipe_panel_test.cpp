#include "app/desktop/distill/recipe_panel.h"

#include "tests/widgets/qt_fixture.h"
#include "widgets/forms/recipe_editor.h"

#include <gmock/gmock.h>

#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QTest>

namespace vitrine {
namespace {

using ::testing::AllOf;
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

TEST_F(RecipePanelTest, StudentsOfLevelsAreOfferedWithTheirSizesAndWhatTheyUse) {
    panel.offer({"/m/a"}, {"/pictures"}, true);
    panel.resize(400, 700);
    panel.show();
    const auto student = [&]() -> const Json& { return panel.recipe()["settings"]["student"]; };
    const auto shown = [&](const char* key) {
        auto* field = panel.findChild<QWidget*>(QString("field:settings.") + key);
        return field && field->isVisible();
    };
    auto* list = panel.findChild<QComboBox*>("distillSize");
    auto* notUsed = panel.findChild<QLabel*>("notUsed:Student");
    ASSERT_TRUE(notUsed);
    activate("distillPreset", "AM-RADIO");
    EXPECT_FALSE(panel.recipe()["settings"]["window_sizes"].empty());
    EXPECT_TRUE(shown("student.heads"));
    EXPECT_FALSE(shown("student.variant"));

    activate("distillSize", "E-RADIO XT");
    EXPECT_EQ(student()["trunk"], "eradio");
    EXPECT_EQ(student()["variant"], "XT");
    EXPECT_TRUE(panel.recipe()["settings"]["window_sizes"].empty());  // of a ViT alone
    EXPECT_TRUE(panel.checkRecipe()) << panel.checkRecipe().error().text();
    EXPECT_TRUE(shown("student.variant"));
    EXPECT_TRUE(shown("student.window"));
    for (const char* key : {"student.heads", "student.patch_size", "student.position_grid",
                            "student.registers", "student.width", "student.depths", "window_sizes"})
        EXPECT_FALSE(shown(key)) << key;
    EXPECT_THAT(notUsed->text().toStdString(),
                AllOf(HasSubstr("Not used while Trunk is eradio: "), HasSubstr("Attention heads, Patch"),
                      HasSubstr("Not used while Size is XT: ")));
    EXPECT_TRUE(notUsed->isVisible());
    // Looked for, it is there, and says why nothing can be typed.
    panel.editor()->form()->setFilter("registers");
    EXPECT_TRUE(shown("student.registers"));
    EXPECT_FALSE(panel.findChild<QWidget*>("field:settings.student.registers")->isEnabled());
    EXPECT_EQ(panel.findChild<QLabel*>("problem:settings.student.registers")->text(),
              "Not used while Trunk is eradio");
    panel.editor()->form()->setFilter("");
    // The count is that of the recipe's trunk; E-RADIO-L has its published 389.6 million.
    EXPECT_TRUE(list->currentText().startsWith("E-RADIO XT: 40.7 M, 64 channels, 1+3+4+5 blocks"));
    EXPECT_GT(list->findText("E-RADIO L: 389.6 M, 192 channels, 3+3+5+5 blocks", Qt::MatchExactly), 0);

    // A size that only the other family has is told at its field, and Start refuses it.
    Json other = panel.recipe();
    other["settings"]["student"]["variant"] = "L2";
    panel.setRecipe(other);
    EXPECT_THAT(panel.checkRecipe().error().text(),
                AllOf(HasSubstr("an E-RADIO has no size \"L2\""), HasSubstr("tiny, XT, T, L")));
    EXPECT_FALSE(panel.findChild<QLabel*>("problem:settings.student.variant")->isHidden());
    EXPECT_EQ(list->currentIndex(), 0);
    other["settings"]["student"]["trunk"] = "mambavision";
    other["settings"]["partitions"] = {{{"sides", {48}}, {"batch", 1}}};
    panel.setRecipe(other);
    EXPECT_TRUE(list->currentText().startsWith("MambaVision L2"));
    EXPECT_THAT(panel.findChild<QLabel*>("problem:settings.partitions[0].sides")->text().toStdString(),
                HasSubstr("stride of 32"));
    EXPECT_THAT(panel.findChild<QLabel*>("problem:settings.partitions[0].batch")->text().toStdString(),
                HasSubstr("batch normalisation"));

    activate("distillSize", "MambaVision small");
    EXPECT_TRUE(shown("student.width"));
    EXPECT_TRUE(shown("student.depths"));
    EXPECT_EQ(student()["width"], 32);
    activate("distillSize", "ViT-S");
    EXPECT_EQ(student()["depths"], Json({1, 3, 4, 5}));  // as it stands in the schema: it means nothing now
    EXPECT_TRUE(shown("student.heads"));
    EXPECT_FALSE(shown("student.window"));
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
        activate("distillSize", "ViT tiny");
        activate("distillSize", "E-RADIO mini");
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
