#include "widgets/forms/schema_form.h"

#include "tests/widgets/qt_fixture.h"

#include <gmock/gmock.h>

#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QScrollArea>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::waitUntil;

Json smallSchema() {
    return Json::parse(R"({"type": "object", "required": ["who"], "properties": {
      "who": {"type": "string", "minLength": 1, "title": "Name", "group": "People"},
      "rate": {"type": "number", "exclusiveMinimum": 0, "default": 0.35, "unit": "Hz", "group": "Numbers", "live": true},
      "steps": {"type": "integer", "minimum": 1, "maximum": 9, "default": 4, "group": "Numbers"},
      "on": {"type": "boolean", "default": false, "group": "Numbers"},
      "kind": {"type": "string", "enum": ["a", "b"], "default": "a", "group": "Numbers"},
      "sides": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 2}, "default": [4], "group": "Lists"},
      "files": {"type": "array", "items": {"type": "string"}, "default": [], "format": "pictures", "group": "Lists"},
      "parts": {"type": "array", "minItems": 1, "default": [{}], "group": "Lists", "title": "Parts", "items": {"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string", "minLength": 1},
        "weight": {"type": "number", "default": 1, "live": true}}}}}})");
}

struct FormTest : ::testing::Test {
    FormTest() {
        form.setSchema(smallSchema());
        form.resize(420, 700);
        form.show();
    }
    template <typename T>
    T* find(const char* name) {
        for (QWidget* each : form.findChildren<QWidget*>(name))
            if (auto* found = qobject_cast<T*>(each))
                return found;
        return nullptr;
    }
    std::string problem(const char* path) {
        auto* label = find<QLabel>((std::string("problem:") + path).c_str());
        return label && !label->isHidden() ? label->text().toStdString() : "";
    }
    void type(const char* field, const QString& text) {
        auto* edit = find<QLineEdit>(field);
        ASSERT_TRUE(edit) << field;
        edit->selectAll();
        QTest::keyClicks(edit, text);
    }
    QApplication& application = testing::qtApplication();  // before any widget
    SchemaForm form;
};

TEST_F(FormTest, FitsANarrowPanel) {
    auto* scroll = form.findChild<QScrollArea*>();
    ASSERT_TRUE(scroll);
    EXPECT_LE(scroll->widget()->minimumSizeHint().width(), 330);
}

TEST_F(FormTest, FillsInDefaultsAndWhatIsRequired) {
    EXPECT_EQ(form.value()["rate"], 0.35);
    EXPECT_EQ(form.value()["who"], "");
    EXPECT_EQ(form.value()["parts"].size(), 1u);
    EXPECT_EQ(find<QLineEdit>("field:rate")->text(), "0.35");
    EXPECT_EQ(find<QComboBox>("field:kind")->currentText(), "a");
    // What is missing is told at its own field.
    EXPECT_EQ(problem("who"), "must not be empty");
    EXPECT_EQ(problem("parts[0].name"), "must not be empty");
    EXPECT_FALSE(form.isValid());
}

TEST_F(FormTest, TypingChangesTheValueAndChecksIt) {
    QSignalSpy edited(&form, &SchemaForm::edited);
    type("field:who", "Ada");
    EXPECT_EQ(form.value()["who"], "Ada");
    EXPECT_EQ(edited.count(), 3);
    EXPECT_EQ(problem("who"), "");
    type("field:steps", "12");
    EXPECT_EQ(form.value()["steps"], 12);
    EXPECT_EQ(problem("steps"), "must be at most 9, found 12");
    type("field:steps", "many");
    EXPECT_THAT(problem("steps"), HasSubstr("expected integer, found a string (\"many\")"));
    type("field:sides", "4, 1 8");
    EXPECT_EQ(form.value()["sides"], Json({4, 1, 8}));
    EXPECT_EQ(problem("sides"), "must be at least 2, found 1");
    type("field:sides", " ");
    EXPECT_THAT(problem("sides"), HasSubstr("needs at least 1 entries"));
    find<QCheckBox>("field:on")->click();
    EXPECT_EQ(form.value()["on"], true);
    find<QPlainTextEdit>("field:files")->setPlainText("/a, b\n\n/c");
    EXPECT_EQ(form.value()["files"], Json({"/a, b", "/c"}));
}

