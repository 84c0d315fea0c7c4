// A form made from a JSON Schema: sections by "group", a row per value with title, editor and unit, cards for
// lists of objects. What is typed is kept as it is and checked against the schema; each problem stands under
// its field. Values that differ from their default (or from a baseline) are marked and can be put back.
//
//   auto* form = new SchemaForm;
//   form->setSchema(distillSettingsSchema());
//   form->setValue(recipe["settings"]);
//   connect(form, &SchemaForm::edited, [=] { use(form->value(), form->isValid()); });
//
// Values that do not count beside the others ("only_for", reasonNotUsed) are left out, named with the reason
// at the end of their section, and shown without a way to edit them where they are looked for.
//
// Editors are named "field:" + path ("field:student.width", "field:teachers[0].name").
#pragma once

#include "core/base/json_schema.h"
#include "widgets/forms/field_editor.h"

#include <QWidget>
#include <map>
#include <optional>
#include <vector>

class QLabel;
class QScrollArea;
class QToolButton;
class QVBoxLayout;

namespace vitrine {

class SchemaForm : public QWidget {
    Q_OBJECT
  public:
    explicit SchemaForm(QWidget* parent = nullptr);
    ~SchemaForm() override;

    // An object with "properties". "$ref" and "anyOf" are not read.
    void setSchema(const Json& schema);
    // Missing defaults are filled in. Does not emit edited().
    void setValue(const Json& value);
    const Json& value() const { return value_; }
    const std::vector<SchemaProblem>& problems() const { return problems_; }
    bool isValid() const { return problems_.empty(); }

    // What values are compared with and put back to; without: the schema's defaults.
    void setBaseline(std::optional<Json> baseline);
    // Paths of the values that differ, as in setAtPath ("teachers[0].feature_weight"), with the new value.
    std::vector<std::pair<std::string, Json>> changes() const;

    // Which rows are shown: those whose title, key, description or value holds the text; the changed ones;
    // those that may change while a job runs ("live").
    void setFilter(const QString& text);
    void setOnlyChanged(bool only);
    void setOnlyLive(bool only);
    // A problem that the schema cannot know, at its field until that is edited. False: no such field.
    bool setProblem(const std::string& path, const QString& message);
    // Problems that no schema can know but that go with the whole value, in place of those given before.
    void setFurtherProblems(std::vector<SchemaProblem> problems);
    void showField(const std::string& path);  // scrolls to it and gives it the focus

  signals:
    void edited();
    // Answer with choosePath(). `path`: of the field.
    void browseRequested(const QString& path, const QString& format);

  public slots:
    // Puts a chosen path into a field; added to a list.
    void choosePath(const QString& path, const QString& chosen);

  private:
    struct Row;
    struct Section;
    Section& section(const QString& title);
    void rebuild();
    void build(const Json& schema, const std::string& path, QVBoxLayout* into, Section& section, bool live);
    void buildRow(const std::string& key, const Json& schema, const std::string& path, QVBoxLayout* into,
                  Section& section, bool live);
    void buildList(const Json& schema, const std::string& path, QVBoxLayout* into, Section& section,
                   bool live);
    void changeList(const std::string& path, const std::function<void(Json&)>& change);
    void rowEdited(Row& row);
    void check();
    void refreshRows();
    void showRows();
    void showNotUsed(bool narrowed);
    Row* rowAt(const std::string& path);
    std::optional<Json> originalOf(const Row& row) const;

    Json schema_, value_;
    std::optional<Json> baseline_;
    std::vector<SchemaProblem> problems_;
    std::vector<SchemaProblem> further_;
    std::map<std::string, QString> outside_;  // problems from elsewhere, by path
    std::vector<std::unique_ptr<Row>> rows_;
    std::map<std::string, QLabel*> listProblems_;  // under lists of objects, by path
    std::vector<std::unique_ptr<Section>> sections_;
    std::map<QString, bool> folded_;
    QString filter_;
    bool onlyChanged_ = false, onlyLive_ = false;
    QScrollArea* scroll_;
    QLabel* general_;  // problems without a field
};

}  // namespace vitrine