TEST_F(FormTest, ArrowKeysStepNumbers) {
    auto* rate = find<QLineEdit>("field:rate");
    QTest::keyClick(rate, Qt::Key_Up);
    EXPECT_EQ(rate->text(), "0.36");
    auto* steps = find<QLineEdit>("field:steps");
    QTest::keyClick(steps, Qt::Key_Down);
    EXPECT_EQ(form.value()["steps"], 3);
}

TEST_F(FormTest, ChangesAreMarkedAndPutBack) {
    EXPECT_TRUE(form.changes().empty());
    auto* back = find<QToolButton>("reset:steps");
    EXPECT_FALSE(back->isEnabled());
    type("field:steps", "7");
    EXPECT_TRUE(back->isEnabled());
    EXPECT_EQ(back->toolTip(), "Back to 4");
    ASSERT_EQ(form.changes().size(), 1u);
    EXPECT_EQ(form.changes()[0], (std::pair<std::string, Json>("steps", 7)));
    EXPECT_THAT(find<QToolButton>("section:Numbers")->text().toStdString(), HasSubstr("1 changed"));
    back->click();
    EXPECT_EQ(form.value()["steps"], 4);
    EXPECT_TRUE(form.changes().empty());
    // Against a baseline: what differs from it, whatever the defaults are.
    Json running = form.value();
    running["rate"] = 2;
    form.setBaseline(running);
    ASSERT_EQ(form.changes().size(), 1u);
    EXPECT_EQ(form.changes()[0].first, "rate");
    type("field:rate", "2");
    EXPECT_TRUE(form.changes().empty());
}

TEST_F(FormTest, ListsOfObjectsGrowAndShrink) {
    find<QToolButton>("add:parts")->click();
    ASSERT_TRUE(waitUntil([&] { return find<QLineEdit>("field:parts[1].name") != nullptr; }));
    type("field:parts[1].name", "second");
    type("field:parts[1].weight", "3");
    EXPECT_EQ(form.value()["parts"][1]["name"], "second");
    EXPECT_EQ(form.value()["parts"][1]["weight"], 3);
    find<QToolButton>("copy:parts[1]")->click();
    ASSERT_TRUE(waitUntil([&] { return find<QLineEdit>("field:parts[2].name") != nullptr; }));
    EXPECT_EQ(find<QLineEdit>("field:parts[2].name")->text(), "second");
    find<QToolButton>("remove:parts[0]")->click();
    ASSERT_TRUE(waitUntil([&] { return find<QLineEdit>("field:parts[2].name") == nullptr; }));
    EXPECT_EQ(form.value()["parts"].size(), 2u);
    EXPECT_EQ(find<QLineEdit>("field:parts[0].name")->text(), "second");
    EXPECT_EQ(problem("parts"), "");
    find<QToolButton>("remove:parts[1]")->click();
    ASSERT_TRUE(waitUntil([&] { return find<QLineEdit>("field:parts[1].name") == nullptr; }));
    find<QToolButton>("remove:parts[0]")->click();
    ASSERT_TRUE(waitUntil([&] { return find<QLineEdit>("field:parts[0].name") == nullptr; }));
    EXPECT_EQ(problem("parts"), "needs at least 1 entries, found 0");  // at the list, not above the form
    EXPECT_TRUE(find<QLabel>("formProblem")->isHidden());
}

TEST_F(FormTest, FindsAndNarrows) {
    const auto shown = [&](const char* name) { return find<QWidget>(name)->isVisible(); };
    EXPECT_TRUE(shown("field:steps"));
    form.setFilter("hz");
    EXPECT_TRUE(shown("field:rate"));
    EXPECT_FALSE(shown("field:steps"));
    form.setFilter("");
    form.setOnlyLive(true);
    EXPECT_TRUE(shown("field:rate"));
    EXPECT_TRUE(shown("field:parts[0].weight"));
    EXPECT_FALSE(shown("field:parts[0].name"));
    EXPECT_FALSE(shown("add:parts"));
    form.setOnlyLive(false);
    form.setOnlyChanged(true);
    EXPECT_TRUE(shown("field:who"));  // wrong
    EXPECT_FALSE(shown("field:rate"));
    form.setOnlyChanged(false);
    // A folded section opens where something is looked for.
    find<QToolButton>("section:Numbers")->click();
    EXPECT_FALSE(shown("field:rate"));
    form.setFilter("rate");
    EXPECT_TRUE(shown("field:rate"));
}

TEST_F(FormTest, ProblemsFromElsewhereStandAtTheirField) {
    EXPECT_FALSE(form.setProblem("nothing", "x"));
    EXPECT_TRUE(form.setProblem("sides", "4 pixels are not a multiple of the patch of 3"));
    EXPECT_THAT(problem("sides"), HasSubstr("not a multiple"));
    type("field:sides", "6");
    EXPECT_EQ(problem("sides"), "");
    // A key that the form does not know is told above it.
    Json value = form.value();
    value["stepz"] = 1;
    form.setValue(value);
    EXPECT_THAT(find<QLabel>("formProblem")->text().toStdString(), HasSubstr("Did you mean \"steps\"?"));
}

// "only_for": a value that means nothing beside the others makes room for those that do.
TEST_F(FormTest, WhatDoesNotCountIsNamedWithTheReason) {
    Json schema = smallSchema();
    schema["properties"]["steps"]["only_for"] = {{{"kind", {"b"}}}, {{"kind", {"a"}}, {"on", {true}}}};
    schema["properties"]["steps"]["title"] = "Steps";
    form.setSchema(schema);
    const auto* note = find<QLabel>("notUsed:Numbers");
    ASSERT_TRUE(note);
    // Of the two ways to make it count, what is missing for the nearer one.
    EXPECT_EQ(note->text(), "Not used while on is false: Steps");
    EXPECT_TRUE(note->isVisible());
    EXPECT_FALSE(find<QLineEdit>("field:steps")->isVisible());
    find<QCheckBox>("field:on")->click();
    EXPECT_TRUE(find<QLineEdit>("field:steps")->isVisible());
    EXPECT_FALSE(note->isVisible());
    find<QCheckBox>("field:on")->click();
    // What is wrong has to be seen and mended, whether it counts or not.
    EXPECT_FALSE(find<QLineEdit>("field:steps")->isVisible());
    form.setFurtherProblems({{"$.steps", "too many", "Take fewer"}});
    EXPECT_TRUE(find<QLineEdit>("field:steps")->isVisible());
    EXPECT_TRUE(find<QLineEdit>("field:steps")->isEnabled());
    EXPECT_EQ(problem("steps"), "too many (Take fewer)");
    form.setFurtherProblems({});
    EXPECT_FALSE(find<QLineEdit>("field:steps")->isVisible());
    form.setFilter("steps");
    EXPECT_FALSE(find<QLineEdit>("field:steps")->isEnabled());
    EXPECT_EQ(problem("steps"), "Not used while on is false");
    EXPECT_FALSE(note->isVisible());
}

TEST_F(FormTest, ValuesThatAreNoChoiceAreShownAndNamed) {
    Json value = form.value();
    value["kind"] = "c";
    value["rate"] = "fast";
    form.setValue(value);
    EXPECT_EQ(find<QComboBox>("field:kind")->currentText(), "c");
    EXPECT_THAT(problem("kind"), HasSubstr("must be one of"));
    EXPECT_EQ(form.value(), value);
}

TEST_F(FormTest, ChosenPathsAreAddedOnce) {
    QSignalSpy asked(&form, &SchemaForm::browseRequested);
    form.choosePath("files", "/pictures");
    form.choosePath("files", "/pictures");
    EXPECT_EQ(form.value()["files"], Json({"/pictures"}));
    form.choosePath("who", "/model");
    EXPECT_EQ(form.value()["who"], "/model");
}

}  // namespace
}  // namespace vitrine
